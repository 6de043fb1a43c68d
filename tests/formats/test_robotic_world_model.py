"""RWM's rows of 66 numbers: ours are read back, and those of others are cut into episodes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from pipeline.episodes.episode import Episode
from pipeline.episodes.groups import OBSERVED, TERMINATION
from pipeline.episodes.quadruped import draw
from pipeline.errors import DataError
from pipeline.formats.robotic_world_model import Options as RwmOptions
from pipeline.formats.robotic_world_model import build, detect, rows
from pipeline.testing.formats import Example, FormatTests

REST = 3
"""Columns of the states that rows have no place for."""


@dataclass(frozen=True, slots=True)
class Walks(Example):
    """Episodes of a robot in random postures, the last of which is a fall."""

    def episode(self, index: int, length: int) -> Episode:
        rng = np.random.default_rng(index)
        states = rng.normal(size=(length, OBSERVED + REST)).astype(np.float32)
        states[:, 45:OBSERVED] = rng.integers(0, 2, (length, 9))
        states[:, TERMINATION] = 0
        states[-1, TERMINATION] = index == 2
        actions = rng.normal(size=(length, 12)).astype(np.float32)
        return Episode(f"episode_{index}", draw(states), actions, states, {"vx": 0.5, "n": index})


class TestRoboticWorldModel(FormatTests):
    name = "robotic_world_model"
    options: ClassVar = {"format": "robotic_world_model", "root": None}
    examples = Walks()


@pytest.fixture
def recorded():
    return [Walks().episode(index, 6) for index in range(3)]


def theirs(folder, *tables):
    """A folder of files without anything beside them, as RWM-lite writes it."""
    folder.mkdir()
    for number, table in enumerate(tables):
        np.savetxt(folder / f"state_action_data_{number}.csv", table, delimiter=",")
    return folder


def source_of(folder):
    return build(RwmOptions(root=None)).open(folder)


def test_the_columns_are_state_action_contact_and_termination(recorded):
    states, actions = recorded[2].states, recorded[2].actions
    table = rows.rows_of(states, actions)
    assert table.shape == (6, 66)
    np.testing.assert_array_equal(table[:, :45], states[:, :45])
    np.testing.assert_array_equal(table[1:, 45:57], actions[:-1])  # what led to the row
    np.testing.assert_array_equal(table[:, 57:65], states[:, 45:53])
    assert table[:, 65].tolist() == [0, 0, 0, 0, 0, 1]


def test_episodes_of_others_end_behind_terminations_and_before_resets(recorded, tmp_path):
    """The third falls, the second is cut off by a time-out; all three lie in one file."""
    tables = [rows.rows_of(e.states, e.actions) for e in (recorded[2], *recorded[:2])]
    source = source_of(theirs(tmp_path / "raw", np.concatenate(tables), tables[0]))
    assert [source.key(n) for n in range(len(source))] == [
        "episode_0000_000000",
        "episode_0000_000006",
        "episode_0000_000012",
        "episode_0001_000000",
    ]
    fell, first, *_ = (source[n] for n in range(len(source)))
    np.testing.assert_array_equal(fell.states, recorded[2].states[:, :OBSERVED])
    np.testing.assert_array_equal(fell.actions[:-1], recorded[2].actions[:-1])
    assert not fell.actions[-1].any()
    # A time-out's last row is left out, as nobody knows what was chosen there.
    np.testing.assert_array_equal(first.states, recorded[0].states[:-1, :OBSERVED])
    np.testing.assert_array_equal(first.actions, recorded[0].actions[:-1])
    np.testing.assert_array_equal(first.frames, recorded[0].frames[:-1])


def test_files_are_in_the_order_of_their_numbers(recorded, tmp_path):
    table = rows.rows_of(recorded[0].states, recorded[0].actions)
    source = source_of(theirs(tmp_path / "raw", *[table] * 11))
    assert source.key(10) == "episode_0010_000000"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1,2,3\n", r"state_action_data_0.csv: damaged .*1 rows of 3 numbers"),
        ("a,b\n", "state_action_data_0.csv: damaged"),
        ("", "state_action_data_0.csv: damaged"),
        (",".join(["nan"] * 66) + "\n", "row 0 has NaN"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_damaged_file_is_one_line(tmp_path, text, error):
    (tmp_path / "state_action_data_0.csv").write_text(text)
    with pytest.raises(DataError, match=error):
        source_of(tmp_path)


def test_a_wrong_width_is_seen_before_the_file_is_read(tmp_path):
    (tmp_path / "state_action_data_0.csv").write_text("1,2,3\n")
    assert "3 numbers a row, where 66" in detect(tmp_path).lacks


def test_a_file_beside_the_rows_that_is_missing_or_wrong_is_one_line(recorded, tmp_path):
    layout = build(RwmOptions(root=None))
    layout.write(recorded, tmp_path / "raw")
    np.save(tmp_path / "raw/simulation_1.npy", np.zeros((5, REST), np.float32))
    (tmp_path / "raw/simulation_2.npy").unlink()
    source = layout.open(tmp_path / "raw")
    assert len(source[0]) == 6
    with pytest.raises(DataError, match=r"simulation_1.npy: float32 \(5, 3\), where .* has 6 rows"):
        source[1]
    with pytest.raises(DataError, match=r"simulation_2.npy"):
        source[2]
