"""What a person's controls say of a world is true of it."""

import json

import numpy as np
import pytest
from helpers import every, member_of

from pipeline.episodes.controls import Controls, Slider, generic
from pipeline.episodes.csgo_actions import ACTION_DIM, decode
from pipeline.episodes.csgo_actions import Controls as Pressed
from pipeline.worlds import WORLDS

SIZES = {"csgo": ACTION_DIM}
"""Sizes of the actions of those that cannot be restored; others say theirs."""
MOVED = ["wall", "point_maze", "pusht"]
DRAWN = ["rope", "granular"]


def components(controls: Controls) -> list[int]:
    """Every component that something drives."""
    driven = [key.component for key in controls.keys] + [s.component for s in controls.sliders]
    if stick := controls.stick:
        driven += [stick.right, stick.down]
    if push := controls.push:
        driven += push.components
    if look := controls.look:
        for turn in (look.right, look.down):
            driven += range(turn.component, turn.component + max(1, len(turn.bins)))
    return driven


@pytest.mark.parametrize("name", every(WORLDS))
def test_every_component_of_an_action_is_driven_by_one_input(name):
    world = member_of(WORLDS, name).build()
    size = SIZES.get(name) or len(world.low)
    assert sorted(components(world.controls)) == list(range(size))
    low = [-1.0] * size
    described = json.loads(json.dumps(world.controls.described(low, [1.0] * size)))
    assert len(described["idle"]) == size


@pytest.mark.parametrize("name", MOVED)
def test_a_stick_pushed_to_the_right_and_down_moves_what_is_seen_there(name):
    """The middle of what changes in the frame lies between where the agent was and where it is."""
    world = member_of(WORLDS, name).build()
    stick = world.controls.stick
    start, _, meta = world.sample(np.random.default_rng(0))
    for side, component in enumerate((stick.right, stick.down)):
        middles = []
        for sign in (-1, 1):
            world.restore(start, meta)
            before = world.render().astype(int)
            action = np.zeros(len(world.low), np.float32)
            action[component] = sign * stick.reach[side]
            for _ in range(4):
                world.step(action)
            changed = np.abs(world.render() - before).sum(-1)
            middles.append(
                np.average(np.arange(changed.shape[1 - side]), weights=changed.sum(side))
            )
        assert middles[1] > middles[0] + 0.5


def test_the_pointer_leads_the_agent_to_the_place_it_shows():
    world = member_of(WORLDS, "pusht").build()
    start = np.array([400, 100, 100, 400, 0, 0, 0], np.float32)
    world.restore(start, {"shape": "T"})
    place, idle = (0.5, 0.25), np.zeros(2, np.float32)
    for _ in range(20):
        led = world.controls.pointer.action(idle, world.snapshot(), place)
        world.step(np.clip(led, world.low, world.high))
    np.testing.assert_allclose(world.snapshot()[:2], [256, 128], atol=1)
    assert not idle.any()


@pytest.mark.parametrize("name", DRAWN)
def test_a_line_on_the_frame_is_the_push_below_it(name):
    """The mean of the particles on the table is where they are in the frame."""
    world = member_of(WORLDS, name).build()
    start, _, meta = world.sample(np.random.default_rng(0))
    far = start.reshape(-1, 4).copy()
    far[:, [0, 2]] += 100
    world.restore(far.ravel(), meta)
    empty = world.render().astype(int)
    world.restore(start, meta)
    seen = np.abs(world.render().astype(int) - empty).sum(-1) > 60
    rows, columns = np.nonzero(seen)
    middle = np.array([(columns.mean() + 0.5) / seen.shape[1], (rows.mean() + 0.5) / len(seen), 1])
    x, y, w = np.array(world.controls.push.plane).reshape(3, 3) @ middle
    place = start.reshape(-1, 4)[:, [0, 2]].mean(0) * [1, -1]
    np.testing.assert_allclose([x / w, y / w], place, atol=0.25)


def test_the_idle_player_of_counter_strike_presses_nothing():
    controls = member_of(WORLDS, "csgo").build().controls
    idle = np.array(controls.idle_action([0.0] * ACTION_DIM, [1.0] * ACTION_DIM), np.float32)
    assert decode(idle) == Pressed()
    for key in controls.keys:
        pressed = idle.copy()
        pressed[key.component] = key.value
        assert len(decode(pressed).keys | decode(pressed).clicks) == 1


def test_unknown_actions_get_a_slider_each_and_rest_where_they_may():
    controls = generic(["a", "b"])
    assert controls.sliders == (Slider(0, "a", stays=True), Slider(1, "b", stays=True))
    assert controls.idle_action([0.5, -1], [2, 1]) == [0.5, 0]
