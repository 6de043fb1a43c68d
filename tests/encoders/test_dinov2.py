"""Web-DINO and DINOv2: their weights are read strictly, their tokens become latents.

That the tokens are those of transformers' Dinov2Model, `tests/test_parity.py` shows.
"""

import json
import re
import shutil

import pytest
import torch
from helpers import GOLDEN, default
from safetensors.torch import load_file, save_file
from torch import nn

from pipeline import encoders
from pipeline.encoders import ENCODERS
from pipeline.encoders._shared.dinov2 import Config, Dinov2
from pipeline.encoders._shared.dinov2_codec import read
from pipeline.encoders._shared.imagenet import normalise
from pipeline.errors import DataError, ParamsError
from pipeline.tools.parity.checks.webdino300m_keys import CONFIG as WEB_DINO

FOLDER = GOLDEN / "encoders" / "dino"
FORMS = {"web_dino": "swiglu", "dinov2": "mlp"}
DINOV2_BASE = {
    **{key: value for key, value in WEB_DINO.items() if not key.startswith("use_")},
    "hidden_size": 768,
    "image_size": 518,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
}
"""Of facebook/dinov2-base, written before the two flags existed."""


def shapes(config):
    with torch.device("meta"):
        network = Dinov2(Config.model_validate(config))
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def parameters(config):
    return sum(torch.Size(shape).numel() for shape in shapes(config).values())


def codec(name, **changes):
    """Module and options of a member with small weights, a small decoder and little fitting."""
    weights = {"source": str(FOLDER / FORMS[name]), "file": None, "revision": None, "sha256": None}
    decoder = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3}
    quick = {"weights": weights, "size": 56, "decoder": decoder}
    return default(ENCODERS, name, **{**quick, **changes})


@pytest.fixture
def copy(tmp_path):
    """A copy of the gated weights that a test may spoil."""
    shutil.copytree(FOLDER / "swiglu", tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 3, 40, 32), generator=generator, dtype=torch.uint8)


def test_positions_are_resized_where_only_the_shape_of_the_grid_differs():
    embeddings = read(FOLDER / "swiglu").embeddings
    by_row = torch.arange(4.0).repeat_interleave(4)[:, None].expand(-1, 48)
    embeddings.position_embeddings[0, 1:] = by_row
    first, grid = embeddings.positions(2, 8)[0].split([1, 16])
    assert torch.equal(first, embeddings.position_embeddings[0, :1])
    grid = grid.unflatten(0, (2, 8))
    torch.testing.assert_close(grid, grid[:, :1].expand_as(grid))
    torch.testing.assert_close(grid[:, 0, 0].sum(), torch.tensor(3.0))


def test_they_have_as_many_parameters_as_published():
    assert parameters(WEB_DINO) == 303_655_168
    assert parameters(DINOV2_BASE) == 86_580_480


@pytest.mark.parametrize(
    ("flag", "kind"),
    [("use_mask_token", "mask_token"), ("qkv_bias", r"(query|key|value)\.bias")],
)
def test_a_flag_of_the_config_takes_its_tensors_away(flag, kind):
    without = shapes({**WEB_DINO, flag: False})
    taken = {name for name in shapes(WEB_DINO) if re.search(kind, name)}
    assert taken
    assert shapes(WEB_DINO).keys() - without.keys() == taken


def test_every_norm_has_the_epsilon_of_the_config(copy):
    path = copy / "config.json"
    path.write_text(path.read_text().replace("1e-06", "0.125"))
    norms = [part for part in read(copy).modules() if isinstance(part, nn.LayerNorm)]
    assert [norm.eps for norm in norms] == [0.125] * 5


def test_pixels_are_normalised_by_channel():
    frames = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    frames[:, 1] = 255
    expected = [-0.485 / 0.229, (1 - 0.456) / 0.224, -0.406 / 0.225]
    torch.testing.assert_close(normalise(frames, 4)[0, :, 2, 1], torch.tensor(expected))


