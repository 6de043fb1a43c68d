"""Every encoder keeps the promises of `pipeline.encoders.Encoder`."""

import json

import numpy as np
import pytest
import torch
import transformers_helpers
from helpers import GOLDEN, PARAMS, default, every, member_of
from pydantic import ValidationError

from pipeline import encoders
from pipeline.encode.runner import Execution, Runner
from pipeline.encoders import ENCODERS
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.errors import DataError, ParamsError, UserError
from pipeline.families import STATE
from pipeline.metrics.images import psnr
from pipeline.testing.encoders import EncoderTests, squares, tensors

QUICK = {
    "tiny_vae": {"steps": 8},
    "keypoints": {"steps": 4},
    "tiny_dino": {
        "steps": 2,
        "decoder": {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1.0e-3},
    },
    "tiny_jepa": {
        "steps": 2,
        "decoder": {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1.0e-3},
    },
    "sd_vae": {
        "weights": {
            "source": str(GOLDEN / "encoders/sd_vae"),
            "file": None, "revision": None, "sha256": None,
        },
    },
    "vjepa2_1": {
        "weights": {
            "source": str(GOLDEN / "encoders/vjepa/weights.safetensors"),
            "file": None, "revision": None, "sha256": None,
        },
        "size": 32,
        "heads": 3,
        "decoder": {"channels": [16, 16, 16], "steps": 8, "batch": 4, "learning_rate": 1e-3},
    },
    "web_dino": {
        "weights": {
            "source": str(GOLDEN / "encoders/dino/swiglu"),
            "file": None, "revision": None, "sha256": None,
        },
        "size": 56,
        "decoder": {"channels": [16, 16, 16], "steps": 8, "batch": 4, "learning_rate": 1e-3},
    },
    "dinov2": {
        "weights": {
            "source": str(GOLDEN / "encoders/dino/mlp"),
            "file": None, "revision": None, "sha256": None,
        },
        "size": 56,
        "decoder": {"channels": [16, 16, 16], "steps": 8, "batch": 4, "learning_rate": 1e-3},
    },
}  # fmt: skip
OF_TRANSFORMERS = {
    "size": 64, "decoder": {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3},
}  # fmt: skip


@pytest.fixture(scope="module")
def frames():
    return squares(64, 32, 32)


class TestEveryEncoder(EncoderTests):
    @pytest.fixture(scope="class", params=[n for n in every(ENCODERS) if n != STATE])
    @classmethod
    def member(cls, request, tmp_path_factory):
        name = request.param
        quick = QUICK.get(name, {})
        if name in transformers_helpers.NAMES:
            weights = transformers_helpers.written(name, tmp_path_factory.mktemp(name))
            quick = {**OF_TRANSFORMERS, "weights": weights}
        return member_of(ENCODERS, name, **quick)

    def test_the_kind_of_decoder_is_known(self, encoder):
        assert encoder.decoder_kind == ("fitted" if isinstance(encoder, FeatureCodec) else "own")

    def test_a_scale_is_published_for_the_published_autoencoder_alone(self, member, encoder):
        assert encoder.published_scale == (0.18215 if member.name == "sd_vae" else None)

    def test_bfloat16_computes_nearly_the_same(self, encoder, frames):
        exact = encoder.encode(frames[:8])
        half = Execution(precision="bfloat16", compile="none")
        rounded = Runner(encoder, torch.device("cpu"), half).encode(frames[:8])
        for latents, expected in zip(tensors(rounded), tensors(exact), strict=True):
            assert latents.dtype == torch.float32
            assert 0 < (latents - expected).norm() / expected.norm() < 3e-2

    def test_convolutions_of_autoencoders_have_channels_last_also_when_loaded(
        self, member, encoder, folder
    ):
        for one in (encoder, encoders.load(folder)[1]):
            vae = getattr(one, "vae", torch.nn.Module())
            weights = [weight for weight in vae.parameters() if weight.ndim == 4]
            assert all(
                weight.is_contiguous(memory_format=torch.channels_last) for weight in weights
            )
            assert bool(weights) == (member.name in ("tiny_vae", "sd_vae"))


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"encoder.json: no such file; run `dvc repro fit`"):
        encoders.load(tmp_path)


def test_all_components_give_every_frame_back(frames):
    module, options = default(ENCODERS, "patch_pca", patch=4, components=48)
    encoder = module.fit(frames, options, seed=0)
    truth = frames
    assert psnr(encoder.decode(encoder.encode(truth).mean), truth).min() > 50


