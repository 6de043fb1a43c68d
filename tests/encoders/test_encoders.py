"""Every encoder keeps the promises of `pipeline.encoders.Encoder`."""

import copy
from dataclasses import astuple

import numpy as np
import pytest
import torch
import transformers_helpers
from helpers import GOLDEN, PARAMS, default, every
from pydantic import ValidationError

from pipeline import encoders
from pipeline.encode.runner import Execution, Runner
from pipeline.encoders._shared.semantic import Semantic
from pipeline.errors import DataError, ParamsError
from pipeline.families import ENCODERS
from pipeline.metrics.images import psnr

QUICK = {
    "tiny_vae": {"steps": 8},
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
    rng = np.random.default_rng(0)
    frames = np.zeros((64, 32, 32, 3), np.uint8)
    for frame in frames:
        x, y = rng.integers(0, 24, 2)
        frame[y : y + 8, x : x + 8] = rng.integers(0, 255, 3)
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


@pytest.fixture(scope="module", params=every(ENCODERS))
def fitted(request, frames, tmp_path_factory):
    name = request.param
    quick = QUICK.get(name, {})
    if name in transformers_helpers.NAMES:
        weights = transformers_helpers.written(name, tmp_path_factory.mktemp(name))
        quick = {**OF_TRANSFORMERS, "weights": weights}
    module, options = default(ENCODERS, name, **quick)
    return name, options, module.fit(frames, options, seed=0)


def test_latents_are_finite_floats_without_gradient(fitted, frames):
    _, _, encoder = fitted
    raw = encoder.encode(frames[:4])
    assert raw.mean.shape[0] == 4
    assert raw.mean.ndim == 4
    assert raw.mean.dtype == torch.float32
    assert raw.mean.isfinite().all()
    assert not raw.mean.requires_grad
    assert (raw.std is not None) == encoder.stochastic
    if raw.std is not None:
        assert raw.std.shape == raw.mean.shape
        assert (raw.std > 0).all()


def test_who_draws_is_said(fitted):
    _, _, encoder = fitted
    assert encoder.draws == ("fitted" if isinstance(encoder, Semantic) else "own")


def test_a_scale_is_published_for_the_published_autoencoder_alone(fitted):
    name, _, encoder = fitted
    assert encoder.published_scale == (0.18215 if name == "sd_vae" else None)


def test_a_frame_is_encoded_alike_alone_and_in_a_batch(fitted, frames):
    _, _, encoder = fitted
    together = encoder.encode(frames[:8]).mean
    alone = torch.cat([encoder.encode(frames[i : i + 1]).mean for i in range(8)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_the_same_frames_give_the_same_latents(fitted, frames):
    _, _, encoder = fitted
    first, second = (encoder.encode(frames[:8]).mean for _ in range(2))
    assert torch.equal(first, second)


def test_frames_of_the_right_kind_come_back(fitted, frames):
    _, _, encoder = fitted
    truth = frames[:8]
    decoded = encoder.decode(encoder.encode(truth).mean)
    assert decoded.dtype == torch.uint8
    assert decoded.shape == truth.shape


def test_an_encoder_moves_as_a_whole_and_takes_frames_from_anywhere(fitted, frames):
    """On torch's meta device, which computes shapes alone, anything left behind is an error."""
    _, _, encoder = fitted
    moved = copy.deepcopy(encoder).to(torch.device("meta"))
    raw = moved.encode(frames[:4])
    for found, expected in zip(astuple(raw), astuple(encoder.encode(frames[:4])), strict=True):
        if expected is not None:
            assert (found.device.type, found.shape) == ("meta", expected.shape)
    decoded = moved.decode(torch.zeros(raw.mean.shape))
    assert (decoded.device.type, decoded.shape) == ("meta", frames[:4].shape)


def test_bfloat16_computes_nearly_the_same(fitted, frames):
    _, _, encoder = fitted
    exact = encoder.encode(frames[:8])
    cpu, half = torch.device("cpu"), Execution(precision="bfloat16", compile="none")
    rounded = Runner(encoder, cpu, half).encode(frames[:8])
    for found, expected in zip(astuple(rounded), astuple(exact), strict=True):
        if expected is not None:
            assert found.dtype == torch.float32
            assert 0 < (found - expected).norm() / expected.norm() < 3e-2


def test_convolutions_of_autoencoders_have_channels_last_also_when_loaded(fitted, tmp_path):
    name, options, encoder = fitted
    encoders.save(encoder, name, options.model_dump(), tmp_path / "codec")
    for one in (encoder, encoders.load(tmp_path / "codec")[1]):
        vae = getattr(one, "vae", torch.nn.Module())
        weights = [weight for weight in vae.parameters() if weight.ndim == 4]
        assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
        assert bool(weights) == (name in ("tiny_vae", "sd_vae"))


def test_a_saved_encoder_is_the_same_encoder(fitted, frames, tmp_path):
    name, options, encoder = fitted
    encoders.save(encoder, name, options.model_dump(), tmp_path / "codec")
    loaded_name, loaded = encoders.load(tmp_path / "codec")
    assert loaded_name == name
    truth = frames[:4]
    assert torch.equal(loaded.encode(truth).mean, encoder.encode(truth).mean)
    latents = encoder.encode(truth).mean
    assert torch.equal(loaded.decode(latents), encoder.decode(latents))


def test_the_same_seed_fits_the_same_bytes(fitted, frames, tmp_path):
    name, options, encoder = fitted
    module = ENCODERS.load(name, "test")
    again = module.fit(frames, options, seed=0)
    for folder, one in ((tmp_path / "a", encoder), (tmp_path / "b", again)):
        encoders.save(one, name, options.model_dump(), folder)
    assert encoders.digest(tmp_path / "a") == encoders.digest(tmp_path / "b")


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"encoder.json: no such file; run `dvc repro fit`"):
        encoders.load(tmp_path)


def test_all_components_give_every_frame_back(frames):
    module, options = default(ENCODERS, "patch_pca", patch=4, components=48)
    encoder = module.fit(frames, options, seed=0)
    truth = frames
    assert psnr(encoder.decode(encoder.encode(truth).mean), truth).min() > 50


def test_components_are_those_of_a_singular_value_decomposition(frames):
    module, options = default(ENCODERS, "patch_pca", patch=8, components=3)
    encoder = module.fit(frames, options, seed=0)
    blocks = frames.numpy().reshape(64, 3, 4, 8, 4, 8).transpose(0, 2, 4, 1, 3, 5)
    rows = blocks.reshape(-1, 192) / 255
    vectors = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][:3]
    np.testing.assert_allclose(np.abs(encoder.basis.numpy()), np.abs(vectors), atol=2e-4)


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
