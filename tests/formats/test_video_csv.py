"""Folders of videos or images with tables, as recorders lay them out."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from pydantic import ValidationError

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.formats.video_csv import Options, build, detect
from pipeline.testing.formats import Example, FormatTests

NAMES = ("episode_2", "episode_9", "episode_10")
"""In natural order, which is not that of the alphabet."""
FRAMES = 6
EXAMPLE = Example(size=(16, 24), lengths=(FRAMES,) * 3)
EPISODES = dict(zip(NAMES, EXAMPLE.episodes(), strict=True))
HEADER = ["timestamp", "dx", "dy", "note"]


class TestVideoCsv(FormatTests):
    name = "video_csv"
    options: ClassVar = {"format": "video_csv", "root": None}
    examples = Example(meta={"seed": 3, "length": 2.5, "policy": "random"})


def mp4(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video.encode(EPISODES[name].frames, 10, video.LOSSLESS))


def images(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(EPISODES[name].frames, 7):  # 9.png comes before 10.png
        Image.fromarray(frame).save(folder / f"{number}.png")


def csv(
    path: Path, name: str, rows: int = FRAMES, delimiter: str = ",", header: bool = True
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [HEADER] if header else []
    for number, (dx, dy) in enumerate(EPISODES[name].actions[:rows].tolist()):
        lines.append([number / 10, dx, dy, "ok"] if header else [dx, dy])
    path.write_text("".join(delimiter.join(map(str, line)) + "\n" for line in lines))


def flat(raw: Path) -> None:
    for name in NAMES:
        mp4(raw / f"{name}.mp4", name)
        csv(raw / f"{name}.csv", name)


def two_folders(raw: Path) -> None:
    for name in NAMES:
        mp4(raw / f"videos/{name}.MP4", name)
        csv(raw / f"actions/{name}.csv", name, delimiter=";")


def folder_each(raw: Path) -> None:
    for name in NAMES:
        mp4(raw / f"{name}/camera.mp4", name)
        csv(raw / f"{name}/log.tsv", name, delimiter="\t")


def images_and_arrays(raw: Path) -> None:
    for name in NAMES:
        images(raw / f"frames/{name}", name)
        np.save(raw / f"{name}.npy", EPISODES[name].actions)


def images_with_a_table_inside(raw: Path) -> None:
    for name in NAMES:
        images(raw / name, name)
        csv(raw / name / "actions.csv", name, header=False)


def vectors_in_parquet(raw: Path) -> None:
    raw.mkdir()
    for name in NAMES:
        mp4(raw / f"{name}.mp4", name)
        flat = pa.array(EPISODES[name].actions.ravel())
        table = {"frame_index": range(FRAMES), "action": pa.FixedSizeListArray.from_arrays(flat, 2)}
        parquet.write_table(pa.table(table), raw / f"{name}.parquet")


def one_table(raw: Path) -> None:
    lines = ["video,time,dx,dy\n"]
    for name in NAMES:
        mp4(raw / f"videos/{name}.mp4", name)
        rows = EPISODES[name].actions.tolist()
        lines += [f"{name}.mp4,{t},{dx},{dy}\n" for t, (dx, dy) in enumerate(rows)]
    (raw / "all.csv").write_text("".join(lines))


def numbered_episodes(raw: Path) -> None:
    table = {"episode_index": [], "dx": [], "dy": []}
    for name in NAMES:
        mp4(raw / f"{name}.mp4", name)
        for dx, dy in EPISODES[name].actions.tolist():
            row = {"episode_index": int(name.split("_")[1]), "dx": dx, "dy": dy}
            for column, value in row.items():
                table[column].append(value)
    parquet.write_table(pa.table(table), raw / "log.parquet")


LAYOUTS = [
    flat,
    two_folders,
    folder_each,
    images_and_arrays,
    images_with_a_table_inside,
    vectors_in_parquet,
    one_table,
    numbered_episodes,
]


def opened(raw: Path, **options: object):
    return build(Options.model_validate({"root": str(raw), **options})).open(raw)


@pytest.mark.parametrize("lay_out", LAYOUTS, ids=lambda lay_out: lay_out.__name__)
@pytest.mark.parametrize("by_hand", [False, True], ids=["null", "as inspect prints"])
def test_every_layout_is_found_and_read(lay_out: Callable[[Path], None], by_hand, tmp_path):
    raw = tmp_path / "raw"
    lay_out(raw)
    detected = detect(raw)
    source = opened(raw, **(detected.options if by_hand else {}))
    assert [source.key(index) for index in range(len(source))] == list(NAMES)
    for index, name in enumerate(NAMES):
        read = source[index]
        np.testing.assert_array_equal(read.frames, EPISODES[name].frames)
        np.testing.assert_array_equal(read.actions, EPISODES[name].actions)
        assert read.states.shape == (FRAMES, 0)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    flat(tmp_path / "raw")
    return tmp_path / "raw"


def test_inspect_is_told_what_is_read_and_what_is_not(raw):
    detected = detect(raw)
    assert detected.title == "video and csv"
    assert detected.options == {
        "frames": "{episode}.mp4",
        "table": "{episode}.csv",
        "actions": ["dx", "dy"],
        "states": [],
    }
    assert detected.facts == {"ignored columns": ["timestamp", "note"]}


def test_columns_are_chosen_by_name(raw):
    source = opened(raw, actions=["dy"], states=["timestamp", "dx"])
    expected = EPISODES["episode_2"].actions
    np.testing.assert_array_equal(source[0].actions, expected[:, 1:])
    np.testing.assert_allclose(source[0].states[:, 0], np.arange(FRAMES) / 10, rtol=1e-6)
    np.testing.assert_array_equal(source[0].states[:, 1], expected[:, 0])


def test_another_camera_is_named(raw):
    for name in NAMES:
        mp4(raw / f"wrist/{name}.mp4", "episode_9")
    assert detect(raw).facts["other frames"] == ["wrist/{episode}.mp4"]
    source = opened(raw, frames="wrist/{episode}.mp4", table="{episode}.csv")
    np.testing.assert_array_equal(source[0].frames, EPISODES["episode_9"].frames)


@pytest.mark.parametrize("empty", [False, True], ids=["one row fewer", "an empty last row"])
def test_the_last_frame_is_left_out_where_no_action_was_applied_at_it(raw, empty):
    csv(raw / "episode_2.csv", "episode_2", rows=FRAMES - 1)
    if empty:
        with (raw / "episode_2.csv").open("a") as file:
            file.write("0.5,,,ok\n")
    read = opened(raw)[0]
    np.testing.assert_array_equal(read.frames, EPISODES["episode_2"].frames[:-1])
    np.testing.assert_array_equal(read.actions, EPISODES["episode_2"].actions[:-1])


def test_actions_that_led_to_their_frames_are_moved_to_those_before(raw):
    read = opened(raw, alignment="before_frame")[0]
    np.testing.assert_array_equal(read.frames, EPISODES["episode_2"].frames[:-1])
    np.testing.assert_array_equal(read.actions, EPISODES["episode_2"].actions[1:])


def test_grey_images_become_colour(tmp_path):
    raw = tmp_path / "raw"
    images_and_arrays(raw)
    for path in raw.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    frames = opened(raw)[0].frames
    assert frames.shape[-1] == 3
    np.testing.assert_array_equal(frames[..., 0], frames[..., 2])


def lose_the_video(raw: Path) -> None:
    (raw / "episode_2.mp4").unlink()


def lose_the_table(raw: Path) -> None:
    (raw / "episode_2.csv").unlink()


def cut_the_video(raw: Path) -> None:
    path = raw / "episode_2.mp4"
    path.write_bytes(path.read_bytes()[:-900])


def too_few_rows(raw: Path) -> None:
    csv(raw / "episode_2.csv", "episode_2", rows=FRAMES - 2)


def a_row_too_many(raw: Path) -> None:
    with (raw / "episode_2.csv").open("a") as file:
        file.write("0.6,1,1,ok\n")


def cell(value: str) -> Callable[[Path], None]:
    """Put a value in the place of one dx."""

    def damage(raw: Path) -> None:
        path = raw / "episode_2.csv"
        header, first, row, *others = path.read_text().splitlines()
        time, _, *rest = row.split(",")
        path.write_text("\n".join([header, first, ",".join([time, value, *rest]), *others]))

    return damage


def header(names: str) -> Callable[[Path], None]:
    def damage(raw: Path) -> None:
        path = raw / "episode_2.csv"
        _, *rows = path.read_text().splitlines()
        path.write_text("\n".join([names, *rows]))

    return damage


def content(of_the_table: bytes) -> Callable[[Path], None]:
    def damage(raw: Path) -> None:
        (raw / "episode_2.csv").write_bytes(of_the_table)

    return damage


MISTAKES = {
    "no video": (lose_the_video, r"episode_2\.mp4: no such file"),
    "no table": (lose_the_table, r"episode_2\.csv: no such file"),
    "half a video": (cut_the_video, r"episode_2\.mp4: (damaged|holds)"),
    "fewer rows": (too_few_rows, "4 rows, but .* has 6 frames"),
    "more rows": (a_row_too_many, "7 rows, but .* has 6 frames"),
    "no such column": (header("timestamp,vx,dy,note"), "has no column 'dx'; known: dy"),
    "two of a name": (header("timestamp,dx,dx,note"), "two columns 'dx'"),
    "a word": (cell("fast"), "column 'dx' holds string, not numbers"),
    "an empty cell": (cell(""), "the action of frame 1 is empty, NaN or infinite"),
    "NaN": (cell("NaN"), "the action of frame 1 is empty, NaN or infinite"),
    "too large for float32": (cell("1e300"), "the action of frame 1 is empty, NaN or infinite"),
    "a cell too many": (cell("1,2"), "Expected 4 columns, got 5"),
    "nothing": (content(b""), "damaged"),
    "no text": (content(b"\xff\xfe\0\0"), "damaged"),
}


@pytest.mark.parametrize(("damage", "said"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_damaged_episode_is_refused_in_a_line_and_the_others_are_read(raw, damage, said):
    damage(raw)
    source = opened(raw, actions=["dx", "dy"])
    with pytest.raises(DataError, match=said) as refused:
        source[0]
    assert "\n" not in str(refused.value)
    assert len(source[1]) == len(source[2]) == FRAMES


def test_images_of_two_sizes_are_refused(tmp_path):
    raw = tmp_path / "raw"
    images_and_arrays(raw)
    path = raw / "frames/episode_2/8.png"
    Image.open(path).resize((8, 8)).save(path)
    with pytest.raises(DataError, match=r"episode_2 is 8x8 at frame 1, 24x16 before"):
        opened(raw)[0]


@pytest.mark.parametrize("content", [b"", b"no image", "half"], ids=["empty", "text", "half"])
def test_a_damaged_image_is_refused(tmp_path, content):
    raw = tmp_path / "raw"
    images_and_arrays(raw)
    path = raw / "frames/episode_2/8.png"
    path.write_bytes(path.read_bytes()[:-30] if content == "half" else content)
    with pytest.raises(DataError, match=r"episode_2 at frame 1: no JPEG or PNG"):
        opened(raw)[0]


def test_a_table_of_all_episodes_that_lacks_one_is_refused(tmp_path):
    raw = tmp_path / "raw"
    one_table(raw)
    mp4(raw / "videos/episode_11.mp4", "episode_9")
    source = opened(raw)
    assert source.key(3) == "episode_11"
    with pytest.raises(DataError, match="no row has video = 'episode_11'"):
        source[3]


def test_a_folder_of_something_else_is_not_detected(tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "holiday.mp4").write_bytes(b"")
    assert detect(tmp_path) is None
    with pytest.raises(DataError, match="set `frames` and `table`"):
        opened(tmp_path)


def test_a_folder_whose_first_table_is_damaged_is_detected_by_the_next(raw):
    (raw / "episode_2.csv").write_bytes(b"")
    assert detect(raw).options["actions"] == ["dx", "dy"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frames": "videos/*.mp4", "table": "{episode}.csv"}, "must have {episode} in it"),
        ({"frames": "{episode}/{episode}.mp4", "table": "{episode}.csv"}, "once"),
        ({"frames": "{episode}.mp4"}, "give both frames and table"),
        ({"frames": "../{episode}.mp4", "table": "a.csv"}, "leads out of its folder"),
    ],
)
def test_a_wrong_pattern_is_refused_in_params(options, said):
    with pytest.raises(ValidationError, match=said):
        Options.model_validate({"root": "somewhere", **options})


@pytest.mark.parametrize(
    ("options", "text"),
    [({"header": "dx,dy"}, "# dx,dy\n"), ({}, "")],
    ids=["with a header", "without"],
)
def test_what_numpy_saves_as_text_is_read(raw, options, text):
    path, actions = raw / "episode_2.csv", EPISODES["episode_2"].actions
    np.savetxt(path, actions, delimiter=",", **options)
    assert path.read_text().startswith(text)
    names = ["dx", "dy"] if options else ["0", "1"]
    np.testing.assert_array_equal(opened(raw, actions=names)[0].actions, actions)


def test_actions_may_be_chosen_by_number(raw):
    for name in NAMES:
        (raw / f"{name}.csv").write_text("key\n" + "".join(f"{n % 3}\n" for n in range(FRAMES)))
    detected = detect(raw)
    assert "set discrete_actions: 3" in detected.facts["actions"]
    np.testing.assert_array_equal(opened(raw)[0].actions[:4, 0], [0, 1, 2, 0])
    chosen = opened(raw, discrete_actions=3)[0].actions
    np.testing.assert_array_equal(chosen[:4], np.eye(3)[[0, 1, 2, 0]])


def test_booleans_and_integers_are_numbers(raw):
    table = {"left": [True, False, True, False, True, True], "gear": range(FRAMES)}
    parquet.write_table(pa.table(table), raw / "episode_2.parquet")
    source = opened(raw, frames="{episode}.mp4", table="{episode}.parquet")
    np.testing.assert_array_equal(source[0].actions[:, 0], [1, 0, 1, 0, 1, 1])
    np.testing.assert_array_equal(source[0].actions[:, 1], range(FRAMES))
