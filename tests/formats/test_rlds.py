"""RLDS episodes in TFRecord files, read as tensorflow-datasets reads them."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.formats.rlds import Options, build, detect, records

FIXTURES = Path(__file__).parent / "fixtures/rlds"
VISIBLE = FIXTURES / "visible/1.0.0"
STEPS = 5
CHOSEN = {
    "cameras": ["observation/image"],
    "actions": ["action/move", "action/terminate"],
    "states": ["observation/state"],
}


def opened(raw: Path, **options: object):
    return build(Options.model_validate({"root": str(raw), **CHOSEN, **options})).open(raw)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VISIBLE, tmp_path / "1.0.0"))


def test_episodes_are_what_tensorflow_datasets_reads_but_for_the_last_step():
    source = opened(VISIBLE, cameras=["observation/image", "observation/wrist"])
    assert (source.split.train, source.split.val) == ([0, 1, 2], [3, 4])
    assert [source.key(index) for index in (0, 3)] == ["episode_000000", "episode_000003"]
    with np.load(FIXTURES / "visible.npz") as read:
        for index in range(5):
            name = f"train/{index}" if index < 3 else f"val/{index - 3}"
            episode = source[index]
            image, wrist = (read[f"{name}/observation/{camera}"] for camera in ("image", "wrist"))
            assert len(image) == STEPS
            np.testing.assert_array_equal(episode.frames[:, :, :16], image[:-1])
            lost = episode.frames[:, :, 16:].astype(int) - wrist[:-1]
            assert np.abs(lost).max() <= 6  # TensorFlow's JPEG decoder is another, and less exact
            actions = [read[f"{name}/action/{part}"] for part in ("move", "terminate")]
            np.testing.assert_array_equal(episode.actions, np.concatenate(actions, axis=1)[:-1])
            np.testing.assert_array_equal(episode.states, read[f"{name}/observation/state"][:-1])
            assert episode.meta == {"task": str(read[f"{name}/task"])}


def test_an_action_is_applied_at_its_frame_and_leads_to_the_next():
    """Green and blue of the frames are 60 + 8 times what actions are added to."""
    for episode in opened(VISIBLE, actions="action/move"):
        shown = (episode.frames[..., 1:].mean(axis=(1, 2)) - 60) / 8
        np.testing.assert_array_equal(shown[1:] - shown[:-1], episode.actions[:-1])


def test_inspect_is_told_what_a_step_has():
    detected = detect(VISIBLE)
    assert (detected.title, detected.options) == ("RLDS", CHOSEN)
    assert detected.facts["files"] == {"train": 2, "val": 2}
    assert "action/terminate int64[3]" in detected.facts["features"]
    assert "observation/wrist image" in detected.facts["features"]
    assert "language_instruction text" in detected.facts["features"]


def test_a_pickled_source_reads_the_same():
    source = opened(VISIBLE)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[3].frames, source[3].frames)


def test_one_split_is_split_by_ingest(copy):
    for path in copy.glob("*-val.tfrecord*"):
        path.unlink()
    source = opened(copy)
    assert (len(source), source.split) == (3, None)


def shard(raw: Path) -> Path:
    return sorted(raw.glob("*-train.tfrecord*"))[0]


def flip(place: int) -> Callable[[Path], None]:
    """Flip a bit of the first file, so many bytes from its start (or end)."""

    def damage(raw: Path) -> None:
        content = bytearray(shard(raw).read_bytes())
        content[place] ^= 4
        shard(raw).write_bytes(content)

    return damage


def cut(raw: Path) -> None:
    shard(raw).write_bytes(shard(raw).read_bytes()[:-5])


def lose(raw: Path) -> None:
    shard(raw).unlink()


def empty(raw: Path) -> None:
    for path in raw.glob("*.tfrecord*"):
        path.write_bytes(b"")


WHOLE = {
    "a file cut short": (cut, r"damaged \(record 1 has .* bytes, more than are left\)"),
    "a wrong length": (flip(0), "record 0 does not begin where it should"),
    "a missing file": (lose, r"holds 1 of the 2 files"),
    "empty files": (empty, "hold no episodes"),
}


@pytest.mark.parametrize(("damage", "said"), WHOLE.values(), ids=list(WHOLE))
def test_a_damaged_set_is_refused_in_a_line(copy, damage, said):
    damage(copy)
    with pytest.raises(DataError, match=said) as refused:
        opened(copy)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", [100, -1], ids=["in the record", "in its checksum"])
def test_a_flipped_bit_is_noticed_where_its_episode_is_read(copy, place):
    first = len(records.listed(shard(copy)))
    flip(place)(copy)
    source = opened(copy)
    with pytest.raises(DataError, match=r"damaged \(its checksum is another one\)"):
        source[0 if place > 0 else first - 1]
    assert len(source[2]) == STEPS - 1


def test_a_record_of_something_else_is_refused(tmp_path):
    value = b"no message"
    header = len(value).to_bytes(8, "little")
    record = b"".join(
        part + records._masked(part).to_bytes(4, "little") for part in (header, value)
    )
    (tmp_path / "other-train.tfrecord").write_bytes(record)
    assert detect(tmp_path).title == "TFRecord"
    with pytest.raises(DataError, match="damaged"):
        opened(tmp_path)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cameras": "observation/images"}, "no feature observation/images; did you mean obs"),
        ({"cameras": "observation/state"}, "observation/state is no image a step"),
        ({"actions": "language_instruction"}, "does not hold as many numbers a step"),
        ({"actions": "is_first"}, "set datasets.NAME.discrete_actions"),
    ],
)
def test_wrong_features_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        opened(VISIBLE, **options)[0]


def test_a_folder_of_something_else_is_not_detected(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    assert detect(tmp_path) is None
    with pytest.raises(DataError, match=r"holds no \.tfrecord files"):
        opened(tmp_path)