def test_frames_are_resized_by_cubics_that_neither_blur_nor_clamp():
    frames = torch.zeros(1, 3, 4, 8, dtype=torch.uint8)
    frames[..., 3] = 255
    red = normalise(frames, 4)[0, 0] * 0.229 + 0.485
    # Half a pixel from two columns and one and a half from the next, by Keys' kernel, a = -0.75.
    expected = torch.tensor([0.0, 0.59375, -0.09375, 0.0]).expand(4, -1)
    torch.testing.assert_close(red[:, 1:3], expected[:, 1:3], atol=1e-6, rtol=0)
    torch.testing.assert_close(red[:, 3], expected[:, 3], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", FORMS)
def test_latents_are_the_tokens_of_the_patches_in_reading_order(name, frames):
    module, options = codec(name)
    latents = module.fit(frames, options, seed=0).encode(frames).mean
    network = read(FOLDER / FORMS[name])
    tokens = network(normalise(frames, 56))
    assert latents.shape == (4, tokens.shape[2], 4, 4)
    for row, column in ((0, 0), (0, 3), (2, 1)):
        torch.testing.assert_close(latents[:, :, row, column], tokens[:, 1 + 4 * row + column])


def test_plain_dinov2_is_not_taken_for_web_dino(frames, tmp_path):
    plain = FOLDER / "mlp"
    weights = {"source": str(plain), "file": None, "revision": None, "sha256": None}
    module, options = codec("web_dino", weights=weights)
    with pytest.raises(DataError) as caught:
        module.fit(frames, options, seed=0)
    assert str(caught.value) == (
        f"{plain}/config.json: use_swiglu_ffn = false is plain DINOv2, not Web-DINO; set encoder "
        "to dinov2 and point encoders.dinov2.weights.source at this folder"
    )
    encoder = codec("dinov2")[0].fit(frames, options, seed=0)
    encoders.save(encoder, "web_dino", options.model_dump(), tmp_path)
    with pytest.raises(DataError, match="is plain DINOv2"):
        encoders.load(tmp_path)


def test_larger_frames_make_a_larger_grid(frames):
    module, options = codec("web_dino", size=70)
    assert module.fit(frames, options, seed=0).encode(frames).mean.shape == (4, 48, 5, 5)


@pytest.mark.parametrize("name", FORMS)
def test_a_size_that_patches_do_not_tile_is_refused(name, frames):
    module, options = codec(name, size=60)
    message = rf"encoders.{name}.size = 60 is no multiple of the patch size 14 .*; take 56$"
    with pytest.raises(ParamsError, match=message):
        module.fit(frames, options, seed=0)


def test_weights_in_half_precision_are_computed_with_in_float32(copy):
    state = load_file(copy / "model.safetensors")
    save_file({name: value.half() for name, value in state.items()}, copy / "model.safetensors")
    network, original = read(copy), read(FOLDER / "swiglu")
    pixels = torch.ones(1, 3, 56, 56)
    assert torch.equal(network(pixels), original(pixels))  # golden weights are exact in half


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_type": "dinov2_with_registers"},
            "model_type = 'dinov2_with_registers': .*'dinov2'",
        ),
        ({"hidden_size": None}, "hidden_size = None: "),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000: "),
        ({"num_hidden_layers": True}, "num_hidden_layers = True: "),
        ({"num_attention_heads": 5}, "num_attention_heads = 5 does not divide hidden_size = 48"),
        ({"num_channels": 4}, "num_channels = 4: "),
        ({"patch_size": 15}, "patch_size = 15 does not divide image_size = 56"),
        ({"layer_norm_eps": 0}, "layer_norm_eps = 0: "),
        (
            {"hidden_act": "gelu_new", "use_swiglu_ffn": False},
            "hidden_act = 'gelu_new' is unknown; known: gelu",
        ),
    ],
)
def test_a_config_of_another_network_is_refused_by_its_field(copy, changes, message):
    path = copy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(
        DataError, match=rf"config.json: damaged .{message}.*; name the folder"
    ) as caught:
        read(copy)
    assert "\n" not in str(caught.value)


def test_a_config_that_lacks_a_field_or_is_none_is_refused(copy):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    del config["patch_size"]
    path.write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config.json: damaged .patch_size: Field required.; name"):
        read(copy)
    path.write_text("not json")
    with pytest.raises(DataError, match=r"config.json: damaged .Invalid JSON: .*; name"):
        read(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layernorm.bias": None}, "1 missing keys (layernorm.bias); "),
        ({"layernorm.bias": torch.ones(2)}, "1 other shapes (layernorm.bias (2,) not (48,)); "),
        ({"head.bias": torch.ones(2)}, "1 unexpected keys (head.bias); "),
    ],
)
def test_weights_that_the_config_does_not_describe_are_refused(copy, changes, message):
    state = {**load_file(copy / "model.safetensors"), **changes}
    kept = {name: value for name, value in state.items() if value is not None}
    save_file(kept, copy / "model.safetensors")
    with pytest.raises(DataError, match=re.escape(f"does not match config.json: {message}")):
        read(copy)


def test_damaged_weights_are_refused(copy):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[:-4])
    with pytest.raises(DataError, match=r"model.safetensors: damaged \(.*\); download it again"):
        read(copy)


def test_a_config_that_changed_after_the_fit_is_noticed(copy, frames, tmp_path):
    weights = {"source": str(copy), "file": None, "revision": None, "sha256": None}
    module, options = codec("web_dino", weights=weights)
    encoder = module.fit(frames, options, seed=0)
    encoders.save(encoder, "web_dino", options.model_dump(), tmp_path / "codec")
    encoders.load(tmp_path / "codec")
    config = copy / "config.json"
    config.write_text(config.read_text().replace("1e-06", "1e-05"))
    with pytest.raises(DataError, match="not the weights that"):
        encoders.load(tmp_path / "codec")
