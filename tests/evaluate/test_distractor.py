"""The distractor in generated frames of models whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import PARAMS, default
from train_helpers import sampling

from pipeline.episodes.resize import Preprocessing
from pipeline.errors import ParamsError
from pipeline.evaluate import distractor
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics import frames as frame_metrics
from pipeline.params import Settings
from pipeline.worlds import WORLDS

VIEW = Preprocessing(height=32, width=32, antialias=True)
CLIPS, FRAMES = 6, 4


def settings(tmp_path, cells, dataset="wall"):
    wall = {**PARAMS["worlds"]["wall"], "size": 32, "distractor": cells}
    room = {**PARAMS["worlds"]["room"], "height": 32, "width": 32, "jumping": cells}
    worlds = {"wall": wall, "room": room}
    return Settings(tmp_path, {**PARAMS, "dataset": dataset, "worlds": worlds})


@pytest.fixture
def wall(tmp_path):
    return distractor.of_world(settings(tmp_path, 4), SimpleNamespace(view=VIEW))


@pytest.fixture
def clips():
    """Recorded frames, which are their own latents, 0 to 1."""
    module, options = default(WORLDS, "wall", size=32, distractor=4)
    episodes = module.build(options).collect(CLIPS, FRAMES, 0)
    recorded = np.stack([episode.frames for episode in episodes]).transpose(0, 1, 4, 2, 3)
    frames = torch.from_numpy(recorded.copy())
    states = np.zeros((CLIPS, FRAMES, 0), np.float32)
    return Clips(
        frames / 255, torch.zeros(CLIPS, FRAMES, 1, 2), frames, VIEW, states, ({},) * CLIPS
    )


class Model:
    """Repeats the frame it is given, with the distractor at a place that `choose` draws."""

    spec = SimpleNamespace(latent_shape=(3, 32, 32), unwhiten=lambda latents: latents)

    def __init__(self, pictures, choose):
        self.pictures, self.choose = pictures, choose

    def rollout(self, history, actions, noise, sampling):
        frames = history.expand(-1, noise.start.shape[1], -1, -1, -1).clone()
        frames[:, :, 2] = self.choose(self.pictures[:, 2], noise.start[:, :, 0, 0, 0])
        return frames


def by_noise(pictures, noise):
    places = (torch.special.ndtr(noise) * len(pictures)).long()
    return pictures[places]


def by_mean(pictures, noise):
    return pictures.mean(0).expand(*noise.shape, -1, -1)


def always_the_same(pictures, noise):
    return pictures[3].expand(*noise.shape, -1, -1)


def measured(wall, clips, choose, batch=50):
    encoder = SimpleNamespace(decode_float=lambda raw: raw)
    model, plain = Model(wall.pictures, choose), frame_metrics.build((), torch.device("cpu"))
    evaluator = Evaluator(model, encoder, sampling(steps=1), 1, model.spec, plain)
    return distractor.measure(evaluator, clips, wall, batch, 42)


def test_a_world_without_a_distractor_is_scored_as_ever(tmp_path):
    assert distractor.of_world(settings(tmp_path, None), SimpleNamespace(view=VIEW)) is None
    plain = frame_metrics.build((), torch.device("cpu"))
    assert distractor.scorers(plain, None) is plain


def test_frames_are_scored_by_their_distractor_and_by_the_rest(wall, clips):
    metrics = distractor.scorers(frame_metrics.build((), torch.device("cpu")), wall)
    truth = clips.pixels()
    blind = truth.clone()
    blind[:, 1:, 2] = wall.pictures.mean(0)[2]
    scores = metrics.scores(blind, truth)
    assert scores["validity"].tolist() == [[1, 0, 0, 0]] * CLIPS
    assert scores["predictable_psnr"].allclose(torch.tensor(80.0))
    assert {"psnr", "ssim", *metrics.backends} == set(metrics.by_frame)


def test_the_object_that_jumps_in_the_room_is_found_wherever_one_looks(tmp_path):
    view = SimpleNamespace(view=VIEW)
    assert distractor.of_world(settings(tmp_path, None, "room"), view) is None
    found = distractor.of_world(settings(tmp_path, 4, "room"), view)
    module, options = default(WORLDS, "room", height=32, width=32, jumping=4)
    episode = next(iter(module.build(options).collect(1, 12, 0)))
    frames = torch.from_numpy(episode.frames.transpose(0, 3, 1, 2) / np.float32(255))
    assert found.places(frames).tolist() == (episode.states[:, 4] * 16).astype(int).tolist()
    assert found.validity(frames.mean(0, keepdim=True), frames[:1]).tolist() == [0]


def test_a_sampler_that_draws_places_is_told_from_one_that_averages_or_repeats(wall, clips):
    drawn, mean, same = (
        measured(wall, clips, choose) for choose in (by_noise, by_mean, always_the_same)
    )
    assert drawn.entropy > 0.97
    low, high = drawn.entropy_interval
    assert low < drawn.entropy <= high
    assert (mean.entropy, mean.entropy_interval) == (None, None)
    assert (same.entropy, same.entropy_interval) == (0, (0, 0))
    for each in (drawn, mean, same):
        assert (each.places, each.codec_validity, each.codec_interval) == (16, 1, (1, 1))
        assert (each.conditions, each.samples) == (4, 64)


def test_batches_do_not_matter(wall, clips):
    assert measured(wall, clips, by_noise, 7) == measured(wall, clips, by_noise, 300)


def test_a_distractor_that_was_not_recorded_is_refused_with_the_way_out(wall, clips):
    clips.frames[2, 1, 2] = 0
    with pytest.raises(ParamsError, match=r"recorded frames show none .* to null or simulate"):
        measured(wall, clips, by_noise)
