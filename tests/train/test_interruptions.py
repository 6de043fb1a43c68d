"""What befalls a run ends it in one line, and loses nothing."""

import os
import shutil
import signal

import pytest
import torch
from train_helpers import assert_same, run, trainer

from pipeline.errors import DataError, RunError
from pipeline.latents.cache import open_cache
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.interruptions import StoppedError
from pipeline.train.setup import identity


def poisoned(one, step):
    """The weights are such that the loss of a step is not finite."""
    train_step = one.train_step

    def until(batch):
        if one.step == step:
            with torch.no_grad():
                one.network.final_layer.linear.bias.fill_(float("inf"))
        train_step(batch)

    one.train_step = until
    return one


def test_a_loss_that_is_not_finite_names_its_step_and_episodes_and_leaves_the_state(
    cache, tmp_path
):
    one = poisoned(trainer(cache), 7)
    with pytest.raises(RunError) as caught:
        one.fit(tmp_path)
    message = str(caught.value)
    assert message.startswith("step 8: loss nan, gradient norm")
    assert "\n" not in message
    rows = one.batches.windows.rows[one.batches.draw(7).rows]
    keys = {cache.seal.episodes[episode].key for episode, _ in rows}
    assert all(key in message for key in keys)
    assert not any(e.key in message for e in cache.seal.episodes if e.key not in keys)
    assert len(Checkpoint(tmp_path).read()["curve"]) == 7
    again = trainer(cache)
    with pytest.raises(RunError, match=r"^step 8: loss"):  # the same step, at once
        again.fit(tmp_path)
    assert again.step == 7


def test_gradients_that_are_not_finite_stop_a_run_before_it_steps(cache, tmp_path):
    one = trainer(cache)
    one.advance()
    before = [weight.detach().clone() for weight in one.network.parameters()]
    one.network.pos_embed.register_hook(lambda grad: grad * float("nan"))
    with pytest.raises(RunError, match="gradient norm nan"):
        one.advance()
    for weight, was in zip(one.network.parameters(), before, strict=True):
        assert torch.equal(weight, was)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_between_two_steps(cache, tmp_path, number):
    whole = run(trainer(cache), tmp_path / "whole")
    before = signal.getsignal(number)
    one = trainer(cache)
    train_step = one.train_step

    def interrupted(batch):
        train_step(batch)
        if one.step == 4:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)  # torchrun passes on what came already

    one.train_step = interrupted
    with pytest.raises(StoppedError, match=f"{number.name} after step 4, state saved") as caught:
        one.fit(tmp_path / "cut")
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) == before
    resumed = trainer(cache)
    resumed.fit(tmp_path / "cut")
    assert resumed.resumed_from == 4
    assert_same(whole, resumed)


def test_the_last_step_is_saved_however_seldom_the_others_are(cache, tmp_path):
    whole = run(trainer(cache, save_every=100), tmp_path)
    again = trainer(cache, save_every=100)
    again.fit(tmp_path)
    assert again.resumed_from == 12
    assert_same(whole, again)


@pytest.fixture
def own(folder_of_latents, tmp_path):
    """A latent cache that a test may write to."""
    shutil.copytree(folder_of_latents / "latents.zarr", tmp_path / "own.zarr")
    return open_cache(tmp_path / "own.zarr")


def a_chunk(path):
    return next(file for file in sorted((path / "mean" / "c").rglob("*")) if file.is_file())


def rewritten(path):
    chunk = a_chunk(path)
    chunk.write_bytes(chunk.read_bytes())


def removed(path):
    a_chunk(path).unlink()


@pytest.mark.parametrize("change", [rewritten, removed])
@pytest.mark.parametrize("moment", [2, 11])
def test_latents_that_change_under_a_run_are_noticed(own, tmp_path, change, moment):
    one = trainer(own)
    train_step = one.train_step

    def meanwhile(batch):
        train_step(batch)
        if one.step == moment:
            change(own.path)

    one.train_step = meanwhile
    with pytest.raises(DataError, match=r"own.zarr.*: changed during training"):
        one.fit(tmp_path / "run")
    assert one.step == (5 if moment == 2 else 12)


def test_other_latents_have_another_identity(cache, own):
    one = trainer(own)

    def of(latents):
        return identity(one.loss.model.config, one.batches.options, latents)

    assert of(own) == of(cache)
    episodes = [*cache.seal.episodes[1:], cache.seal.episodes[0]]
    seal = own.seal.model_copy(update={"episodes": episodes})
    object.__setattr__(own, "seal", seal)
    assert of(own) != of(cache)