@pytest.mark.parametrize("centre", ["picture", "patch"])
def test_components_are_those_of_a_singular_value_decomposition(frames, centre):
    module, options = default(ENCODERS, "patch_pca", patch=8, components=3, centre=centre)
    encoder = module.fit(frames, options, seed=0)
    blocks = frames.numpy().reshape(64, 3, 4, 8, 4, 8).transpose(0, 2, 4, 1, 3, 5) / 255
    centred = blocks - blocks.mean(0 if centre == "picture" else (0, 1, 2))
    vectors = np.linalg.svd(centred.reshape(-1, 192), full_matrices=False)[2][:3]
    np.testing.assert_allclose(np.abs(encoder.basis.numpy()), np.abs(vectors), atol=2e-4)


def test_a_mean_picture_costs_no_component_and_takes_frames_of_its_size_alone(frames):
    """A background is all in the mean, whatever it looks like: objects keep the components."""
    generator = torch.Generator().manual_seed(1)
    background = torch.randint(128, frames.shape[1:], generator=generator).byte()
    scene = torch.where(frames.amax(1, keepdim=True) > 0, frames, background)
    quality = {}
    for centre in ("picture", "patch"):
        module, options = default(ENCODERS, "patch_pca", components=12, centre=centre)
        encoder = module.fit(scene, options, seed=0)
        quality[centre] = psnr(encoder.decode(encoder.encode(scene).mean), scene).mean()
        if centre == "picture":
            message = (
                "frames are 16 x 32, but this patch_pca subtracts the mean of frames of 32 x 32"
            )
            with pytest.raises(UserError, match=message):
                encoder.encode(scene[:, :, :16])
        else:
            assert encoder.encode(scene[:, :, :16]).mean.shape[2:] == (2, 4)
    assert quality["picture"] > quality["patch"] + 3


def test_a_codec_of_before_there_was_a_choice_of_centre_is_the_same(frames, tmp_path):
    module, options = default(ENCODERS, "patch_pca", centre="patch")
    encoder = module.fit(frames, options, seed=0)
    encoders.save(encoder, "patch_pca", options.model_dump(), tmp_path)
    card = {"encoder": "patch_pca", "options": options.model_dump(exclude={"centre"})}
    (tmp_path / encoders.ENCODER_JSON).write_text(json.dumps(card))
    latents = encoders.load(tmp_path)[1].encode(frames).mean
    assert torch.equal(latents, encoder.encode(frames).mean)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": 7}, "patch = 7 does not divide frames of 32 x 32"),
        ({"patch": 2, "components": 13}, "components = 13, but a patch has 12 values"),
    ],
)
def test_patches_that_do_not_fit_are_refused(frames, changes, message):
    module, options = default(ENCODERS, "patch_pca", **changes)
    with pytest.raises(ParamsError, match=message):
        module.fit(frames, options, seed=0)


@pytest.mark.parametrize("size", [(36, 32), (32, 36), (4, 4)])
def test_frames_that_the_autoencoder_cannot_halve_are_refused(size):
    module, options = default(ENCODERS, "tiny_vae")
    message = rf"multiples of 8, but frames are {size[0]} x {size[1]}; set datasets.NAME.resolution"
    with pytest.raises(ParamsError, match=message):
        module.fit(torch.zeros(2, 3, *size, dtype=torch.uint8), options, seed=0)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([12, 20], "Input should be a multiple of 8"),
        ([8, 0], "Input should be greater than 0"),
        ([], "should have at least 1 item"),
        ([8] * 10, "should have at most 9 items"),
    ],
)
def test_widths_that_make_no_autoencoder_are_refused_with_the_params(channels, message):
    with pytest.raises(ValidationError, match=message):
        default(ENCODERS, "tiny_vae", channels=channels)


@pytest.mark.parametrize("name", [n for n in every(ENCODERS) if "decoder" in PARAMS["encoders"][n]])
def test_widths_that_make_no_decoder_are_refused_with_the_params(name):
    decoder = PARAMS["encoders"][name]["decoder"]
    for channels in ([], [0], [8, -1]):
        with pytest.raises(ValidationError, match=r"decoder\.channels"):
            default(ENCODERS, name, decoder={**decoder, "channels": channels})


def test_the_autoencoder_learns(frames):
    module, options = default(ENCODERS, "tiny_vae", steps=60)
    truth = frames
    quality = []
    for steps in (2, 60):
        encoder = module.fit(frames, options.model_copy(update={"steps": steps}), seed=0)
        quality.append(float(psnr(encoder.decode(encoder.encode(truth).mean), truth).mean()))
    assert quality[1] > quality[0] + 3
