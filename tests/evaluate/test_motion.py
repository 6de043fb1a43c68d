"""Motion in frames of the room: exact frames, and a model that moves half as far as it is told."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import default
from train_helpers import sampling

from pipeline.episodes.resize import Preprocessing
from pipeline.evaluate import motion
from pipeline.evaluate.agreement import agreement, moves_between, rotations_between
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.cameras import camera_rows, motions, with_motions
from pipeline.metrics import frames as frame_metrics
from pipeline.worlds import WORLDS

CLIPS, FRAMES, SIDE = 3, 3, 32
VIEW = Preprocessing(height=SIDE, width=SIDE, antialias=True)
META = {"room": 0}


@pytest.fixture(scope="module")
def room():
    module, options = default(WORLDS, "room", height=SIDE, width=SIDE, depth=False)
    return module.build(options)


@pytest.fixture(scope="module")
def clips(room):
    """Walks without looking up or down, whose latents are their states."""
    rng = np.random.default_rng(3)
    starts = np.array([[1, 3, 0.3, 0], [2, 0.8, 1.2, 0], [4, 3.2, -2, 0]], np.float32)
    actions = rng.uniform(room.low, room.high, (CLIPS, FRAMES, 4)).astype(np.float32)
    actions[..., 3] = 0
    actions[..., 0] = 0.2
    states = np.stack([
        np.concatenate([start[None], room.simulate(start, META, each[None, :-1])[0]])
        for start, each in zip(starts, actions, strict=True)
    ])  # fmt: skip
    frames = np.stack([room.draw(each, META) for each in states]).transpose(0, 1, 4, 2, 3)
    rows = np.stack([camera_rows(room.cameras(each, META), (SIDE, SIDE)) for each in states])
    taken = torch.from_numpy(with_motions(actions[:, :, None], motions(rows)))
    latents = torch.from_numpy(states)[..., None, None]
    return Clips(latents, taken, torch.from_numpy(frames), VIEW, states, (META,) * CLIPS)


class Half:
    """Walks half of the commanded motion, and turns half of it."""

    spec = SimpleNamespace(latent_shape=(4, 1, 1), unwhiten=lambda latents: latents)

    def rollout(self, history, rows, noise, sampling):
        state, states = history[:, -1, :, 0, 0].double(), []
        for pose in rows[:, :, 0, -12:].unflatten(-1, (3, 4)).double().unbind(1):
            (right, _, ahead), yaw = moves_between(pose).T / 2, state[:, 2]
            turn = rotations_between(pose)[:, 1] / 2
            x = state[:, 0] + ahead * yaw.cos() + right * yaw.sin()
            y = state[:, 1] + ahead * yaw.sin() - right * yaw.cos()
            state = torch.stack([x, y, yaw + turn, state[:, 3]], -1)
            states.append(state)
        return torch.stack(states, 1)[..., None, None]


@pytest.fixture(scope="module")
def found(room, clips):
    def decode(states):
        frames = room.draw(states[..., 0, 0].numpy().astype(np.float32), META)
        return torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())

    encoder = SimpleNamespace(decode=decode)
    plain = frame_metrics.build((), torch.device("cpu"))
    evaluator = Evaluator(Half(), encoder, sampling(steps=1), 1, Half.spec, plain)
    return motion.measure(evaluator, clips, room, 2, 42)


def test_exact_frames_are_found_within_centimetres_and_a_degree(found):
    assert (found.clips, found.frames) == (CLIPS, FRAMES - 1)
    for exact in (found.recorded, found.codec):
        assert exact.translation_error.value < 0.04
        assert exact.rotation_error.value < 1
        assert exact.rotation_slope.value == pytest.approx(1, abs=0.05)
        assert exact.translation_slope.value == pytest.approx(1, abs=0.1)


def test_a_model_that_moves_half_as_far_has_a_slope_of_one_half(found):
    for half in (found.true, found.other):
        for slope in (half.rotation_slope, half.translation_slope):
            assert slope.value == pytest.approx(0.5, abs=0.1)
            assert slope.interval[0] <= slope.value <= slope.interval[1]
        assert half.rotation_share.value == pytest.approx(0.5, abs=0.1)


def test_under_frozen_cameras_nothing_moves(found):
    assert found.frozen.rotation_error.value < 1
    assert found.frozen.translation_error.value < 0.04
    assert found.frozen.rotation_slope.value == pytest.approx(0, abs=0.05)


def test_an_object_that_jumps_is_not_looked_at(room):
    module, options = default(WORLDS, "room", height=SIDE, width=SIDE, depth=False, jumping=2)
    start, there = np.array([[1, 3, 0, 0, 0.1], [1.1, 3.05, 0.1, 0.05, 0.9]], np.float32)
    world = module.build(options)
    (state,) = world.locate(world.draw(there[None], META), start, 1, META)
    assert state[:4] == pytest.approx(there[:4], abs=0.03)
    assert state[4] == start[4]


def test_worlds_that_cannot_tell_have_no_such_scores():
    module, options = default(WORLDS, "wall")
    world = module.build(options)
    start, _, meta = world.sample(np.random.default_rng(0))
    assert world.locate(world.draw(start[None], meta), start, 1, meta) is None


def test_agreement_is_in_degrees_and_metres_and_resamples_clips(generator):
    angle = torch.tensor(0.1)
    turn = torch.tensor([[angle.cos(), 0, angle.sin(), 0], [0, 1, 0, 0],
                         [-angle.sin(), 0, angle.cos(), -0.3]])  # fmt: skip
    told = turn.expand(8, 2, 3, 4)
    still = torch.eye(4)[:3].expand_as(told)
    stood = agreement(still, told, told)
    assert stood.rotation_error.value == pytest.approx(np.degrees(0.1), abs=1e-4)
    assert stood.translation_error.value == pytest.approx(0.3, abs=1e-6)
    assert (stood.translation_slope.value, stood.translation_slope.interval) == (0, (0, 0))
    assert stood.translation_share.value == pytest.approx(1)
    assert moves_between(turn).norm() == pytest.approx(0.3)
