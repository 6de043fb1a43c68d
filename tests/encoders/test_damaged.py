"""A codec's folder that is damaged is told in one line, whatever it was that happened to it."""

import pytest
import torch
from helpers import default
from safetensors.torch import load_file, save_file

from pipeline import encoders
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError

DECODER = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3}
QUICK = {"patch_pca": {}, "tiny_dino": {"steps": 2, "decoder": DECODER}, "tiny_vae": {"steps": 1}}
FRAMES = torch.randint(256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()


@pytest.fixture
def codec(request, tmp_path):
    """The folder of a fitted encoder, by its name."""
    module, options = default(ENCODERS, request.param, **QUICK[request.param])
    encoder = module.fit(FRAMES, options, seed=0)
    encoders.save(encoder, request.param, options.model_dump(), tmp_path / "codec")
    encoders.load(tmp_path / "codec")
    return tmp_path / "codec"


def complaint(read, folder):
    with pytest.raises(DataError) as caught:
        read(folder)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(str(folder))
    assert said.endswith("; make it again: `dvc repro -f fit`")
    return said


def rewrite(path, header=None, **tensors):
    """Replace tensors of a file, or leave out those that are None."""
    state = {**load_file(path), **tensors}
    save_file({k: v for k, v in state.items() if v is not None}, path, header)


@pytest.mark.parametrize("read", [encoders.name_of, encoders.load])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "Invalid JSON: "),
        (b"\xff", "Invalid JSON: "),
        (b"{}", "encoder: Field required"),
        (b"[]", "Input should be "),
        (b'{"encoder": "patch_pca", "options": 3}', "options = 3: Input should be an object"),
    ],
)
def test_a_card_that_does_not_say_which_encoder_it_is(tmp_path, read, content, reason):
    (tmp_path / encoders.ENCODER_JSON).write_bytes(content)
    said = complaint(read, tmp_path)
    assert said.startswith(f"{tmp_path / encoders.ENCODER_JSON}: damaged ({reason}")


def test_options_that_are_none_of_the_encoder_s(tmp_path):
    (tmp_path / encoders.ENCODER_JSON).write_text(
        '{"encoder": "patch_pca", "options": {"patch": 0}}'
    )
    assert "damaged (patch = 0: Input should be greater than 0)" in complaint(
        encoders.load, tmp_path
    )


@pytest.mark.parametrize("codec", ["patch_pca", "tiny_dino"], indirect=True)
@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"basis": torch.zeros(3, 5)}, "1 other shapes (basis (3, 5) not "),
        ({"mean": torch.zeros(5)}, "1 other shapes (mean (5,) not "),
        ({"mean": None}, "1 missing keys (mean)"),
        ({"more": torch.zeros(1)}, "1 unknown keys (more)"),
    ],
)
def test_components_of_another_shape(codec, tensors, reason):
    rewrite(codec / "model.safetensors", **tensors)
    assert f"damaged (model.safetensors: {reason}" in complaint(encoders.load, codec)


@pytest.mark.parametrize("codec", ["tiny_dino"], indirect=True)
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "decoder: Field required"),
        ({"decoder": "[16"}, "decoder = '[16': Invalid JSON"),
        ({"decoder": "3"}, "decoder = 3: Input should be a valid tuple"),
        ({"decoder": "[16, [0], [32, 32]]"}, "decoder.1.0 = 0: Input should be greater than 0"),
        (
            {"decoder": "[15, [8, 8], [32, 32]]"},
            "decoder.safetensors: 3 other shapes (mean ",
        ),
    ],
)
def test_a_decoder_that_does_not_say_its_shape_or_has_another(codec, header, reason):
    rewrite(codec / "decoder.safetensors", header)
    assert f"damaged ({reason}" in complaint(encoders.load, codec)


@pytest.mark.parametrize("codec", ["tiny_vae"], indirect=True)
def test_an_autoencoder_that_lacks_a_tensor(codec):
    rewrite(codec / "diffusion_pytorch_model.safetensors", **{"decoder.conv_in.weight": None})
    said = complaint(encoders.load, codec)
    assert "1 missing keys (decoder.conv_in.weight)" in said
