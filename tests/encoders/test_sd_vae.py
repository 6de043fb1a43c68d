"""Stable Diffusion's autoencoder, in small: the reference's numbers, from published names."""

import json
import shutil

import pytest
import torch
from helpers import GOLDEN, default, golden
from safetensors.torch import load_file, save_file

from pipeline import encoders
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError, ParamsError
from pipeline.testing.member import scaled_error

FOLDER = GOLDEN / "encoders" / "sd_vae"
WEIGHTS = "diffusion_pytorch_model.safetensors"
SCALE = 0.18215
TOLERANCE = 1e-5
FRAMES = torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()


def chosen(source=FOLDER):
    weights = {"source": str(source), "file": None, "revision": None, "sha256": None}
    return default(ENCODERS, "sd_vae", weights=weights)


def fitted(source=FOLDER, frames=FRAMES):
    module, options = chosen(source)
    return module.fit(frames, options, seed=0)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "vae")


@pytest.fixture
def said():
    return golden("vae_tiny_io")


def test_the_posterior_is_the_reference_s(said):
    with torch.inference_mode():
        posterior = fitted().vae.encode(said("x"))
    assert scaled_error(posterior.mean, said("mean")) < TOLERANCE
    assert scaled_error(posterior.std, (said("logvar") / 2).exp()) < TOLERANCE


def test_frames_are_fed_as_minus_one_to_one_and_latents_are_not_scaled():
    encoder = fitted()
    with torch.inference_mode():
        posterior = encoder.vae.encode(FRAMES.double().div(255).mul(2).sub(1).float())
    raw = encoder.encode(FRAMES)
    assert raw.mean.shape == (3, 4, 4, 4)
    assert scaled_error(raw.mean, posterior.mean) < TOLERANCE
    assert scaled_error(raw.std, posterior.std) < TOLERANCE


def test_frames_come_back_as_the_reference_decodes_them(said):
    expected = ((said("decoded") + 1) * 127.5).clamp(0, 255)
    decoded = fitted().decode(said("z_scaled") / SCALE)
    assert decoded.dtype == torch.uint8
    assert (decoded - expected).abs().max() < 0.51


def test_many_frames_are_encoded_and_decoded_one_by_one():
    encoder, seen = fitted(), []
    for part in (encoder.vae.encoder, encoder.vae.decoder):
        part.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    encoder.decode(encoder.encode(FRAMES).mean)
    assert seen == [1] * 6


def test_elsewhere_whole_batches_are_encoded_and_a_few_frames_decoded_at_once():
    """On torch's meta device, which computes shapes alone, in the place of a GPU."""
    encoder, seen = fitted().to(torch.device("meta")), []
    for part in (encoder.vae.encoder, encoder.vae.decoder):
        part.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    decoded = encoder.decode(encoder.encode(FRAMES.repeat(4, 1, 1, 1)).mean)
    assert seen == [12, 8, 4]
    assert decoded.shape == (12, 3, 32, 32)


def test_a_saved_one_is_a_pointer_and_loads_the_same(tmp_path):
    encoder, (_, options) = fitted(), chosen()
    encoders.save(encoder, "sd_vae", options.model_dump(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder.json", "weights.json"]
    _, loaded = encoders.load(tmp_path)
    raw, again = encoder.encode(FRAMES), loaded.encode(FRAMES)
    assert torch.equal(again.mean, raw.mean)
    assert torch.equal(again.std, raw.std)
    assert torch.equal(loaded.decode(raw.mean), encoder.decode(raw.mean))


def test_weights_that_vanish_or_change_after_saving_are_named(copy, tmp_path):
    encoder, (_, options) = fitted(copy), chosen(copy)
    encoders.save(encoder, "sd_vae", options.model_dump(), tmp_path / "codec")
    state = load_file(copy / WEIGHTS)
    save_file({name: -value for name, value in state.items()}, copy / WEIGHTS)
    with pytest.raises(DataError, match=f"{copy}: not the weights that {tmp_path}/codec"):
        encoders.load(tmp_path / "codec")
    (copy / WEIGHTS).unlink()
    with pytest.raises(
        DataError, match=rf"{copy / WEIGHTS}: no such file; .*sd_vae.weights.source"
    ):
        encoders.load(tmp_path / "codec")


@pytest.mark.parametrize("size", [(36, 32), (32, 36)])
def test_frames_that_do_not_divide_are_refused_before_the_weights_are_sought(tmp_path, size):
    message = f"multiples of 8, but frames are {size[0]} x {size[1]}; set datasets.NAME.resolution"
    with pytest.raises(ParamsError, match=message):
        fitted(tmp_path / "none", torch.zeros(2, 3, *size, dtype=torch.uint8))


def drop(folder):
    state = load_file(folder / WEIGHTS)
    del state["decoder.conv_in.weight"]
    save_file(state, folder / WEIGHTS)


def add(folder):
    save_file({**load_file(folder / WEIGHTS), "more": torch.zeros(1)}, folder / WEIGHTS)


def described(**changes):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changes}))

    return change


def cut(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (drop, r"1 missing keys .decoder.conv_in.weight"),
        (add, r"1 unknown keys .more"),
        (described(block_out_channels=[16] * 4), r"does not fit .* 4 unknown keys"),
        (described(block_out_channels=[16384] * 4), r"holds .* weights, but its config describes"),
        (
            described(layers_per_block=10**9),
            "config.json: damaged .layers_per_block = 1",
        ),
        (described(latent_channels=True), "config.json: damaged .latent_channels = True: "),
        (described(scaling_factor="one"), "config.json: damaged .scaling_factor = 'one': "),
        (described(down_block_types=3), "int"),
        (described(norm_num_groups=True), "describes a network that cannot run"),
        (cut, "safetensors: damaged"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: damaged"),
    ],
)
def test_what_is_not_such_an_autoencoder_is_refused_in_one_line(copy, damage, reason):
    damage(copy)
    with pytest.raises(DataError, match=reason) as caught:
        fitted(copy)
    said = str(caught.value)
    assert said.startswith(str(copy))
    assert said.endswith("point encoders.sd_vae.weights.source at one")
    assert "\n" not in said


def test_the_published_options_pin_what_they_take():
    _, options = default(ENCODERS, "sd_vae")
    assert options.weights.source == "stabilityai/sd-vae-ft-mse"
    assert len(options.weights.revision) == 40
