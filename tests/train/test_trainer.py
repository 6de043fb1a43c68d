"""Training is a pure function of its seed, resumes exactly, and clips what it says it clips."""

import numpy as np
import pytest
import torch
from helpers import PARAMS, every
from pydantic import ValidationError
from torch import nn
from train_helpers import assert_same, options, run, trainer

from pipeline.compute import device
from pipeline.compute.threads import threads
from pipeline.denoisers.nanowm.blocks import BLOCKS
from pipeline.errors import ParamsError
from pipeline.objectives import OBJECTIVES
from pipeline.train.at_once import pays
from pipeline.train.distributed.group import single_process
from pipeline.train.optimiser import learning_rate, remark
from pipeline.train.trainer import Trainer

CPU = torch.device("cpu")


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(cache, tmp_path):
    first, second = (run(trainer(cache), tmp_path / name) for name in "ab")
    assert_same(first, second)
    other = run(trainer(cache, seed=1), tmp_path / "c")
    assert not torch.equal(first.curve, other.curve)


WAYS = {
    "plain": {},
    "accumulated": {"accumulation": 2},
    "EMA": {"ema": 0.9},
    "constant rate, never clipped": {"schedule": "constant", "clip": None},
    "one window an episode": {"windows": "one_per_episode"},
    "teacher forcing": {"loss": "teacher_forcing", "accumulation": 2},
    "activation checkpointing": {"checkpointing": True, "accumulation": 4, "ema": 0.99},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", [3, 7, 11])
def test_killed_and_resumed_equals_uninterrupted(cache, tmp_path, way, steps):
    whole = run(trainer(cache, **WAYS[way]), tmp_path / "whole")
    run(trainer(cache, **WAYS[way]), tmp_path / "cut", steps)
    resumed = trainer(cache, **WAYS[way])
    resumed.fit(tmp_path / "cut")
    assert resumed.resumed_from == steps // 5 * 5
    assert_same(whole, resumed)


def test_micro_batches_add_up_to_the_batch(cache, tmp_path):
    whole = run(trainer(cache), tmp_path / "whole")
    for count in (2, 4):
        cut = run(trainer(cache, accumulation=count), tmp_path / f"{count}")
        torch.testing.assert_close(cut.curve, whole.curve, rtol=1e-4, atol=1e-6)


HALVED = [
    {},
    {"attention": "math", "ema": 0.9},
    {"loss": "teacher_forcing"},
    {"checkpointing": True},
]


@pytest.mark.parametrize("way", HALVED)
def test_halves_of_a_batch_at_once_give_the_bits_of_halves_in_turn(cache, tmp_path, way):
    with threads(2):
        at_once = trainer(cache, **way)
        assert len(at_once.batches.draw(0).micro_batches) == 2
        run(at_once, tmp_path / "at once")
        assert torch.get_num_threads() == 2
        run(trainer(cache, **way), tmp_path / "cut", 7)
        resumed = run(trainer(cache, **way), tmp_path / "cut")
        assert resumed.resumed_from == 5
    assert_same(at_once, resumed)
    with threads(1):
        in_turn = run(trainer(cache, **way, accumulation=2), tmp_path / "in turn")
    assert_same(at_once, in_turn)


def test_batches_of_large_networks_are_not_halved():
    group = single_process(CPU)
    assert pays(100 * 100, options(), group)
    assert not pays(4000 * 4000, options(), group)


class Reconstruction:
    """Mean squared error of an autoencoder, with the share of a step that is done as its log."""

    num_logs = 1

    def __call__(self, network, batch):
        level = torch.zeros_like(batch.level)
        output = network(batch.clean, level, batch.actions.flatten(-2))
        errors = (output - batch.clean).square().mean((1, 2, 3, 4))
        return errors.sum() / 4, torch.tensor([len(errors) / 4])

    def report(self, logs):
        return {"done": float(logs.mean())}


def test_any_loss_can_be_handed_in_and_resumes(cache, tmp_path):
    def make():
        one = trainer(cache, accumulation=2)
        return Trainer(one.network, Reconstruction(), one.batches, one.options)

    whole = run(make(), tmp_path / "whole")
    assert whole.curve.shape == (12, 4)
    assert (whole.curve[:, 3] == 1).all()
    assert whole.curve[-1, 0] < whole.curve[0, 0]
    run(make(), tmp_path / "cut", 7)
    assert_same(whole, run(make(), tmp_path / "cut"))


def test_loss_falls(cache, tmp_path):
    one = run(trainer(cache, steps=150, learning_rate=3e-3), tmp_path / "long")
    assert one.curve[-20:, 0].mean() < 0.6 * one.curve[:5, 0].mean()


def seen_by_the_optimiser(one):
    """Norms of the gradients that the optimiser sees in three steps."""
    norms = []
    step = one.optimiser.step

    def spy():
        grads = [p.grad.flatten() for p in one.network.parameters()]
        norms.append(float(torch.cat(grads).norm()))
        return step()

    one.optimiser.step = spy
    for _ in range(3):
        one.advance()
    return norms


def test_the_gradient_that_the_optimiser_sees_is_clipped(cache):
    one = trainer(cache, clip=1e-4)
    assert seen_by_the_optimiser(one) == pytest.approx([1e-4] * 3, rel=1e-2)
    assert (one.curve[:3, 2] > 1e-3).all()


def test_without_a_bound_it_is_as_it_is(cache):
    one = trainer(cache, clip=None)
    assert seen_by_the_optimiser(one) == pytest.approx(one.curve[:3, 2].tolist(), rel=1e-5)


def test_the_result_is_the_ema_of_the_weights(cache):
    one = trainer(cache, ema=0.6)
    expected = [w.detach().clone() for w in one.network.parameters()]
    for step in range(8):
        one.advance()
        decay = min(0.6, (1 + step) / (10 + step))
        now = one.network.parameters()
        expected = [
            decay * a + (1 - decay) * w.detach() for a, w in zip(expected, now, strict=True)
        ]
    ema = one.result_weights().values()
    for ours, theirs in zip(ema, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    last = one.network.parameters()
    assert any(not torch.equal(a, b) for a, b in zip(ema, last, strict=True))


def test_the_ema_of_constant_weights_is_those_weights(cache):
    one = trainer(cache, ema=0.9)
    one.ema.update_parameters(one.network)
    for a, b in zip(one.ema.module.parameters(), one.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_activation_checkpointing_changes_nothing(cache, tmp_path):
    plain = run(trainer(cache), tmp_path / "plain")
    checkpointed = run(trainer(cache, checkpointing=True), tmp_path / "checkpointed")
    assert_same(plain, checkpointed)


def test_ema_changes_no_step(cache, tmp_path):
    plain = run(trainer(cache), tmp_path / "plain")
    averaged = run(trainer(cache, ema=0.9), tmp_path / "averaged")
    assert torch.equal(plain.curve, averaged.curve)


def test_clean_prefixes_are_not_scored(cache):
    one = trainer(cache, levels={**PARAMS["train"]["levels"], "prefix": 1.0})
    clean = one.batches.draw(0).micro_batches[0].clean
    one.advance()
    # A network that answers zero is wrong by the mean square of the noisy frames alone.
    each = clean.square().mean((2, 3, 4))
    loss = float(one.curve[0, 0])
    assert float(each[:, 1:].min()) <= loss <= float(each[:, 1:].max())
    assert loss != pytest.approx(float(each.mean()))


@pytest.mark.parametrize("objective", every(OBJECTIVES))
@pytest.mark.parametrize("form", ["per_frame", "reference"])
def test_every_objective_trains_with_every_weighting(cache, tmp_path, objective, form):
    weighting = {"gamma": 5.0, "form": form}
    one = run(trainer(cache, objective=objective, weighting=weighting), tmp_path)
    assert one.curve.isfinite().all()
    assert (one.curve[:, 0] > 0).all()


@pytest.mark.parametrize("injection", BLOCKS)
def test_every_injection_trains_and_resumes(cache, tmp_path, injection):
    def make():
        return trainer(cache, injection=injection, steps=6)

    whole = run(make(), tmp_path / "whole")
    run(make(), tmp_path / "cut", 5)
    assert_same(whole, run(make(), tmp_path / "cut"))


def test_products_in_bfloat16_train_weights_in_float32(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(device, "computes_bfloat16", lambda where: True)
    exact = run(trainer(cache), tmp_path / "exact")
    rough = run(trainer(cache, precision="bfloat16"), tmp_path / "rough")
    assert rough.precision == "bfloat16"
    assert {w.dtype for w in rough.network.parameters()} == {torch.float32}
    assert not torch.equal(exact.curve[:, 0], rough.curve[:, 0])
    torch.testing.assert_close(rough.curve[:, 0], exact.curve[:, 0], rtol=0.02, atol=0)


def test_where_bfloat16_is_emulated_products_are_in_float32(cache, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(device, "computes_bfloat16", lambda where: False)
    one = run(trainer(cache, precision="bfloat16"), tmp_path)
    assert one.precision == "float32"
    assert (
        "train: bfloat16 is emulated on this cpu; computing in float32" in capsys.readouterr().out
    )


def test_a_learning_rate_that_suits_narrower_networks_is_told_with_a_better_one():
    default = PARAMS["train"]["learning_rate"]
    wide = nn.Sequential(nn.Linear(384, 4 * 384), nn.Linear(4 * 384, 2))
    assert "this one has 384: it learns slowly; try 0.003, or" in remark(wide, default)
    assert remark(wide, 1e-4) is None
    assert remark(nn.Linear(96, 4 * 96), default) is None


def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine():
    chosen = options(steps=1010, warmup=10, learning_rate=1.0, final_rate=0.1)
    assert learning_rate(0, chosen) == pytest.approx(0.1)
    assert learning_rate(9, chosen) == pytest.approx(1.0)
    assert learning_rate(10, chosen) == pytest.approx(1.0)
    assert learning_rate(510, chosen) == pytest.approx(0.55)
    assert learning_rate(1009, chosen) == pytest.approx(0.1, abs=1e-4)


def test_a_constant_rate_only_warms_up():
    chosen = options(steps=1010, warmup=10, learning_rate=1.0, schedule="constant")
    assert [learning_rate(step, chosen) for step in (4, 9, 10, 1009)] == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("betas", [[2.0, 0.9], [0.9, 1.0], [-0.1, 0.9]])
def test_a_decay_of_one_or_more_is_refused_before_anything_runs(betas):
    with pytest.raises(
        ValidationError, match=r"should be (less than 1|greater than or equal to 0)"
    ):
        options(betas=betas)


@pytest.mark.parametrize("attention", ["auto", "flash", "math"])
def test_every_kernel_of_attention_gives_the_same_losses(cache, tmp_path, attention):
    ours = run(trainer(cache, attention=attention), tmp_path / "ours")
    theirs = run(trainer(cache, attention="math"), tmp_path / "math")
    np.testing.assert_allclose(ours.curve[:, 0], theirs.curve[:, 0], rtol=1e-4)


def test_a_kernel_that_the_device_lacks_is_refused(cache):
    with pytest.raises(ParamsError, match=r"train.attention = 'efficient' has no kernel on a CPU"):
        trainer(cache, attention="efficient")
