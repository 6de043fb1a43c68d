"""Sets that stable-worldmodel recorded, read as its own readers read them and aligned."""

import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from pipeline.episodes import video
from pipeline.errors import DataError, MachineError
from pipeline.formats.stable_worldmodel import Options, build, detect

FIXTURES = Path(__file__).parent / "fixtures/stable_worldmodel"
STORAGES = ["hdf5", "lance", "folder", "video"]
STEPS = 5
LOSS = {"hdf5": 1e-6, "lance": 0.1, "folder": 0.3, "video": 0.4}
"""By how much a state that is read off a frame may be wrong, as JPEG and H.264 change colours."""


def opened(raw: Path, **options: object):
    return build(Options.model_validate({"root": str(raw), **options})).open(raw)


@pytest.fixture(params=STORAGES)
def storage(request) -> str:
    if request.param == "lance":
        pytest.importorskip("lance")
    return request.param


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(FIXTURES / name, tmp_path / name))


def test_episodes_are_what_the_library_reads_but_for_the_last_row(storage):
    source = opened(FIXTURES / storage, states=["state", "observation"])
    assert [source.key(0), source.key(1), len(source)] == ["episode_000000", "episode_000001", 2]
    with np.load(FIXTURES / f"{storage}.npz") as read:
        for index in range(2):
            episode = source[index]
            expected = {name: read[f"{index}/{name}"] for name in ("pixels", "action", "state")}
            assert len(expected["action"]) == STEPS
            frames = expected["pixels"].transpose(0, 2, 3, 1)
            np.testing.assert_array_equal(episode.frames, frames[:-1])
            np.testing.assert_array_equal(episode.actions, expected["action"][:-1])
            states = np.concatenate([expected["state"], read[f"{index}/observation"]], axis=1)
            np.testing.assert_array_equal(episode.states, states[:-1])


def test_an_action_is_applied_at_its_frame_and_leads_to_the_next(storage):
    """Green and blue of the frames are 60 + 8 times what actions are added to."""
    for episode in opened(FIXTURES / storage):
        shown = (episode.frames[..., 1:].mean(axis=(1, 2)) - 60) / 8
        moved = shown[1:] - shown[:-1]
        np.testing.assert_allclose(moved, episode.actions[:-1], atol=LOSS[storage])
        assert np.abs(moved - episode.actions[1:]).max() > 1


def test_the_row_that_is_left_out_holds_the_first_action(storage):
    with np.load(FIXTURES / f"{storage}.npz") as read:
        for index in range(2):
            first = read[f"{index}/state"][0] - read[f"{index}/reset"]
            np.testing.assert_array_equal(read[f"{index}/action"][-1], first)


def test_the_last_row_may_hold_nan(copy):
    raw = copy("hdf5")
    with h5py.File(raw / "visible.h5", "a") as file:
        for last in (STEPS - 1, 2 * STEPS - 1):
            file["action"][last] = np.nan
    before, after = opened(FIXTURES / "hdf5"), opened(raw)
    for index in range(2):
        np.testing.assert_array_equal(after[index].actions, before[index].actions)


def test_inspect_is_told_the_columns(storage):
    detected = detect(FIXTURES / storage)
    kind = {"hdf5": "HDF5", "lance": "Lance"}.get(storage, "folder")
    assert detected.title == f"stable-worldmodel {kind}"
    assert detected.options == {"cameras": ["pixels"], "actions": ["action"], "states": ["state"]}
    assert any(text.startswith("action float") for text in detected.facts["columns"])


def test_a_lance_folder_may_itself_be_the_root():
    pytest.importorskip("lance")
    raw = FIXTURES / "lance/visible.lance"
    assert detect(raw) is not None
    np.testing.assert_array_equal(opened(raw)[1].actions, opened(raw.parent)[1].actions)


def test_a_pickled_source_reads_the_same(storage):
    source = opened(FIXTURES / storage)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1].frames, source[1].frames)


def test_a_recorded_video_goes_along():
    episode = opened(FIXTURES / "video")[0]
    frames = video.decode(episode.video, "video")
    np.testing.assert_array_equal(frames[: len(episode)], episode.frames)


def test_several_files_are_told_apart_by_name(copy):
    raw = copy("hdf5")
    shutil.copy(raw / "visible.h5", raw / "other.h5")
    assert detect(raw).options["file"] == "other.h5"
    with pytest.raises(DataError, match=r"holds 2 sets; .* other\.h5, visible\.h5"):
        opened(raw)
    assert len(opened(raw, file="visible.h5")) == 2


def test_discrete_actions_become_one_hot(copy):
    raw = copy("hdf5")
    with h5py.File(raw / "visible.h5", "a") as file:
        file["turn"] = np.arange(2 * STEPS) % 3
    with pytest.raises(DataError, match="discrete_actions"):
        opened(raw, actions=["turn"])[0]
    actions = opened(raw, actions=["turn"], discrete_actions=3)[0].actions
    np.testing.assert_array_equal(actions, np.eye(3)[[0, 1, 2, 0]])


