"""Pictures of the quadruped show what its state says."""

import numpy as np

from pipeline.episodes.groups import SYSTEM_STATE
from pipeline.episodes.quadruped import BACKGROUND, BODY, SIZE, draw

STANDING = np.zeros(45, np.float32)
STANDING[8] = -1


def with_part(name, values):
    state = STANDING.copy()
    state[SYSTEM_STATE.part(name)] = values
    return state


def test_a_picture_does_not_depend_on_those_beside_it():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(7, 45)).astype(np.float32)
    alone = np.concatenate([draw(state[None]) for state in states])
    np.testing.assert_array_equal(draw(states), alone)
    assert alone.shape == (7, SIZE, SIZE, 3)
    assert alone.dtype == np.uint8


def test_every_joint_gravity_and_the_speeds_are_seen():
    changed = [with_part("joint_position", np.eye(12)[n] * 0.5) for n in range(12)]
    changed += [with_part("projected_gravity", tilt) for tilt in ([0.5, 0, -0.9], [0, 0.5, -0.9])]
    changed += [with_part("base_linear_velocity", axis) for axis in np.eye(3)[:2]]
    changed += [with_part("base_angular_velocity", [0, 0, 1])]
    standing = draw(STANDING[None])[0]
    assert (standing != BACKGROUND).any(-1).sum() > 200
    for frame in draw(np.stack(changed)):
        assert (frame != standing).any(-1).sum() > 5


def test_a_trunk_whose_nose_points_down_falls_to_the_right():
    """Gravity has a part forwards in the body frame, so the front of the trunk is lower."""
    nose = np.sin(0.5), 0, -np.cos(0.5)
    frame = draw(with_part("projected_gravity", nose)[None])[0]
    rows, columns = np.nonzero((frame == BODY).all(-1))
    front, back = columns > 40, columns < 22
    assert rows[front].mean() > rows[back].mean() + 5
