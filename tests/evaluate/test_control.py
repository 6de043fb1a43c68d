"""How far errors depend on cameras: against a model that only looks at them, and known errors."""

import pytest
import torch
from camera_helpers import Means
from rollout_helpers import randomised
from train_helpers import sampling, world_model

from pipeline.evaluate import actions, clips, evaluate
from pipeline.evaluate.control import camera_conditions, camera_control, gap, with_actions
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.cameras import INTRINSICS, MOTION
from pipeline.latents.windows import Windows
from pipeline.metrics import frames as frame_metrics


@pytest.fixture(scope="module")
def windows(filmed_cache):
    return Windows(filmed_cache, "val", 4, 2)


@pytest.fixture(scope="module")
def rows(windows):
    return windows.actions(torch.arange(5).numpy())


def test_other_cameras_have_the_same_actions_and_intrinsics(rows):
    changed = camera_conditions(rows, rows.roll(1, 0))
    kept = 2 + 2 * INTRINSICS
    assert all(torch.equal(each[..., :kept], rows[..., :kept]) for each in changed.values())
    assert torch.equal(changed["other"][1:, ..., kept:], rows[:-1, ..., kept:])
    still = torch.eye(4)[:3].flatten()
    assert torch.equal(changed["frozen"][..., kept:], still.expand(*rows.shape[:3], 12))


def test_other_actions_leave_cameras_alone(rows):
    zeros = with_actions(rows, torch.zeros(*rows.shape[:-1], 2))
    assert torch.equal(zeros[..., 2:], rows[..., 2:])
    assert zeros.shape[-1] == 2 + MOTION
    assert not zeros[..., :2].any()
    plain = rows[..., :2]
    assert torch.equal(with_actions(plain, plain + 1), plain + 1)  # of a model without cameras


def test_a_gap_is_of_pairs(generator):
    """Clips differ by far more than cameras change them, and the interval does not notice."""
    true = 100 * torch.rand(64, generator=generator, dtype=torch.float64)
    larger = true + 1 + 0.1 * torch.randn(64, generator=generator, dtype=torch.float64)
    found = gap(true, larger)
    low, high = found.interval
    assert 0.9 < low < found.mean < high < 1.1
    low, high = gap(true, true + torch.randn(64, generator=generator)).interval
    assert low < 0 < high


def test_errors_are_means_over_clips_and_frames(generator):
    errors = {name: torch.rand(8, 3, generator=generator) for name in ("true", "frozen", "other")}
    found = camera_control(errors)
    assert found.true == pytest.approx(float(errors["true"].mean()))
    assert found.other_gap.mean == pytest.approx(found.other - found.true)
    assert found.frozen_gap.mean == pytest.approx(found.frozen - found.true)


@pytest.mark.parametrize("camera", ["none", "token", "prope"])
def test_evaluate_compares_cameras_for_a_model_that_looks_at_them(
    filmed_folder, windows, generator, camera
):
    scale = None if camera == "none" else windows.cache.spec.camera_scale
    cache = windows.cache.whitened_by(windows.cache.spec.model_copy(update={"camera_scale": scale}))
    fixed = clips.fixed_clips(Windows(cache, "val", 4, 2), filmed_folder / "shards", 5, 42)
    model = randomised(world_model(cache, camera=camera, patch=1))
    plain = frame_metrics.build((), torch.device("cpu"))
    evaluator = Evaluator(model, Means(), sampling(steps=1), 1, cache.spec, plain)
    found = evaluate.evaluate(evaluator, fixed, 2, generator)
    if camera == "none":
        assert not found.camera_errors
        listens = actions.sensitivity(evaluator, fixed, found.last_latents)
        assert "cameras" not in listens.model_dump(exclude_unset=True)
        return
    true = found.camera_errors["true"]
    assert torch.equal(true, found.scores["model"].by_frame["latent_mse"])
    for name in ("frozen", "other"):
        assert found.camera_errors[name].shape == (5, 3)
        assert (found.camera_errors[name] != true).all()
    assert all(errors.isfinite().all() for errors in found.camera_errors.values())
