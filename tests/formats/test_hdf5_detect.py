"""`wm inspect` tells what HDF5 files hold by names and shapes, as a block that reads them."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdf5_helpers import T, images, jpegs, numbers, opened, padded, write

from pipeline.formats.hdf5 import detect

FIXTURES = Path(__file__).parent / "fixtures"


def maniskill(folder):
    camera = "obs__sensor_data__base_camera"
    arrays = {
        f"{camera}__rgb": images(T + 1, 12, 16, 3),
        f"{camera}__depth": np.ones((T + 1, 12, 16, 1), np.int16),
        "obs__agent__qpos": numbers(T + 1, 9),
        "env_states__cube": numbers(T + 1, 13),
        "actions": numbers(T, 7),
    }
    for number in (0, 2, 10):
        named = {f"traj_{number}__{name}": values for name, values in arrays.items()}
        write(folder / "trajectory.h5", **named)


def aloha(folder):
    for number in (0, 1):
        wrist, top = (padded(jpegs(images(T, 16, 16, 3, seed=n))) for n in (number, 9))
        write(
            folder / f"episode_{number}.hdf5",
            observations__images__cam_left_wrist=wrist,
            observations__images__cam_top=top,
            observations__qpos=numbers(T, 14),
            action=numbers(T, 14),
        )


def d4rl(folder):
    end = np.arange(T) == 3
    write(
        folder / "maze.hdf5",
        observations=images(T, 3, 16, 16),
        actions=numbers(T),
        next_observations=images(T, 3, 16, 16),
        rewards=np.zeros(T),
        terminals=np.zeros(T, bool),
        timeouts=end,
        infos__qpos=numbers(T, 4),
    )


def atari(folder):
    write(
        folder / "pong.h5",
        observation__pixels=images(T, 16, 16, 3),
        done=np.arange(T) == T - 1,
        action=np.array([0, 3, 1, 0, 5, 2]),
    )


def diffusion_policy(folder):
    write(
        folder / "replay" / "buffer.hdf5",
        data__img=images(T, 16, 16, 3),
        data__action=numbers(T),
        data__state=numbers(T, 5),
        meta__episode_ends=[2, T],
    )


SETS = {
    "robomimic": (
        lambda folder: shutil.copy(FIXTURES / "robomimic" / "demo.hdf5", folder),
        "robomimic",
        {"files": "*.hdf5", "episodes": {"groups": "data/demo_*"},
         "cameras": ["obs/agentview_image"], "actions": ["actions"],
         "states": ["obs/robot0_eef_pos"], "split": {"train": "mask/train", "valid": "mask/valid"}},
        [5, 6, 7],
    ),
    "ogbench": (
        lambda folder: shutil.copytree(FIXTURES / "ogbench", folder, dirs_exist_ok=True),
        "HDF5 (columns)",
        {"files": "*.hdf5", "episodes": {"flags": ["terminals"]}, "cameras": ["observations"],
         "actions": ["actions"], "states": ["qpos"], "split": {"valid_files": "*-val.hdf5"}},
        [6, 7, 5],
    ),
    "maniskill": (
        maniskill,
        "HDF5 (grouped)",
        {"files": "*.h5", "episodes": {"groups": "traj_*"},
         "cameras": ["obs/sensor_data/base_camera/rgb"], "actions": ["actions"],
         "states": ["obs/agent/qpos"]},
        [T, T, T],
    ),
    "aloha": (
        aloha,
        "HDF5 (a file each)",
        {"files": "*.hdf5", "episodes": {"groups": "."},
         "cameras": ["observations/images/cam_top"], "actions": ["action"],
         "states": ["observations/qpos"]},
        [T, T],
    ),
    "d4rl": (
        d4rl,
        "HDF5 (columns)",
        {"files": "*.hdf5", "episodes": {"flags": ["timeouts"]}, "cameras": ["observations"],
         "actions": ["actions"], "states": ["infos/qpos"]},
        [4, 2],
    ),
    "atari": (
        atari,
        "HDF5 (columns)",
        {"files": "*.h5", "episodes": {"flags": ["done"]}, "cameras": ["observation/pixels"],
         "actions": ["action"], "states": [], "discrete_actions": 6},
        [T],
    ),
    "diffusion policy": (
        diffusion_policy,
        "HDF5 (columns)",
        {"files": "*/*.hdf5", "episodes": {"ends": "meta/episode_ends"}, "cameras": ["data/img"],
         "actions": ["data/action"], "states": ["data/state"]},
        [2, 4],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_the_block_of_a_set_is_found_and_reads_it(name, tmp_path):
    make, title, options, lengths = SETS[name]
    make(tmp_path)
    found = detect(tmp_path)
    assert (found.title, found.options, found.lacks) == (title, options, None)
    source = opened(tmp_path, **found.options)
    assert [len(source[index]) for index in range(len(source))] == lengths


def test_further_cameras_all_arrays_and_filter_keys_are_told(tmp_path):
    aloha(tmp_path)
    facts = detect(tmp_path).facts
    assert facts["cameras"].startswith("observations/images/cam_top, observations/images/cam_left")
    assert f"action float32 [{T}, 14]; " in facts["arrays"]
    assert detect(FIXTURES / "robomimic").facts["filter_keys"] == "mask/train, mask/valid"


FRAMES, MOVES = images(T, 16, 16, 3), numbers(T)


def test_discrete_actions_of_an_empty_file_are_two_at_least(tmp_path):
    write(tmp_path / "a.h5", actions=np.zeros((0, 1), np.int64))
    assert detect(tmp_path).options["discrete_actions"] == 2


LACKING = {
    "states alone": ({"observations": MOVES, "actions": MOVES}, "no array holds images"),
    "no actions": ({"frames": FRAMES, "moves": MOVES}, "no array is named actions"),
    "no ends": ({"frames": FRAMES, "actions": MOVES}, "no array says where episodes end"),
}


@pytest.mark.parametrize("case", LACKING)
def test_what_no_name_tells_is_asked_for(case, tmp_path):
    arrays, lacks = LACKING[case]
    write(tmp_path / "a.hdf5", **arrays)
    assert lacks in detect(tmp_path).lacks


def test_numbered_groups_of_images_are_episodes_whatever_their_actions_are_called(tmp_path):
    for number in range(2):
        write(
            tmp_path / "a.h5", **{f"trial_{number}__rgb": FRAMES, f"trial_{number}__moves": MOVES}
        )
    found = detect(tmp_path)
    assert found.options == {"files": "*.h5", "episodes": {"groups": "trial_*"}, "cameras": ["rgb"]}
    assert found.lacks == "no array is named actions: name it in `actions`"
    assert len(opened(tmp_path, **found.options, actions="moves")) == 2


def test_ogbenchs_npz_files_are_to_be_converted(tmp_path):
    np.savez(tmp_path / "a.npz", observations=FRAMES, actions=MOVES, terminals=np.ones(T))
    found = detect(tmp_path)
    assert found.title == "OGBench npz"
    assert "turn the files into HDF5" in found.lacks
    np.savez(tmp_path / "a.npz", latents=FRAMES)
    assert detect(tmp_path) is None


def test_files_of_other_formats_are_left_to_them(tmp_path):
    (tmp_path / "text.hdf5").write_text("no HDF5")
    assert detect(tmp_path) is None
    assert detect(tmp_path / "absent") is None
    assert detect(FIXTURES / "minari" / "raw-hdf5") is None
    for name in ("ep_offset", "frame_0_x"):
        folder = tmp_path / name
        write(folder / "a.hdf5", **{name: np.zeros(T), "actions": numbers(T)})
        assert detect(folder) is None


def test_links_and_circles_are_not_followed(tmp_path):
    d4rl(tmp_path)
    with h5py.File(tmp_path / "maze.hdf5", "a") as file:
        file["infos/loop"] = file["infos"]
        file["elsewhere"] = h5py.ExternalLink("/etc/hosts", "x")
    assert detect(tmp_path).options["states"] == ["infos/qpos"]
