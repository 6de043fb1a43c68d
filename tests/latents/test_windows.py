"""Windows follow the reference's rule and never cross the end of an episode."""

import numpy as np
import pytest
import torch
from helpers import golden_arrays

from pipeline.errors import ParamsError
from pipeline.latents.cache import open_cache
from pipeline.latents.windows import Windows, fixed_subset, slices

DATASET = golden_arrays("dataset")


@pytest.mark.parametrize("split", ["train", "val"])
def test_slices_are_the_references(split):
    lengths = DATASET["seq_lengths"][DATASET[f"{split}_traj"]]
    ours = slices(lengths.tolist(), 4 * 5)
    theirs = DATASET[f"{split}_slices"]
    episodes = DATASET[f"{split}_traj"][ours[:, 0]]
    if theirs[:, 0].max() < len(lengths):
        episodes = ours[:, 0]
    np.testing.assert_array_equal(episodes, theirs[:, 0])
    np.testing.assert_array_equal(ours[:, 1], theirs[:, 1])
    np.testing.assert_array_equal(ours[:, 1] + 20, theirs[:, 2])


def test_the_fixed_subset_is_the_references_draw():
    expected = np.random.RandomState(42).choice(100, 10, replace=False)
    np.testing.assert_array_equal(fixed_subset(100, 10, 42), expected)
    assert len(set(fixed_subset(100, 100, 42).tolist())) == 100


@pytest.mark.parametrize("split", ["train", "val"])
def test_no_window_crosses_the_end_of_an_episode(cache, split):
    windows = Windows(cache, split, frames=4, interval=3)
    frames = windows.frame_indices(np.arange(len(windows)))
    ends = np.cumsum([episode.length for episode in cache.seal.episodes])
    owner = np.searchsorted(ends, frames, side="right")
    assert (owner == owner[:, :1]).all()
    last_actions = np.searchsorted(ends, frames[:, -1] + 2, side="right")
    np.testing.assert_array_equal(last_actions, owner[:, 0])
    assert set(owner[:, 0].tolist()) == set(cache.episodes(split))
    assert (np.diff(frames) == 3).all()


def test_actions_are_those_between_the_frames(cache):
    windows = Windows(cache, "train", frames=3, interval=2)
    rows = np.array([0, 5])
    actions, first = windows.actions(rows), windows.frame_indices(rows)[:, 0]
    assert actions.shape == (2, 3, 2, 2)
    for row, start in enumerate(first):
        expected = cache.actions[start : start + 6].reshape(3, 2, 2)
        np.testing.assert_array_equal(actions[row].numpy(), expected)


def test_latents_are_those_of_the_frames(cache):
    windows = Windows(cache, "val", frames=3, interval=2)
    rows = np.arange(4)
    expected = cache.latents(windows.frame_indices(rows), None)
    assert torch.equal(windows.latents(rows, None), expected)
    assert expected.shape == (4, 3, *cache.spec.latent_shape)


def test_large_latents_are_whitened_one_by_one_to_the_same_bits(cache, monkeypatch):
    windows, rows = Windows(cache, "train", 2, 2), np.arange(5)
    together = windows.latents(rows, None)
    monkeypatch.setattr("pipeline.latents.cache.LARGE_ROW", 1)
    monkeypatch.setattr("pipeline.latents.cache.dequantize", None)
    alone = Windows(open_cache(cache.path), "train", 2, 2).latents(rows, None)
    assert alone.shape == together.shape
    assert torch.equal(alone, together)


def test_a_window_longer_than_the_shortest_episode_is_refused(cache):
    with pytest.raises(ParamsError) as caught:
        Windows(cache, "train", frames=10, interval=3)
    message = str(caught.value)
    assert "train.frames x interval = 10 x 3 = 30" in message
    assert "shortest episode" in message
    assert "\n" not in message


def test_windows_may_be_taken_from_the_episodes_that_are_long_enough(cache):
    lengths = [cache.seal.episodes[episode].length for episode in cache.episodes("train")]
    longest = max(lengths)
    windows = Windows(cache, "train", longest, 1, every=False)
    assert len(windows) == lengths.count(longest)
    with pytest.raises(ParamsError, match=f"the longest episode .* has {longest} frames"):
        Windows(cache, "train", longest + 1, 1, every=False)
