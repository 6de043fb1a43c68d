"""V-JEPA 2.1: its weights are read strictly, its tokens become latents.

That they are the reference's numbers, `tests/test_parity.py` shows.
"""

import re

import huggingface_hub
import pytest
import torch
from helpers import GOLDEN, default
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from pipeline.encoders import ENCODERS, vjepa2_1
from pipeline.encoders._shared.imagenet import normalise
from pipeline.encoders.vjepa2_1.vit import VisionTransformer, rotary_embedding
from pipeline.errors import DataError, ParamsError
from pipeline.weights.pretrained import locate

FOLDER = GOLDEN / "encoders" / "vjepa"
WEIGHTS, HEADS = FOLDER / "weights.safetensors", 3
DECODER = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1.0e-3}


def options(source=WEIGHTS, **changes):
    weights = {"source": str(source), "file": None, "revision": None, "sha256": None}
    changes = {"size": 64, "heads": HEADS, "decoder": DECODER, **changes}
    return default(ENCODERS, "vjepa2_1", weights=weights, **changes)[1]


def backbone(chosen):
    return vjepa2_1.VJepa(locate(chosen.weights, "here"), chosen)


def equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


def changed(folder, **tensors):
    """Golden weights with some tensors replaced, added, or left out where None."""
    state = {**load_file(WEIGHTS), **tensors}
    save_file({k: v for k, v in state.items() if v is not None}, folder / "changed.safetensors")
    return folder / "changed.safetensors"


@pytest.mark.parametrize("frames", [2, 1])
def test_latents_are_a_grid_whatever_the_frames_and_however_many(frames):
    pixels = torch.arange(frames * 3 * 40 * 56).reshape(frames, 3, 40, 56) % 251
    encoder = backbone(options(size=96))
    latents = encoder.encode(pixels.to(torch.uint8))
    assert latents.shape == (frames, 48, 6, 6)
    tokens = encoder.network(normalise(pixels, 96)[:, :, None])
    equal(latents[0, :, 1, 4], tokens[0, 10])


def test_rows_and_columns_are_stretched_to_those_of_256_pixels_and_times_are_not():
    turns = rotary_embedding((2, 2, 3), 64)
    assert turns.shape == (12, 32)
    # Pairs 0, 10 and 20 turn fastest: by one for each step of time, row and column.
    fastest = torch.polar(torch.ones(2, 3), torch.tensor([[1, 15, 7.5], [0, 0, 15.0]]))
    equal(turns[[10, 2]][:, [0, 10, 20]], fastest)
    equal(turns[10, [9, 19, 29]].angle(), torch.tensor([1, 15, 7.5]) * 10000**-0.9)
    assert torch.equal(turns[:, 30:], torch.ones(12, 2, dtype=torch.complex64))


def test_the_network_has_as_many_parameters_as_published():
    with torch.device("meta"):
        network = VisionTransformer(1024, 24, 16)
    assert sum(value.numel() for value in network.parameters()) == 304_680_960


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"norms_block.0.bias": None}, "1 missing keys (norms_block.0.bias)"),
        ({"patch_embed.proj.bias": None}, "1 missing keys (patch_embed.proj.bias)"),
        ({"norm.bias": torch.zeros(48)}, "1 unexpected keys (norm.bias)"),
        (
            {"blocks.2.attn.qkv.bias": torch.zeros(48)},
            "1 other shapes (blocks.2.attn.qkv.bias (48,) not (144,))",
        ),
        (
            {key: None for key in load_file(WEIGHTS) if key.startswith("blocks.3.")},
            "12 missing keys (blocks.3.norm1.weight, blocks.3.norm1.bias, "
            "blocks.3.norm2.weight and 9 more)",
        ),
        ({"img_mod_embed": None, "pos_embed": torch.zeros(9)}, "missing keys (img_mod_embed"),
        ({"img_mod_embed": torch.zeros(1, 1, 0)}, "(img_mod_embed (1, 1, 0) not (1, 1, 1024), "),
    ],
)
def test_weights_of_another_kind_are_refused_by_the_names_that_differ(tmp_path, tensors, message):
    path = changed(tmp_path, **tensors)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        backbone(options(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("heads", [5, 48])
def test_heads_that_do_not_split_the_width_are_refused(heads):
    with pytest.raises(ParamsError, match=f"heads = {heads} does not split the width 48 of"):
        backbone(options(heads=heads))


def test_a_checkpoint_in_place_of_the_encoder_is_refused_with_the_command_to_run(tmp_path):
    (tmp_path / "published.pt").write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(DataError, match=r"published.pt: damaged .* `wm extract-vjepa`"):
        backbone(options(tmp_path / "published.pt"))


@pytest.mark.parametrize("size", [16, 40])
def test_a_side_that_is_no_grid_of_patches_is_refused(size):
    with pytest.raises(ValidationError, match="size"):
        options(size=size)


def test_weights_that_are_not_here_are_named_with_all_it_takes_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)
    frames, path = torch.zeros(2, 3, 32, 32, dtype=torch.uint8), tmp_path / "away.safetensors"
    for act in (
        lambda: vjepa2_1.fit(frames, options(path), 0),
        lambda: vjepa2_1.load(tmp_path, options(path)),
    ):
        with pytest.raises(DataError) as caught:
            act()
        said = str(caught.value)
        assert "\n" not in said
        assert said.startswith(f"encoders.vjepa2_1.weights.source = '{path}': no such file; ")
        assert "https://dl.fbaipublicfiles.com/vjepa2/vjepa2_1_vitl_dist_vitG_384.pt" in said
        assert "7ea9b7cb4a75d10644a8a8d42cff9e177b10dca8f02173f0eaf2b0bed82838c6" in said
        assert said.endswith(f"`wm extract-vjepa vjepa2_1_vitl_dist_vitG_384.pt {path}`")


def test_a_folder_is_to_be_told_the_file_in_it(tmp_path):
    with pytest.raises(DataError) as caught:
        vjepa2_1.fit(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), options(tmp_path), 0)
    assert str(caught.value) == (
        f"{tmp_path}: is a folder; name the file in it by encoders.vjepa2_1.weights.file"
    )


def test_the_codec_holds_no_copy_of_the_weights_and_takes_no_others(tmp_path):
    path = changed(tmp_path)
    frames = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    vjepa2_1.fit(frames, options(path), seed=0).save(tmp_path)
    written = {file.name for file in tmp_path.iterdir()}
    assert written == {"changed.safetensors", "weights.json", "decoder.safetensors"}
    changed(tmp_path, img_mod_embed=torch.ones(1, 1, 48))
    with pytest.raises(DataError, match="not the weights that"):
        vjepa2_1.load(tmp_path, options(path))
