"""Training is a pure function of its seed, resumes exactly, and clips what it says it clips."""

import numpy as np
import pytest
import torch
from helpers import PARAMS, every
from train_helpers import options, world_model

from pipeline.train.checkpoint import Checkpoint
from pipeline.train.denoisers._blocks import BLOCKS
from pipeline.train.fit import Trainer, batch_rows, learning_rate, train
from pipeline.train.windows import Windows
from pipeline.variants import OBJECTIVES

QUICK = {"steps": 12, "batch": 4, "save_every": 5, "warmup": 2, "interval": 2}


def trainer(cache, **changes):
    chosen = options(**{**QUICK, **changes})
    windows = Windows(cache, "train", chosen.frames, chosen.interval)
    return Trainer(world_model(cache), windows, chosen)


def run(one, folder, steps=None):
    checkpoint = Checkpoint(folder)
    one.resume(checkpoint)
    for done in train(one, checkpoint):
        if done == steps:
            break
    return one


def state(one):
    return {**one.model.denoiser.state_dict(), "curve": one.curve}


def assert_same(a, b):
    for name, value in state(a).items():
        assert torch.equal(value, state(b)[name]), name


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(cache, tmp_path):
    first, second = (run(trainer(cache), tmp_path / name) for name in "ab")
    assert_same(first, second)
    other = run(trainer(cache, seed=1), tmp_path / "c")
    assert not torch.equal(first.curve, other.curve)


@pytest.mark.parametrize("killed_after", [3, 5, 7, 11])
def test_interrupted_and_resumed_equals_uninterrupted(cache, tmp_path, killed_after):
    whole = run(trainer(cache), tmp_path / "whole")
    run(trainer(cache), tmp_path / "cut", killed_after)
    resumed = trainer(cache)
    resumed.resume(Checkpoint(tmp_path / "cut"))
    assert resumed.done == killed_after // 5 * 5
    list(train(resumed, Checkpoint(tmp_path / "cut")))
    assert_same(whole, resumed)


def test_a_damaged_state_is_ignored(cache, tmp_path):
    whole = run(trainer(cache), tmp_path / "whole")
    run(trainer(cache), tmp_path / "cut", 7)
    path = tmp_path / "cut" / "latest.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert Checkpoint(tmp_path / "cut").read() is None
    assert_same(whole, run(trainer(cache), tmp_path / "cut"))


def test_loss_falls(cache, tmp_path):
    one = run(trainer(cache, steps=150, learning_rate=3e-3), tmp_path / "long")
    assert one.curve[-20:, 0].mean() < 0.6 * one.curve[:5, 0].mean()


def test_the_gradient_that_the_optimiser_sees_is_clipped(cache):
    one = trainer(cache, clip=1e-4)
    seen = []
    step = one.optimiser.step

    def spy():
        grads = [p.grad.flatten() for p in one.model.denoiser.parameters()]
        seen.append(float(torch.cat(grads).norm()))
        return step()

    one.optimiser.step = spy
    for _ in range(3):
        one.step()
    assert seen == pytest.approx([1e-4] * 3, rel=1e-2)
    assert (one.curve[:3, 2] > 1e-3).all()


def test_clean_prefixes_are_not_scored(cache):
    one = trainer(cache, levels={**PARAMS["train"]["levels"], "prefix": 1.0})
    clean = one.windows.latents(np.arange(4), None)
    # A network that answers zero is wrong by the mean square of the noisy frames alone.
    generator = torch.Generator().manual_seed(0)
    loss = float(one._loss(np.arange(4), generator).detach())
    each = clean.square().mean((2, 3, 4))
    assert float(each[:, 1:].min()) <= loss <= float(each[:, 1:].max())
    assert loss != pytest.approx(float(each.mean()))


@pytest.mark.parametrize("objective", every(OBJECTIVES))
@pytest.mark.parametrize("form", ["per_frame", "reference"])
def test_every_objective_trains_with_every_weighting(cache, tmp_path, objective, form):
    chosen = options(**{**QUICK, "weighting": {"gamma": 5.0, "form": form}})
    windows = Windows(cache, "train", chosen.frames, chosen.interval)
    one = run(Trainer(world_model(cache, objective=objective), windows, chosen), tmp_path)
    assert one.curve.isfinite().all()
    assert (one.curve[:, 0] > 0).all()


@pytest.mark.parametrize("injection", BLOCKS)
def test_every_injection_trains_and_resumes(cache, tmp_path, injection):
    def make():
        chosen = options(**{**QUICK, "steps": 6})
        windows = Windows(cache, "train", chosen.frames, chosen.interval)
        return Trainer(world_model(cache, injection=injection), windows, chosen)

    whole = run(make(), tmp_path / "whole")
    run(make(), tmp_path / "cut", 5)
    resumed = make()
    resumed.resume(Checkpoint(tmp_path / "cut"))
    list(train(resumed, Checkpoint(tmp_path / "cut")))
    assert_same(whole, resumed)


def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine():
    chosen = options(steps=1010, warmup=10, learning_rate=1.0, final_rate=0.1)
    assert learning_rate(0, chosen) == pytest.approx(0.1)
    assert learning_rate(9, chosen) == pytest.approx(1.0)
    assert learning_rate(10, chosen) == pytest.approx(1.0)
    assert learning_rate(510, chosen) == pytest.approx(0.55)
    assert learning_rate(1009, chosen) == pytest.approx(0.1, abs=1e-4)


def test_an_epoch_visits_every_window_once_and_the_next_in_another_order():
    chosen = options(batch=7)
    rows = np.concatenate([batch_rows(step, 21, chosen) for step in range(6)])
    assert sorted(rows[:21]) == sorted(rows[21:]) == list(range(21))
    assert (rows[:21] != rows[21:]).any()


def test_a_batch_may_straddle_epochs():
    chosen = options(batch=8)
    rows = np.concatenate([batch_rows(step, 12, chosen) for step in range(3)])
    assert sorted(rows[:12]) == sorted(rows[12:]) == list(range(12))
