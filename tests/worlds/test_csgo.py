"""The CSGO-like recorder: what a player sees follows from what the player does, every time."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from helpers import GOLDEN, ROOT, default
from PIL import Image
from pydantic import ValidationError

from pipeline.episodes.csgo_actions import Controls
from pipeline.errors import ParamsError
from pipeline.formats import FORMATS
from pipeline.worlds import WORLDS
from pipeline.worlds.csgo.game import View, look, play, press
from pipeline.worlds.csgo.policy import NEAR, TURN, Wanderer
from pipeline.worlds.csgo.walk import Record, episode_states, walk


def world(**changes):
    module, options = default(WORLDS, "csgo", **changes)
    return module.build(options)


@pytest.fixture(scope="module")
def doom():
    """Asked for by tests that play: ViZDoom is an extra."""
    pytest.importorskip("vizdoom")


@pytest.fixture(scope="module")
def episodes(doom):
    return list(world().collect(3, 60, seed=0))


@pytest.fixture
def game(doom):
    with play("map01", skill=1, seed=0) as game:
        yield game


def digest(episode):
    parts = (episode.frames, episode.actions, episode.states)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_pixels_here_and_in_another_process(doom):
    first, again, other = (
        [digest(episode) for episode in world().collect(2, 6, seed)] for seed in (4, 4, 5)
    )
    assert first == again
    assert not set(first) & set(other)
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'worlds')!r})\n"
        "from test_csgo import digest, world\n"
        "for episode in world().collect(2, 6, 4): print(digest(episode))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == first


def test_an_episode_is_the_same_whatever_is_recorded_besides(episodes):
    changed = world(episodes=2, held_out=[1]).collect(2, 60, seed=0)
    assert [digest(episode) for episode in changed] == [digest(e) for e in episodes[:2]]


def test_nothing_is_written_where_the_game_is_started(doom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list(world().collect(1, 3, seed=0))
    assert list(tmp_path.iterdir()) == []


def test_a_walk_is_seen_that_goes_somewhere(episodes):
    for episode in episodes:
        assert episode.frames.shape == (60, 150, 280, 3)
        brightness = episode.frames.mean((1, 2, 3))
        assert brightness.min() > 10
        assert brightness.max() < 200
        changes = np.abs(np.diff(episode.frames.astype(int), axis=0)).mean((1, 2, 3))
        assert (changes > 2).mean() > 0.8


def test_keys_are_held_for_a_while(episodes):
    walks = np.concatenate([episode.actions[:, :4] for episode in episodes])
    changes = (np.diff(walks, axis=0) != 0).any(1).mean()
    assert 0.02 < changes < 0.2
    assert walks[:, 0].mean() > 0.5


def test_held_out_episodes_say_where_validation_starts(episodes):
    starts = [episode.meta.get("validation_start") for episode in episodes]
    assert starts[:2] == [None, None]
    assert 1 <= starts[2] <= 60 - 18


def test_the_longest_published_clip_fits_after_the_start(doom):
    for steps, start in ((19, 1), (18, 0), (5, 0)):
        held = world(held_out=[1], lead_in=0).collect(1, steps, seed=0)
        assert next(held).meta == {"validation_start": start}


def test_the_published_names_make_the_published_lists_apply(episodes, tmp_path):
    module, options = default(FORMATS, "csgo")
    dataset = module.build(options)
    dataset.write(episodes, tmp_path)
    source = dataset.open(tmp_path)
    assert (source.split.train, source.split.val) == ([0, 1], [2])
    for index, episode in enumerate(episodes):
        assert source.key(index) == episode.key
        assert source[index].meta == episode.meta
        assert digest(source[index]) == digest(episode)


@pytest.mark.parametrize(
    ("key", "way"), [("w", (1, 0)), ("s", (-1, 0)), ("a", (0, 1)), ("d", (0, -1))]
)
def test_a_key_moves_the_player_who_faces_east(key, way, game):
    start = look(game).position
    for _ in range(3):
        press(game, Controls(frozenset([key])))
    moved = np.subtract(look(game).position, start)
    assert moved @ way > 5
    assert abs(moved @ way[::-1]) < 1


def test_shift_makes_the_player_faster(game):
    walked = []
    for keys in (frozenset("w"), frozenset(["w", "shift"])):
        start = look(game).position
        for _ in range(6):
            press(game, Controls(keys))
        walked.append(np.linalg.norm(np.subtract(look(game).position, start)))
        for _ in range(30):
            press(game, Controls())  # come to a halt
    assert walked[1] > 1.5 * walked[0]


def shift(before, after, axis):
    """Pixels by which a picture moved, to the right or down where positive."""
    middle = before[40:90, 60:220].astype(float)
    ways = range(-30, 31)
    differences = [
        np.abs(np.roll(after, -way, axis)[40:90, 60:220] - middle).mean() for way in ways
    ]
    return ways[int(np.argmin(differences))]


@pytest.mark.parametrize(
    ("controls", "axis", "sign"),
    [
        (Controls(dx=100), 1, -1),
        (Controls(dx=-100), 1, 1),
        (Controls(dy=100), 0, -1),
        (Controls(dy=-100), 0, 1),
    ],
)
def test_the_picture_moves_against_the_mouse(controls, axis, sign, game):
    before = look(game).frame
    press(game, controls)
    press(game, Controls())  # what is seen follows a tic later
    # 5.5 degrees of a view of about 90 are some 15 pixels in its middle.
    assert 8 < sign * shift(before, look(game).frame, axis) < 25


def test_the_mouse_turns_by_as_many_degrees_as_its_counts_say(game):
    import vizdoom

    assert game.get_game_variable(vizdoom.GameVariable.ANGLE) == 0
    for dx, dy in ((1000, 200), (-200, 0), (30, -100)):
        press(game, Controls(dx=dx, dy=dy))
    right, down = 0.055 * 830, 0.055 * 100
    angle, pitch = vizdoom.GameVariable.ANGLE, vizdoom.GameVariable.PITCH
    assert game.get_game_variable(angle) == pytest.approx(360 - right, abs=0.05)
    assert game.get_game_variable(pitch) == pytest.approx(down, abs=0.05)


def test_the_policy_gets_the_distance_moved(game, monkeypatch):
    distances = []

    def forward(self, depth, moved, target):
        distances.append(moved)
        return Controls(frozenset("w"))

    monkeypatch.setattr(Wanderer, "act", forward)
    positions = [
        record.view.position for record, _ in zip(walk(game, None), range(4), strict=False)
    ]
    assert distances[0] == np.inf
    lengths = [np.linalg.norm(step) for step in np.diff(positions, axis=0)]
    assert distances[1:4] == pytest.approx(lengths)
    assert lengths[-1] > 5


def test_death_restarts_the_walk_and_is_recorded_once(game):
    records = walk(game, np.random.default_rng(0))
    start = next(records).view.position
    for _ in range(20):
        before = next(records)
    assert before.view.position != start
    game.send_game_command("kill")
    after = [next(records) for _ in range(5)]
    while not after[0].died:
        after = [*after[1:], next(records)]
    assert [record.died for record in after] == [True, False, False, False, False]
    assert after[0].view.position == start


def test_frames_look_as_they_did(game):
    expected = np.asarray(Image.open(GOLDEN / "csgo.png")).astype(float)
    assert np.abs(look(game).frame - expected).mean() < 2


def step(health=100, rounds=50, kills=0, died=False):
    frame, action = np.zeros((150, 280, 3), np.uint8), np.zeros(51, np.float32)
    return Record(View(frame, np.ones(320), None, (0, 0), health, rounds, kills), action, died)


def test_states_are_those_of_the_step_before_and_what_happened_since():
    states = episode_states(
        [
            step(90, 50),
            step(80, 49, 1),
            step(70, 48, 3),
            step(100, 50, 4, died=True),
        ]
    )
    expected = [[0, 0, 0, 0, 0], [90, 50, 1, 1, 0], [80, 49, 1, 0, 0], [70, 48, 1, 0, 1]]
    np.testing.assert_array_equal(states, np.float32(expected))


FAR = np.full(320, 100.0)
WALL_AHEAD = np.where(np.abs(np.arange(320) - 160) < 100, NEAR / 2, 10.0)


def wanderer(seed=0):
    return Wanderer(np.random.default_rng(seed))


@pytest.mark.parametrize("side", [-1, 1])
def test_a_wanderer_turns_from_a_wall_to_the_open_side_until_the_way_is_free(side):
    depth = WALL_AHEAD.copy()
    depth[slice(None, 50) if side < 0 else slice(-50, None)] = 90
    policy = wanderer()
    assert policy.act(depth, 10, None).dx == side * TURN
    # Once it turns, it does not waver.
    assert policy.act(depth[::-1], 10, None).dx == side * TURN
    assert policy.act(FAR, 10, None).dx != side * TURN


def test_a_wanderer_that_is_held_up_turns():
    policy = wanderer()
    while not policy.keys:
        policy.act(FAR, 10, None)
    policy.steps_left = 5
    assert abs(policy.act(FAR, 0.5, None).dx) == TURN


def test_a_wanderer_heads_for_what_is_far():
    passage = np.full(320, 20.0)
    passage[280:300] = 400
    headings = [wanderer(seed).act(passage, 10, None).dx for seed in range(100)]
    assert np.mean(np.array(headings) > 0) > 0.8


def test_a_wanderer_aims_at_an_enemy_and_fires():
    controls = wanderer().act(FAR, 10, -60.0)
    assert (controls.dx, controls.clicks) == (-60, {"left"})
    assert wanderer().act(FAR, 10, None).clicks == set()


def test_a_wanderer_holds_its_keys_four_to_twenty_steps_and_looks_level_in_the_end():
    policy, rng = wanderer(), np.random.default_rng(1)
    tilt, holds = 0.0, []
    for _ in range(3000):
        if policy.steps_left == 0:
            holds.append(0)
        holds[-1] += 1
        tilt += policy.act(rng.uniform(50, 100, 320), 10, None).dy
        assert abs(tilt) <= 100
    assert (min(holds[:-1]), max(holds)) == (4, 20)


def test_without_vizdoom_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    with pytest.raises(
        ParamsError, match=r"pip install -e '.\[doom\]'`, or set datasets.csgo.root"
    ):
        next(iter(world().collect(1, 2, seed=0)))


@pytest.mark.parametrize(
    "change", [{"level": "map33"}, {"level": "e1m1"}, {"skill": 6}, {"episodes": 5501}]
)
def test_options_that_make_no_sense_are_refused(change):
    with pytest.raises(ValidationError):
        world(**change)
