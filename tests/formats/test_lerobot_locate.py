"""Where the meta files say that rows lie is a hint: they are found in whichever file has them."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import GOLDEN
from lerobot_helpers import DATA as DATA_2
from lerobot_helpers import EPISODES, column, layout
from lerobot_helpers import VIDEO as VIDEO_2

from pipeline.errors import DataError

DATA = "data/chunk-000/file-000.parquet"
META = "meta/episodes/chunk-000/file-000.parquet"
STARTS = (0, 26, 52, 65)


@pytest.fixture
def v3(tmp_path):
    return Path(shutil.copytree(GOLDEN / "lerobot_v3", tmp_path / "v3"))


def files(*numbers):
    return column("data/file_index", pa.array(numbers), META)


def part(raw, number, start, end):
    """Move rows of a v3 set to another file."""
    rows = pq.read_table(GOLDEN / "lerobot_v3" / DATA)
    pq.write_table(
        rows.slice(start, end - start), raw / f"data/chunk-000/file-{number:03d}.parquet"
    )


def hint_at_files_that_are_not_there(raw):
    """As lerobot 0.4.0 merges sets of several files (huggingface/lerobot#2264)."""
    files(0, 1, 2)(raw)


def hint_at_files_of_other_episodes(raw):
    """As in lerobot/libero on the hub: rows of later episodes are in later files."""
    for number, (start, end) in enumerate(pairwise(STARTS)):
        part(raw, number, start, end)


def rows_in_another_chunk(raw):
    (raw / "data/chunk-007").mkdir()
    (raw / DATA).rename(raw / "data/chunk-007/file-031.parquet")


def rows_in_two_files(raw):
    part(raw, 0, 0, 40)
    part(raw, 1, 40, 65)


@pytest.mark.parametrize(
    "change",
    [
        hint_at_files_that_are_not_there,
        hint_at_files_of_other_episodes,
        rows_in_another_chunk,
        rows_in_two_files,
    ],
)
def test_rows_are_found_in_whichever_file_holds_them(change, v3):
    change(v3)
    source = layout().open(v3)
    assert source.unreadable == []
    for ours, expected in zip(source, layout().open(GOLDEN / "lerobot_v3"), strict=True):
        assert ours.key == expected.key
        np.testing.assert_array_equal(ours.actions, expected.actions)
        np.testing.assert_array_equal(ours.frames, expected.frames)


def test_an_episode_that_no_file_holds_is_refused_alone(v3):
    files(0, 1, 0)(v3)
    rows = pq.read_table(v3 / DATA)
    pq.write_table(pa.concat_tables([rows.slice(0, 26), rows.slice(52)]), v3 / DATA)
    source = layout().open(v3)
    assert (len(source), source.unreadable) == (3, [1])
    with pytest.raises(DataError, match=r"file-001.parquet: episode_000001: no such file, and no"):
        source[1]
    assert [len(source[index]) for index in (0, 2)] == [26, 13]


def test_rows_that_two_files_hold_are_refused(v3):
    part(v3, 1, 26, 60)
    source = layout().open(v3)
    assert source.unreadable == [1, 2]
    said = r"1: 2 files hold rows of it \(26 in .*0.parquet, 26 in .*1.parquet\), but its length is"
    with pytest.raises(DataError, match=said):
        source[1]
    assert len(source[0]) == 26


def test_a_damaged_file_that_holds_nothing_of_an_episode_is_not_in_its_way(v3):
    (v3 / "data/chunk-000/file-001.parquet").write_bytes(b"PAR1")
    assert len(layout().open(v3)[1]) == 26
    files(0, 1, 0)(v3)
    part(v3, 0, 0, 26)
    with pytest.raises(DataError, match=r"file-001.parquet: damaged"):
        layout().open(v3)[1]


def test_files_of_v2_in_another_chunk_are_found(v2):
    for name in (DATA_2, VIDEO_2):
        moved = v2 / name.replace("chunk-000", "chunk-001")
        moved.parent.mkdir(parents=True)
        (v2 / name).rename(moved)
    source = layout().open(v2)
    assert source.unreadable == []
    np.testing.assert_array_equal(source[1].actions, EPISODES[1].actions)
    assert len(source[1].frames) == 9


def test_files_of_v2_that_have_each_other_s_names_are_refused(v2):
    other = DATA_2.replace("000001", "000002")
    (v2 / DATA_2).rename(v2 / "kept")
    (v2 / other).rename(v2 / DATA_2)
    (v2 / "kept").rename(v2 / other)
    with pytest.raises(DataError, match=r"1.parquet: episode_000001: has 0 rows, but its length"):
        layout().open(v2)[1]
