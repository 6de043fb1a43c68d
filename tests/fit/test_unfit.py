"""Fit refuses latents that are not finite, and warns of those that have collapsed."""

import json
import re
import shutil

import pytest
import torch
import yaml
from helpers import GOLDEN, PARAMS, make_episode
from ingest_helpers import ingested
from pipeline_helpers import set_params
from safetensors.torch import load_file, save_file

from pipeline.encode.__main__ import command as encode
from pipeline.errors import ParamsError
from pipeline.fit.__main__ import command as fit

SMALL = {
    "cluster.workers": 1,
    "encoders.tiny_vae.channels": [8, 16],
    "encoders.tiny_vae.steps": 3,
    "encoders.tiny_vae.batch": 4,
    **{f"encoders.{name}.patch": 4 for name in ("tiny_dino", "tiny_jepa")},
    **{f"encoders.{name}.steps": 3 for name in ("tiny_dino", "tiny_jepa")},
}
DECODER = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    path = tmp_path_factory.mktemp("unfit") / "shards"
    ingested([make_episode(f"episode_{i}", length=30) for i in range(4)], path, train_share=0.5)
    return path


@pytest.fixture
def fitted(shards, tmp_path):
    """Runs fit with some params changed, and says what it measured."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    set_params(tmp_path, SMALL)

    def run(encoder, **changes):
        keys = {f"encoders.{encoder}.{key}": value for key, value in changes.items()}
        set_params(tmp_path, {"encoder": encoder, **keys})
        fit(shards, tmp_path / "codec", tmp_path / "fit.json", tmp_path / "params.yaml")
        return (tmp_path / "fit.json").read_text()

    return run


@pytest.fixture
def weights(tmp_path):
    """Those of a small Web-DINO whose last layer norm has another gain and offset."""

    def changed(gain, offset):
        folder = shutil.copytree(GOLDEN / "encoders/dino/swiglu", tmp_path / "weights")
        state = load_file(folder / "model.safetensors")
        state["layernorm.weight"] = torch.full_like(state["layernorm.weight"], gain)
        state["layernorm.bias"] = torch.full_like(state["layernorm.bias"], offset)
        save_file(state, folder / "model.safetensors")
        source = {"source": str(folder), "file": None, "revision": None, "sha256": None}
        return {"weights": source, "size": 28, "decoder": DECODER}

    return changed


@pytest.mark.parametrize(
    ("encoder", "rate"), [("tiny_vae", 1e5), ("tiny_dino", 1e20), ("tiny_jepa", 1e20)]
)
def test_a_learning_rate_at_which_fitting_diverges_is_named(fitted, tmp_path, encoder, rate):
    said = (
        f"encoders.{encoder}.learning_rate = {rate:g} gives latents that are not finite; lower it"
    )
    with pytest.raises(ParamsError, match=f"^{re.escape(said)}$"):
        fitted(encoder, learning_rate=rate)
    assert not (tmp_path / "codec").exists()


@pytest.mark.parametrize("reduction", [{"channels": None}, {"channels": 4}])
def test_weights_with_nan_are_named(fitted, weights, tmp_path, reduction):
    expected = r"encoders.web_dino.weights.source = '.*/weights' gives latents that are not finite"
    with pytest.raises(ParamsError, match=expected):
        fitted("web_dino", **weights(torch.nan, 0), **reduction)
    assert not (tmp_path / "fit.json").exists()


def test_collapsed_latents_are_told_by_a_line_and_leave_json_that_can_be_read(
    fitted, weights, shards, tmp_path, capsys
):
    text = fitted("web_dino", **weights(0, 0.7), channels=4)
    assert json.loads(text, parse_constant=pytest.fail)["kept_variance"] is None
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if "have collapsed" in line]
    assert len(said) == 1
    assert said[0].startswith("fit: warning: the latents of web_dino")
    assert said[0].endswith("change encoders.web_dino")
    words = [tmp_path / name for name in ("codec", "latents.zarr", "encode.json", "params.yaml")]
    encode(shards, *words)
    assert "4x2x2 (4 of 4 channels never vary)" in capsys.readouterr().out
    written = json.loads((tmp_path / "encode.json").read_text(), parse_constant=pytest.fail)
    assert (written["dead_channels"], written["rounding_error"]) == (4, None)


def test_latents_that_tell_frames_apart_are_not_said_to_have_collapsed(
    fitted, weights, shards, tmp_path, capsys
):
    kept = json.loads(fitted("web_dino", **weights(1, 0), channels=4))["kept_variance"]
    assert 0 < kept < 1
    assert "collapsed" not in capsys.readouterr().out
    words = [tmp_path / name for name in ("codec", "latents.zarr", "encode.json", "params.yaml")]
    encode(shards, *words)
    assert "never vary" not in capsys.readouterr().out
    assert "dead_channels" not in json.loads((tmp_path / "encode.json").read_text())
