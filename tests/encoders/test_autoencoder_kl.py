"""The KL autoencoder is diffusers' own, number by number, and its files are diffusers' too."""

import json

import pytest
import torch
from helpers import default

from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders import ENCODERS
from pipeline.encoders._shared.autoencoder_kl import Architecture, AutoencoderKl
from pipeline.encoders._shared.kl import load_vae
from pipeline.errors import DataError

make_importable()
from diffusers import AutoencoderKL  # noqa: E402

SIZES = [Architecture((8, 16, 16), 1, 4, 8), Architecture((8, 8), 2, 3, 4)]
WHOLE = {"down_block_types": "DownEncoderBlock2D", "up_block_types": "UpDecoderBlock2D"}


def of_diffusers(sizes, **further):
    return AutoencoderKL(
        block_out_channels=sizes.channels,
        layers_per_block=sizes.layers,
        latent_channels=sizes.latent_channels,
        norm_num_groups=sizes.groups,
        **{name: (kind,) * len(sizes.channels) for name, kind in WHOLE.items()},
        **further,
    )


def both(sizes, build=of_diffusers):
    for make in (build, AutoencoderKl):
        torch.manual_seed(0)
        yield make(sizes)


def frames(side=16):
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("sizes", SIZES)
def test_weights_are_drawn_and_named_as_by_diffusers(sizes):
    theirs, ours = (network.state_dict() for network in both(sizes))
    assert list(ours) == list(theirs)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("sizes", SIZES)
def test_posteriors_and_frames_are_diffusers_to_the_bit(sizes):
    theirs, ours = (net.eval().to(memory_format=torch.channels_last) for net in both(sizes))
    with torch.inference_mode():
        expected, found = theirs.encode(frames()).latent_dist, ours.encode(frames())
        assert torch.equal(found.mean, expected.mean)
        assert torch.equal(found.std, expected.std)
        assert torch.equal(found.kl(), expected.kl())
        assert torch.equal(ours.decode(found.mean), theirs.decode(expected.mean).sample)


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_diffusers_to_the_bit(sizes):
    theirs, ours = both(sizes)
    expected, found = theirs.encode(frames()).latent_dist, ours.encode(frames())
    (theirs.decode(expected.mean).sample.square().mean() + expected.kl().mean()).backward()
    (ours.decode(found.mean).square().mean() + found.kl().mean()).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine.grad, its.grad)


def test_diffusers_reads_what_tiny_vae_saves(tmp_path):
    module, options = default(ENCODERS, "tiny_vae", steps=1)
    seen = torch.randint(256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(2)).byte()
    fitted = module.fit(seen, options, 0)
    fitted.save(tmp_path)
    theirs = AutoencoderKL.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        expected = theirs.encode(seen.float().div(127.5).sub(1)).latent_dist
    assert torch.allclose(fitted.encode(seen).mean, expected.mean, atol=1e-5)


def test_networks_that_ours_is_not_are_read_by_diffusers(tmp_path):
    plain = of_diffusers(SIZES[0], mid_block_add_attention=False).eval()
    plain.save_pretrained(tmp_path)
    vae, config = load_vae(tmp_path, "give another")
    assert not isinstance(vae, AutoencoderKl)
    assert config.latent_channels == 4
    with torch.inference_mode():
        expected = plain.encode(frames()).latent_dist
        found = vae.encode(frames())
        assert torch.equal(found.std, expected.std)
        assert torch.equal(vae.decode(found.mean), plain.decode(expected.mean).sample)


def test_weights_with_a_nan_are_refused(tmp_path):
    network = of_diffusers(SIZES[0])
    with torch.no_grad():
        network.post_quant_conv.bias[0] = torch.nan
    network.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "AutoencoderKL"
    with pytest.raises(DataError, match=r"values that are not finite .*; give another"):
        load_vae(tmp_path, "give another")
