"""Codec and world model are one: saved, pushed, pulled and refused together."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_helpers import LocalHub, serve

import nanowm
from nanowm.swm import CostModel
from pipeline.diffusion.config import Student
from pipeline.errors import DataError, UserError


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub on this machine, with which huggingface_hub itself talks."""
    from huggingface_hub import constants

    hub = LocalHub()
    server = serve(hub)
    template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_any")
    yield hub
    server.shutdown()
    server.server_close()


def rolled(model, frames, actions):
    return model.rollout(frames, actions, generator=torch.Generator().manual_seed(5))


def test_a_saved_model_is_one_folder_and_the_same_model(model, frames, actions, tmp_path):
    model.steps = 2
    model.save_pretrained(str(tmp_path / "saved"))
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["README.md", "codec", "nanowm.json", "world_model"]
    assert json.loads((tmp_path / "saved/nanowm.json").read_text()) == {
        "format_version": 1,
        "written_by": nanowm.__version__,
        "steps": 2,
    }
    moved = shutil.move(tmp_path / "saved", tmp_path / "moved")
    loaded = nanowm.load(moved)
    assert loaded.steps == 2
    assert np.array_equal(rolled(loaded, frames, actions), rolled(model, frames, actions))
    loaded.save_pretrained(Path(moved))  # onto itself
    assert nanowm.WorldModel.from_pretrained(moved).steps == 2


def test_its_card_says_how_to_use_it(model, tmp_path):
    model.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("THIS_REPOSITORY", str(tmp_path))
    names = {}
    exec(code, names)
    assert names["future"].shape == (8, 16, 16, 3)


def test_what_is_pushed_and_pulled_rolls_out_to_the_same_bytes(model, hub, frames, actions):
    url = model.push_to_hub("me/model")
    assert url.startswith(f"{hub.endpoint}/me/model/commit/")
    model.steps = 1
    model.push_to_hub("me/model", message="Sample in a step")
    latest = nanowm.load("me/model")
    assert latest.steps == 1
    assert np.array_equal(rolled(latest, frames, actions), rolled(model, frames, actions))
    first = nanowm.load("me/model", revision=hub.commits["me/model"][0][0])
    model.steps = 4
    assert first.steps == 4
    assert np.array_equal(rolled(first, frames, actions), rolled(model, frames, actions))
    pulled = {path.partition("/resolve/")[2].partition("/")[2] for path in hub.asked}
    assert {"codec/encoder.json", "world_model/config.json", "nanowm.json"} <= pulled
    assert "README.md" not in pulled


def test_weights_of_this_machine_alone_are_not_pushed(model, hub, pair, tmp_path):
    weights = {"source": str(tmp_path), "file": None, "revision": None, "sha256": None}
    pointer = {"place": "encoders.some.weights", "files": ["a"], "weights": weights}
    codec = tmp_path / "codec"
    shutil.copytree(pair / "codec", codec)
    model = nanowm.WorldModel(model.dynamics, codec, 1)
    (codec / "weights.json").write_text(json.dumps(pointer))
    with pytest.raises(DataError, match="which only this machine has; fit the encoder with"):
        model.push_to_hub("me/model")
    assert not hub.commits


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda at: shutil.rmtree(at / "codec"), "no folder codec in it; give one that holds both"),
        (lambda at: shutil.rmtree(at), "no such folder; name one, or an id"),
        (lambda at: (at / "codec/pca.safetensors").write_bytes(b"x"), "codec: "),
        (
            lambda at: (at / "nanowm.json").write_text('{"format_version": 99}'),
            "its format is version 99",
        ),
        (lambda at: (at / "nanowm.json").write_text('{"steps": 0}'), "nanowm.json: damaged"),
    ],
)
def test_what_is_no_model_is_told_in_one_line(pair, tmp_path, spoil, message):
    folder = shutil.copytree(pair, tmp_path / "pair")
    spoil(folder)
    with pytest.raises(UserError, match=message) as caught:
        nanowm.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["models/typo/tiny_vae", "/nowhere/tiny_vae"])
def test_a_path_is_not_sought_on_the_hub(name):
    with pytest.raises(DataError, match=f"{name}: no such folder; name one, or an id"):
        nanowm.load(name)


def test_a_device_that_is_not_here_is_no_damage_of_the_model(pair):
    with pytest.raises(UserError, match="device = 'gpu' cannot be used here") as caught:
        nanowm.load(pair, device="gpu")
    assert "\n" not in str(caught.value)


def test_a_world_model_alone_names_the_folder_to_give(pair):
    with pytest.raises(DataError, match=f"without its codec; give {pair}$"):
        nanowm.load(pair / "world_model")


def test_a_student_is_loaded_and_not_its_teacher(pair, tmp_path):
    folder = shutil.copytree(pair, tmp_path / "pair")
    dynamics = nanowm.load(folder).dynamics
    levels = Student(method="dmd", levels=(999, 499), parents={})
    dynamics.config = dynamics.config.model_copy(update={"student": levels})
    dynamics.save_pretrained(folder / "student")
    student = nanowm.load(folder / "student")
    assert (student.dynamics.config.student, student.steps) == (levels, 2)
    with pytest.raises(UserError, match=r"sampling\.steps = 4, but this model is a student of 2"):
        CostModel(student, steps=4)


def test_a_codec_of_another_model_is_refused(pair, tmp_path):
    folder = shutil.copytree(pair, tmp_path / "pair")
    codec = json.loads((folder / "codec/encoder.json").read_text())
    codec["options"]["components"] += 1
    (folder / "codec/encoder.json").write_text(json.dumps(codec))
    with pytest.raises(UserError):
        nanowm.load(folder)


def test_an_imported_checkpoint_takes_a_codec_of_its_kind(model, pair, tmp_path, frames, actions):
    folder = shutil.copytree(pair, tmp_path / "pair")
    config = json.loads((folder / "world_model/config.json").read_text())
    config["spec"]["codec"] = "published"
    (folder / "world_model/config.json").write_text(json.dumps(config))
    loaded = nanowm.load(folder)
    assert np.array_equal(rolled(loaded, frames, actions), rolled(model, frames, actions))
    config["spec"]["encoder"] = "sd_vae"
    (folder / "world_model/config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="a codec of patch_pca, but the world model was trained on"):
        nanowm.load(folder)
