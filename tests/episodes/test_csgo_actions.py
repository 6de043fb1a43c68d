"""CSGO's action vector, component by component."""

import numpy as np
import pytest

from pipeline.episodes.csgo_actions import (
    ACTION_DIM,
    MOUSE_X,
    MOUSE_Y,
    Controls,
    decode,
    encode,
)


def test_the_components_of_keys_clicks_and_mouse():
    action = encode(Controls(frozenset(["w", "d", "r"]), frozenset(["right"]), 0, 0))
    assert np.flatnonzero(action).tolist() == [0, 3, 10, 12, 24, 43]
    assert (action.shape, action.dtype) == ((ACTION_DIM,), np.float32)
    assert ACTION_DIM == 51
    extremes = encode(Controls(dx=-1000, dy=200))
    assert np.flatnonzero(extremes).tolist() == [13, 50]
    assert np.flatnonzero(encode(Controls(dx=1000, dy=-200))).tolist() == [35, 36]


@pytest.mark.parametrize(
    ("dx", "nearest"),
    [(0.9, 0), (1, 0), (1.1, 2), (-1, -2), (79, 60), (81, 100), (5000, 1000), (-5000, -1000)],
)
def test_the_mouse_moves_by_the_nearest_bin(dx, nearest):
    assert decode(encode(Controls(dx=dx))).dx == nearest


def test_decoding_inverts_encoding():
    for dx in MOUSE_X:
        for dy in MOUSE_Y:
            controls = Controls(frozenset(["a", "space", "2"]), frozenset(["left"]), dx, dy)
            assert decode(encode(controls)) == controls


def test_continuous_actions_are_rounded():
    action = 0.4 * encode(Controls(frozenset("w"), dx=20, dy=-4))
    assert decode(action) == Controls(dx=20, dy=-4)
