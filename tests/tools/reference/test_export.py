"""Models that the reference can express are exported exactly; others are refused."""

import pytest
import torch
from exchange_helpers import INJECTIONS, changed, weights, wm, write
from safetensors.torch import load_file

from pipeline.denoisers.nanowm import SIZES, Shape
from pipeline.diffusion.config import Student
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError
from pipeline.tools.reference import config, convert


@pytest.fixture(autouse=True)
def _test_size(monkeypatch):
    monkeypatch.setitem(SIZES, "test", Shape(width=64, depth=4, heads=4))


@pytest.mark.parametrize("injection", [*INJECTIONS, "none"])
def test_an_exported_network_comes_back_as_it_was(tmp_path, injection):
    if injection == "none":
        state = {name: v for name, v in weights().items() if "action" not in name}
        path = write(tmp_path / "theirs", state, changed(model__use_action=False))
    else:
        values = changed(model__action_injection={"type": injection})
        path = write(tmp_path / "theirs", weights(injection), values)
    for command, source, out in (
        ("import", path, "ours"),
        ("export", tmp_path / "ours", "back"),
        ("import", tmp_path / "back", "again"),
    ):
        assert wm(command, source, tmp_path / out).exit_code == 0
    exported, theirs = (load_file(p) for p in (tmp_path / "back/model.safetensors", path))
    assert exported.keys() == theirs.keys()
    assert all(torch.equal(exported[name], value) for name, value in theirs.items())
    ours, again = (WorldModel.from_pretrained(tmp_path / name) for name in ("ours", "again"))
    assert ours.config == again.config


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("kind", ["sd_vae", "webdino", "vjepa2_1"])
def test_an_exported_model_comes_back_with_its_latents_and_actions(tmp_path, kind, normalised):
    values = changed(latent_codec={"kind": kind}, dataset__loader__normalize_action=normalised)
    write(tmp_path, weights(), values)
    read = config.read(tmp_path / "config.yaml")
    ours = convert.import_checkpoint(tmp_path / "model.safetensors", read, None)
    actions = torch.randn(2, 3, 1)
    assert torch.equal(ours.spec.scale_actions(actions), actions)
    convert.export_checkpoint(ours, tmp_path / "back")
    again = config.read(tmp_path / "back" / "config.yaml")
    restored = convert.import_checkpoint(tmp_path / "back" / "model.safetensors", again, None)
    assert restored.config == ours.config
    assert restored.spec.normalise_actions == normalised


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "tiny_vae"}, "no encoder tiny_vae; known: sd_vae, vjepa2_1, web_dino"),
        ({"std": [1.0, 2.0, 3.0, 4.0]}, "latents of sd_vae by mean 0 and std 5.49, this"),
    ],
)
def test_latents_that_the_reference_lacks_are_not_exported(tmp_path, changes, message):
    path = write(tmp_path, weights())
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    model.spec = model.spec.model_copy(update=changes)
    with pytest.raises(DataError, match=message):
        convert.export_checkpoint(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_size_that_the_reference_lacks_is_not_exported(tmp_path, monkeypatch):
    path = write(tmp_path, weights())
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    monkeypatch.delitem(SIZES, "test")
    with pytest.raises(DataError, match="the reference has no size Shape"):
        convert.export_checkpoint(model, tmp_path / "out")


def test_a_model_of_cameras_is_not_exported(tmp_path):
    path = write(tmp_path, weights())
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    model.config.denoiser.options["camera"] = "prope"
    with pytest.raises(DataError, match="the reference has no cameras, but camera = 'prope' here"):
        convert.export_checkpoint(model, tmp_path / "out")


def test_a_student_is_not_exported(tmp_path):
    path = write(tmp_path, weights())
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    student = Student(method="dmd", levels=(999,), parents={})
    model.config = model.config.model_copy(update={"student": student})
    with pytest.raises(DataError, match="no sampler for a student of 1 steps, by dmd; export the"):
        convert.export_checkpoint(model, tmp_path / "out")


def test_a_shifted_schedule_is_not_exported(tmp_path):
    path = write(tmp_path, weights())
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    model.config.objective.options["shift"] = 8.0
    with pytest.raises(DataError, match=r"no shifted schedules, but shift = 8.0; train with"):
        convert.export_checkpoint(model, tmp_path / "out")