def test_compressed_files_are_read():
    pytest.importorskip("hdf5plugin")
    read, expected = opened(FIXTURES / "compressed")[1], opened(FIXTURES / "hdf5")[1]
    np.testing.assert_array_equal(read.frames, expected.frames)


def test_compressed_files_without_the_package_are_one_line(monkeypatch):
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with pytest.raises(DataError, match=r"is compressed by blosc, .* pip install hdf5plugin"):
        opened(FIXTURES / "compressed")[1]


def test_lance_without_its_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(MachineError, match=r"needs pylance; pip install"):
        opened(FIXTURES / "lance")
    assert "needs pylance" in detect(FIXTURES / "lance").facts["lacks"]


def cut(name: str, size: int) -> Callable[[Path], None]:
    def damage(raw: Path) -> None:
        path = next(raw.glob(name))
        path.write_bytes(path.read_bytes()[:size])

    return damage


def remove(name: str) -> Callable[[Path], None]:
    return lambda raw: next(raw.glob(name)).unlink()


def overlap(raw: Path) -> None:
    np.savez(raw / "ep_offset.npz", np.array([0, 2]))


def nest(raw: Path) -> None:
    np.savez(raw / "ep_len.npz", np.full((2, 1), STEPS))


def far(raw: Path) -> None:
    np.savez(raw / "ep_offset.npz", np.array([0, 2**63 - 1]))


def shorten(raw: Path) -> None:
    np.savez(raw / "action.npz", np.zeros((STEPS + 1, 2), np.float32))


def grow(raw: Path) -> None:
    path = next(raw.glob("pixels/ep_1_step_2.*"))
    Image.open(path).resize((8, 8)).save(path)


def pickled(raw: Path) -> None:
    np.savez(raw / "action.npz", np.array([{"a": 1}] * 2 * STEPS))


WHOLE = {
    "a file cut short": (
        "hdf5",
        cut("*.h5", 9000),
        r"visible\.h5: no HDF5 file, damaged or cut short",
    ),
    "no list of lengths": ("folder", remove("ep_len.npz"), "holds no set of stable-worldmodel"),
    "a damaged list": ("folder", cut("ep_offset.npz", 100), r"ep_offset\.npz: damaged"),
    "lists that overlap": ("folder", overlap, "episodes overlap"),
    "lists of lists": ("folder", nest, "must be whole numbers, one an episode"),
    "a list beyond all bounds": ("folder", far, "overlap or go beyond"),
    "objects": ("folder", pickled, "action no numbers holds no numbers"),
    "half a manifest": ("lance", cut("*.lance/_versions/*.manifest", 980), "damaged"),
    "no action": ("folder", remove("action.npz"), "has no column action; known"),
}
ONE = {
    "too few rows": ("folder", shorten, r"action\.npz: holds float32 \[6, 2\], where episode 1"),
    "no image": ("folder", remove("pixels/ep_1_step_2.*"), r"ep_1_step_2\.jpg: no such file"),
    "half an image": ("folder", cut("pixels/ep_1_step_2.*", 300), "frame 2: no JPEG or PNG"),
    "another size": ("folder", grow, "is 8x8 at frame 2, 16x16 before"),
    "half a video": ("video", cut("pixels/ep_1.mp4", 1200), r"ep_1\.mp4: (damaged|holds)"),
    "no video": ("video", remove("pixels/ep_1.mp4"), r"no such file"),
    "half a table": ("lance", cut("*.lance/data/*.lance", 9000), "damaged"),
}


@pytest.mark.parametrize(("name", "damage", "said"), WHOLE.values(), ids=list(WHOLE))
def test_a_damaged_set_is_refused_in_a_line(copy, name, damage, said):
    if name == "lance":
        pytest.importorskip("lance")
    raw = copy(name)
    damage(raw)
    with pytest.raises(DataError, match=said) as refused:
        opened(raw)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "damage", "said"), ONE.values(), ids=list(ONE))
def test_a_damaged_episode_is_refused_in_a_line_and_the_other_is_read(copy, name, damage, said):
    if name == "lance":
        pytest.importorskip("lance")
    raw = copy(name)
    damage(raw)
    with pytest.raises(DataError, match=said) as refused:
        opened(raw)[1]
    assert "\n" not in str(refused.value)
    if name != "lance":
        assert len(opened(raw)[0]) == STEPS - 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cameras": "pixel"}, "no array pixel; did you mean pixels"),
        ({"cameras": ["state"]}, r"state float32\[2\] holds no frames"),
        ({"actions": ["pixels"], "states": ["nothing"]}, "no array nothing"),
        ({"file": "other.h5"}, r"other\.h5: no such file"),
        ({"file": "other"}, r"holds no other; .*: visible\.h5"),
    ],
)
def test_wrong_names_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        opened(FIXTURES / "hdf5", **options)


def test_a_folder_of_something_else_is_not_detected(tmp_path):
    (tmp_path / "notes.h5").write_bytes(b"no HDF5")
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["action"] = np.zeros(3)
    assert detect(tmp_path) is None
