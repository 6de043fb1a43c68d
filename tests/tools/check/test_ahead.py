"""`wm check` refuses what a later stage would, with the stage's own words where it has them."""

import pytest
import yaml
from helpers import PARAMS
from pipeline_helpers import SMOKE, set_params

from pipeline import params
from pipeline.errors import UserError
from pipeline.tools.check import packages
from pipeline.tools.check.ahead import check_ahead


@pytest.fixture
def check(tmp_path):
    """Checks params.yaml with some dotted keys changed."""

    def run(**changes):
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
        set_params(tmp_path, changes)
        check_ahead(params.read(tmp_path / "params.yaml"))

    return run


@pytest.mark.parametrize("dataset", sorted(PARAMS["datasets"]))
def test_the_default_is_right_for_every_data_set(check, dataset, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda _: True)
    check(dataset=dataset)


def test_the_size_of_the_tests_is_right(check):
    check(**SMOKE)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"evaluate.clips": 100_000}, "evaluate.clips = 100000, but worlds.wall has 1120 valid"),
        ({"evaluate.clips": 1121}, "has 1120 validation windows; choose at most 1120, or record"),
        ({"train.validation.clips": 9999}, "train.validation.clips = 9999, but worlds.wall has"),
        ({"dataset": "rt1", "worlds.rt1.episodes": 60}, "worlds.rt1 has 126 validation windows"),
        ({"worlds.wall.episodes": 2, "ingest.train_share": 0.3}, "leaves none for the train split"),
        ({"worlds.wall.steps": 19}, "ingest.shortest needs episodes of 20 frames, but worlds.wall"),
        ({"train.frames": 11}, "train.frames x interval = 11 x 5 needs episodes of 55 frames"),
        ({"evaluate.dream_frames": 11}, "evaluate.dream_frames x interval = 11 x 5 needs"),
        (
            {"plan.goals.frames": [11, 11], "plan.goals.source": "dataset"},
            "x interval = 11 x 5 needs episodes of 56 frames, but worlds.wall.steps",
        ),
        ({"plan.execute": 11, "plan.horizon": 11}, "plan.execute x interval = 11 x 5 needs"),
        (
            {"plan.budget_frames": 1, "plan.goals.source": "dataset"},
            "plan.budget_frames = 1, but goals are up to plan",
        ),
        ({"plan.execute": 11}, "plan.execute = 11 frames of plans of plan.horizon = 10; choose at"),
        ({"plan.context": 4}, "plan.context = 4 frames leave none to predict in windows of train"),
        ({"plan.goals.frames": [5, 4]}, "frames = [5, 4] must be [least, most]"),
        ({"denoisers.nanowm.patch": 3}, "nanowm.patch = 3 does not divide latents of 8 x 8"),
        (
            {"encoder": "patch_pca", "encoders.patch_pca.patch": 16, "denoisers.nanowm.patch": 8},
            "nanowm.patch = 8 does not divide latents of 4 x 4",
        ),
        ({"worlds.wall.size": 60}, "tiny_vae.channels = 4 resolutions take sides that are mult"),
        ({"encoder": "tiny_dino", "worlds.wall.size": 60}, "tiny_dino.patch = 8 does not divide"),
        ({"encoder": "tiny_jepa", "worlds.wall.size": 16}, "tiny_jepa.patch = 8 leaves 2 x 2"),
        ({"encoder": "sd_vae", "worlds.wall.size": 60}, "takes sides that are multiples of 8"),
        ({"train.accumulation": 3}, "train.batch = 16 cannot be cut into 1 x 3 micro-batches"),
        ({"distributed.processes": 3}, "train.batch = 16 cannot be cut into 3 x 1 micro-batches"),
        (
            {"denoisers.nanowm.camera": "token"},
            "denoisers.nanowm.camera = 'token', but the data has no cameras; choose none",
        ),
        ({"datasets.wall.root": "absent"}, "absent: no such folder in /"),
        ({"datasets.wall.root": "/dev"}, "/dev/states.pth: no such file"),
    ],
)
def test_what_a_later_stage_would_refuse_is_refused(check, changes, problem):
    with pytest.raises(UserError) as caught:
        check(**changes)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "package", "extra"),
    [
        ({"dataset": "csgo"}, "vizdoom", "doom"),
        ({"encoder": "dinov3"}, "transformers", "transformers"),
        ({"evaluate.perceptual": ["lpips"]}, "lpips", "perceptual"),
        ({"cluster.ray": "local"}, "ray", "ray"),
        ({"tracking.wandb": "mine"}, "wandb", "wandb"),
    ],
)
def test_a_package_that_is_missing_is_named(check, changes, package, extra, monkeypatch):
    hidden = {package: None}
    monkeypatch.setattr(packages, "find_spec", lambda name: hidden.get(name, True))
    with pytest.raises(UserError, match=rf"needs {package}, .* `pip install -e '.\[{extra}\]'`"):
        check(**changes)
