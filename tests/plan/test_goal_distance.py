"""The cost of a plan: which frames count, and by which metric."""

import numpy as np
import pytest
import torch
from planning_helpers import Position

from pipeline.plan import Distance
from pipeline.plan.goal_distance import SCREENING, goal_distance, mse, sobolev
from pipeline.plan.measure import Codec, build_measure


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


def dot(place, grid=(8, 8)):
    frame = torch.zeros(1, 1, 1, *grid)
    frame[..., place[0], place[1]] = 1
    return frame


def test_sobolev_falls_all_the_way_to_the_goal_where_mse_is_flat():
    goal, way = dot((4, 7)), [dot((4, column)) for column in range(8)]
    flat = torch.cat([distance(frame, goal) for frame in way])
    falling = torch.cat([distance(frame, goal, metric="sobolev") for frame in way])
    assert flat.tolist() == [2 / 64] * 7 + [0]
    assert (falling.diff() < 0).all()
    assert falling[-1] == 0


def test_sobolev_weighs_a_cosine_mode_by_the_inverse_of_its_eigenvalue():
    place, rows, columns = torch.arange(4.0) + 0.5, 4, 4

    def wave(number):
        line = torch.cos(torch.pi * number * place / columns)
        return (line / line.norm())[None, :].expand(rows, columns)[None, None, None] / rows**0.5

    nothing = torch.zeros(1, 1, 1, rows, columns)
    slow, fast = (distance(wave(number), nothing, metric="sobolev") for number in (1, 3))
    eigenvalues = [2 - 2 * np.cos(np.pi * number / columns) + SCREENING for number in (1, 3)]
    torch.testing.assert_close(
        (slow / fast).item(), eigenvalues[1] / eigenvalues[0], rtol=1e-4, atol=0
    )


def test_sobolev_is_the_mse_of_latents_of_one_cell(generator):
    frames, goal = torch.randn((2, 5, 3, 6, 1, 1), generator=generator)
    torch.testing.assert_close(distance(frames, goal, metric="sobolev"), distance(frames, goal))


def test_sobolev_is_searched_with_and_mse_decides_what_is_good_enough():
    options = Distance(frames="min", metric="sobolev", base=2.0, blur=0.0)
    measure = build_measure(options, Codec(Position(), None, 1), None)
    assert (measure.metric, measure.error) == (sobolev, mse)
