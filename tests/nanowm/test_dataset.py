"""Windows and whole episodes, of pixels and of latents."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import nanowm
from pipeline.episodes import shards
from pipeline.errors import DataError, UserError
from pipeline.latents.windows import Windows


@pytest.fixture(params=["shards", "latents.zarr"])
def folder(request, folder_of_latents):
    return folder_of_latents / request.param


def test_whole_episodes_are_those_that_were_ingested(folder_of_latents):
    for split in ("train", "val", None):
        clips = nanowm.Dataset(str(folder_of_latents / "shards"), split=split)
        episodes = list(shards.read(folder_of_latents / "shards", split))
        assert len(clips) == len(episodes)
        for clip, episode in zip(clips, episodes, strict=True):
            assert (clip["episode"], clip["start"]) == (episode.key, 0)
            for name in ("frames", "actions", "states"):
                assert np.array_equal(clip[name], getattr(episode, name))


def test_windows_are_cut_out_of_episodes(folder, cache):
    clips = nanowm.Dataset(folder, split="train", frames=3, interval=2)
    whole = {clip["episode"]: clip for clip in nanowm.Dataset(folder)}
    assert len(clips) == len(Windows(cache, "train", 3, 2))
    for index in (0, 5, len(clips) - 1):
        clip = clips[index]
        of, start = whole[clip["episode"]], clip["start"]
        for name in {"frames", "latents", "states"} & clip.keys():
            assert torch.equal(clip[name], of[name][start : start + 6 : 2])
        assert torch.equal(clip["actions"], of["actions"][start : start + 6])


def test_latents_are_those_that_training_sees(folder_of_latents, cache):
    clips = nanowm.Dataset(folder_of_latents / "latents.zarr", split="val", frames=3, interval=2)
    windows = Windows(cache, "val", 3, 2)
    rows = np.arange(len(windows))
    assert torch.equal(torch.stack([c["latents"] for c in clips]), windows.latents(rows, None))
    actions = torch.stack([clip["actions"] for clip in clips])
    assert torch.equal(actions, windows.actions(rows).flatten(1, 2))


def test_torch_loads_batches_of_windows(folder):
    clips = nanowm.Dataset(folder, frames=4)
    batch = next(iter(DataLoader(clips, batch_size=3, shuffle=True)))
    assert batch["actions"].shape == (3, 4 * clips.interval, 2)
    assert len(batch["episode"]) == 3
    assert repr(clips) == f"Dataset of {len(clips)} windows of 4 frames in {folder}"


def test_worker_processes_are_sent_no_frames(folder):
    clips = nanowm.Dataset(folder, frames=2)
    first = clips[0]
    sent = pickle.dumps(clips)
    assert len(sent) < 8000
    again = pickle.loads(sent)[0]
    for name in first.keys() - {"episode", "start"}:
        assert torch.equal(first[name], again[name])


def test_a_window_goes_into_a_model_as_it_is(folder_of_latents, model):
    clip = nanowm.Dataset(folder_of_latents / "shards", frames=4, interval=model.interval)[0]
    assert model.rollout(clip["frames"][0], clip["actions"]).shape == clip["frames"].shape


def test_what_does_not_fit_is_told_in_one_line(folder, tmp_path):
    with pytest.raises(DataError, match="neither shards nor a latent cache; give data/NAME/shards"):
        nanowm.Dataset(tmp_path)
    with pytest.raises(UserError, match="frames = 0, interval = 2; both are at least 1"):
        nanowm.Dataset(folder, frames=0, interval=2)
    with pytest.raises(UserError, match="99 x 2 = 198, but the longest of 10 episodes has 23"):
        nanowm.Dataset(folder, frames=99, interval=2)
    with pytest.raises(UserError, match="interval = 2 is of windows; give their `frames` too"):
        nanowm.Dataset(folder, interval=2)
    with pytest.raises(UserError, match="split = 'tset' is unknown; choose train, val"):
        nanowm.Dataset(folder, split="tset")
    with pytest.raises(IndexError):
        nanowm.Dataset(folder)[10]
