"""The cost of a plan: which frames count, and by which metric."""

import pytest
import torch

from pipeline.plan import Distance
from pipeline.plan.goal_distance import goal_distance


def distance(latents, goal, frames="last", metric="mse", base=2.0):
    return goal_distance(latents, goal, Distance(frames=frames, metric=metric, base=base, blur=0.0))


@pytest.fixture
def latents(generator):
    frames = torch.randn((5, 4, 6, 3, 2), generator=generator)
    return frames, torch.randn((1, 1, 6, 3, 2), generator=generator)


@pytest.mark.parametrize("metric", ["mse", "cosine"])
@pytest.mark.parametrize("counted", ["last", "all"])
def test_the_goal_itself_costs_nothing_and_anything_else_something(latents, counted, metric):
    frames, goal = latents
    assert distance(goal.expand_as(frames), goal, counted, metric).abs().max() < 1e-6
    assert (distance(frames, goal, counted, metric) > 0.01).all()


def test_frames_last_counts_the_last_frame_alone(latents):
    frames, goal = latents
    expected = (frames[:, -1] - goal[:, 0]).square().mean((1, 2, 3))
    assert torch.equal(distance(frames, goal), expected)


def test_the_cosine_is_taken_over_the_channels_of_each_position(latents):
    frames, goal = latents
    by_hand = [
        1 - torch.cosine_similarity(frames[:, -1, :, i, j], goal[:, 0, :, i, j])
        for i in range(3)
        for j in range(2)
    ]
    expected = torch.stack(by_hand).mean(0)
    torch.testing.assert_close(distance(frames, goal, metric="cosine"), expected)
    scaled = distance(3 * frames, 0.5 * goal, metric="cosine")
    torch.testing.assert_close(scaled, expected)


@pytest.mark.parametrize("metric", ["mse", "cosine"])
def test_frames_weigh_base_to_their_number_and_are_averaged_once_more(latents, metric):
    frames, goal = latents
    each = [distance(frames[:, : i + 1], goal, metric=metric) for i in range(4)]
    weighted = sum(3.0**i * value for i, value in enumerate(each)) / (1 + 3 + 9 + 27)
    cost = distance(frames, goal, "all", metric, base=3.0)
    torch.testing.assert_close(cost, weighted / 4)
