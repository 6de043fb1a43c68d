"""The order of the data is a pure function of seed and step, whoever reads it."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from train_helpers import options

from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows
from pipeline.noise.levels import CLEAN
from pipeline.train.data.batches import Batches
from pipeline.train.data.prefetch import AHEAD, prefetch_batches
from pipeline.train.data.shuffle import ShuffledSampler
from pipeline.train.distributed.group import Group

LEVELS = 1000


def windows(cache):
    return Windows(cache, "train", 4, 2)


def order(cache, **changes):
    return ShuffledSampler(windows(cache), options(**changes))


def epochs_of(one, epochs):
    """Rows of so many epochs, [epochs, windows of an epoch]."""
    batch, length = one.options.batch, len(one)
    steps = -(-epochs * length // batch)
    rows = np.concatenate([one.rows(step) for step in range(steps)])
    return rows[: epochs * length].reshape(epochs, length)


@pytest.mark.parametrize("batch", [1, 7, 16, 1000])
def test_an_epoch_visits_every_window_once_and_the_next_in_another_order(cache, batch):
    first, second = epochs_of(order(cache, batch=batch), 2)
    everything = list(range(len(windows(cache))))
    assert sorted(first) == sorted(second) == everything
    assert (first != second).any()


def test_the_order_does_not_depend_on_the_batch(cache):
    small, large = (epochs_of(order(cache, batch=batch), 2) for batch in (3, 64))
    np.testing.assert_array_equal(small, large)


def test_steps_may_be_read_in_any_order(cache):
    forth = order(cache)
    expected = [forth.rows(step) for step in range(40)]
    back = order(cache)
    for step in reversed(range(40)):
        np.testing.assert_array_equal(back.rows(step), expected[step])
    assert (order(cache, seed=1).rows(0) != expected[0]).any()


def test_an_epoch_may_take_one_random_window_of_each_episode(cache):
    every = windows(cache)
    epochs = epochs_of(order(cache, windows="one_per_episode"), 200)
    episodes = every.rows[:, 0]
    for epoch in epochs:
        assert sorted(episodes[epoch]) == sorted(set(episodes))
    # Each window of an episode comes as often as the others: in 200 epochs, all of them.
    first = np.flatnonzero(episodes == episodes[0])
    counts = np.bincount(epochs[np.isin(epochs, first)], minlength=first[-1] + 1)[first]
    expected = 200 / len(first)
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)


def batches(cache, rank=0, size=1, **changes):
    group = Group(rank, size, torch.device("cpu"), "ddp")
    return Batches(windows(cache), options(**{"batch": 8, **changes}), LEVELS, group)


def num_noisy(batch):
    return [micro_batch.num_noisy for micro_batch in batch.micro_batches]


def joined(parts, name):
    return torch.cat(
        [getattr(micro_batch, name) for part in parts for micro_batch in part.micro_batches]
    )


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_processes_and_micro_batches_share_out_the_same_clips_and_noise(cache, size, accumulation):
    whole = batches(cache).draw(3)
    parts = [batches(cache, rank, size, accumulation=accumulation).draw(3) for rank in range(size)]
    assert all(len(part.micro_batches) == accumulation for part in parts)
    assert {noisy for part in parts for noisy in num_noisy(part)} == set(num_noisy(whole))
    for name in ("clean", "noise", "level", "actions"):
        ours, theirs = joined(parts, name).flatten(1), joined([whole], name).flatten(1)
        # The same clips, each once, in an order of their own.
        ours, theirs = (x[np.lexsort(x.double().numpy().T)] for x in (ours, theirs))
        assert torch.equal(ours, theirs), name


def test_no_two_clips_or_processes_or_steps_have_the_same_noise(cache):
    parts = [batches(cache, rank, 4).draw(step) for rank in range(4) for step in range(3)]
    noise = joined(parts, "noise").flatten(1)
    assert len(noise) == 24
    assert len(noise.unique(dim=0)) == 24
    near = noise @ noise.T / noise.shape[1]
    assert near.fill_diagonal_(0).abs().max() < 0.7  # of independent ones, about .15 each


def test_frames_that_carry_noise_are_counted(cache):
    levels = {"distribution": "uniform", "mean": 0.0, "std": 1.0, "per": "frame", "prefix": 0.5}
    batch = batches(cache, levels=levels).draw(0)
    assert num_noisy(batch) == [int((joined([batch], "level") != CLEAN).sum())]
    assert num_noisy(batch)[0] < 8 * 4


@pytest.mark.parametrize(("size", "accumulation"), [(3, 1), (1, 3), (2, 8)])
def test_a_batch_that_cannot_be_cut_evenly_is_refused(cache, size, accumulation):
    with pytest.raises(
        ParamsError, match=rf"train.batch = 8 .* {size} x {accumulation} micro-batches"
    ):
        batches(cache, 0, size, accumulation=accumulation)


def test_batches_drawn_ahead_in_threads_are_those_drawn_one_by_one(cache):
    """Two epochs and more, each shuffled when it is first needed."""
    quick = options(batch=16, interval=2)
    steps = range(3, 3 + 2 * len(windows(cache)) // 16)
    assert len(steps) > 2 * AHEAD
    plain, ahead = (
        Batches(windows(cache), quick, LEVELS, Group(0, 1, torch.device("cpu"), "ddp"))
        for _ in range(2)
    )
    prefetched = prefetch_batches(ahead.draw, steps, torch.device("cuda"), nullcontext)
    for step, batch in zip(steps, prefetched, strict=True):
        expected = plain.draw(step)
        assert num_noisy(batch) == num_noisy(expected)
        np.testing.assert_array_equal(batch.rows, expected.rows)
        for ours, theirs in zip(batch.micro_batches, expected.micro_batches, strict=True):
            assert all(map(torch.equal, ours.tensors(), theirs.tensors()))
