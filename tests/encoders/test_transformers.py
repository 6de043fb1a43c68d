"""DINOv3 and V-JEPA 2 are those of transformers, and loading them is ours."""

import json
import sys

import pytest
import torch
import transformers_helpers
from helpers import default
from safetensors.torch import load_file, save_file

from pipeline import encoders
from pipeline.encoders import ENCODERS
from pipeline.encoders._shared.imagenet import normalise
from pipeline.errors import DataError, ParamsError

NAMES = transformers_helpers.NAMES
CLASSES = {"dinov3": "DINOv3ViTModel", "vjepa2": "VJEPA2Model"}
NORMS = {"dinov3": "norm.bias", "vjepa2": "encoder.layernorm.bias"}
DECODER = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3}


def codec(name, weights, **changes):
    changes = {"size": 64, "decoder": DECODER, **changes}
    return default(ENCODERS, name, weights=weights, **changes)


@pytest.fixture
def frames(generator):
    return torch.randint(0, 256, (4, 3, 40, 56), generator=generator, dtype=torch.uint8)


@pytest.fixture(params=NAMES)
def name(request):
    pytest.importorskip("transformers")
    return request.param


@pytest.fixture
def weights(name, tmp_path):
    return transformers_helpers.written(name, tmp_path / "model")


def direct(name, pixels):
    """Features by a plain call of transformers [B, C, h, w], of square pixels [B, 3, S, S]."""
    if name == "dinov3":
        tokens = transformers_helpers.small(name)(pixels).last_hidden_state[:, 1 + 3 :]
    else:
        network = transformers_helpers.small(name, crop_size=pixels.shape[-1])
        tokens = network(pixels[:, None], skip_predictor=True).last_hidden_state
    side = pixels.shape[-1] // 16
    return tokens.unflatten(1, (side, side)).movedim(-1, 1)


@pytest.mark.parametrize("size", [64, 96])
def test_latents_are_the_tokens_of_patches_of_a_direct_call(name, weights, frames, size):
    module, options = codec(name, weights, size=size)
    latents = module.fit(frames, options, seed=0).encode(frames).mean
    expected = direct(name, normalise(frames, size))
    torch.testing.assert_close(latents, expected, atol=2e-5, rtol=0)
    assert expected.std() > 0.1


def test_a_codec_holds_a_pointer_and_comes_back_the_same(name, weights, frames, tmp_path):
    module, options = codec(name, weights, size=96, pool=2, channels=5)
    encoder = module.fit(frames, options, seed=0)
    encoders.save(encoder, name, options.model_dump(), tmp_path / "codec")
    held = sum(file.stat().st_size for file in (tmp_path / "codec").iterdir())
    assert held < (tmp_path / "model" / "model.safetensors").stat().st_size
    again = encoders.load(tmp_path / "codec")[1]
    assert again.encode(frames).mean.shape == (4, 5, 3, 3)
    assert torch.equal(again.encode(frames).mean, encoder.encode(frames).mean)


def refused(name, weights, frames):
    module, options = codec(name, weights)
    with pytest.raises(DataError) as caught:
        module.fit(frames, options, seed=0)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(f"; name a folder with both files of one {CLASSES[name]}")
    return said


def test_the_folder_of_another_network_is_refused(name, frames, tmp_path):
    other = NAMES[1 - NAMES.index(name)]
    said = refused(name, transformers_helpers.written(other, tmp_path / "other"), frames)
    kinds = {"dinov3": "dinov3_vit", "vjepa2": "vjepa2"}
    assert f"config.json: model_type = {kinds[other]!r}, not {kinds[name]!r}" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "1 missing keys ({})"),
        (torch.ones(2), "1 other shapes ({})"),
        ({"head.bias": torch.ones(2)}, "1 unexpected keys (head.bias)"),
    ],
)
def test_weights_that_the_config_does_not_describe_are_refused(
    name, weights, frames, tmp_path, change, message
):
    path, key = tmp_path / "model" / "model.safetensors", NORMS[name]
    changes = change if isinstance(change, dict) else {key: change}
    state = {**load_file(path), **changes}
    save_file({k: v for k, v in state.items() if v is not None}, path, {"format": "pt"})
    said = refused(name, weights, frames)
    assert said.startswith(f"{path}: does not match config.json: {message.format(key)};")


def test_a_config_that_is_none_is_refused(name, weights, frames, tmp_path):
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "hidden_size": "wide"}))
    assert "hidden_size" in refused(name, weights, frames)
    path.write_text("not json")
    assert refused(name, weights, frames).startswith(f"{path}: damaged (Invalid JSON")


def test_damaged_weights_are_refused(name, weights, frames, tmp_path):
    path = tmp_path / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    module, options = codec(name, weights)
    with pytest.raises(DataError, match=r"model.safetensors: damaged \(.*\); download it again"):
        module.fit(frames, options, seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_without_the_package_it_says_how_to_get_it_before_weights_are_fetched(
    name, frames, monkeypatch
):
    monkeypatch.setitem(sys.modules, "transformers", None)
    module, options = codec(
        name, {"source": "/none", **dict.fromkeys(["file", "revision", "sha256"])}
    )
    with pytest.raises(ParamsError) as caught:
        module.fit(frames, options, seed=0)
    assert str(caught.value) == (
        f"encoders.{name} runs in transformers, which is not installed: `pip install -e "
        "'.[transformers]'`, or choose another encoder"
    )
