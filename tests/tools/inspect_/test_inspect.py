"""`wm inspect` says what a folder is, and is not fooled by one that lacks something."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from helpers import GOLDEN, ROOT
from lerobot_helpers import column, feature_with
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.checksum import sha256
from pipeline.collect.inventory import write_inventory
from pipeline.errors import DataError
from pipeline.formats import Detected
from pipeline.params import NAME
from pipeline.tools.inspect_.command import format_value
from pipeline.tools.inspect_.detect import block


def inspect(workspace, place, *words):
    words = ["inspect", str(workspace / place), "--params", str(workspace / "params.yaml"), *words]
    done = CliRunner().invoke(app, [*words, "--json"])
    return done.exit_code, json.loads(done.stdout)


RAW, SHARDS, LATENTS = "data/wall/raw", "data/wall/shards", "data/wall/latents/tiny_vae.zarr"
CODEC, MODEL = "models/wall/tiny_vae/codec", "models/wall/tiny_vae/world_model"
FACTS = {
    RAW: ("DINO-WM wall_single data set", {"format": "dino_wm_wall", "episodes": 20}),
    SHARDS: ("shards", {"dataset": "wall", "split": {"train": 16, "val": 4}, "frames": 480}),
    LATENTS: ("latent cache", {"encoder": "tiny_vae", "latent_shape": [4, 8, 8], "frames": 480}),
    CODEC: ("encoder", {"encoder": "tiny_vae", "stochastic": True}),
    MODEL: ("world model", {"frames": 4, "interval": 5, "action_dim": 2, "state_dim": 2}),
}


@pytest.mark.parametrize("words", [(), ("--all",)], ids=["quick", "all"])
@pytest.mark.parametrize("place", FACTS)
def test_every_folder_of_a_run_is_known_for_what_it_is(smoke_run, place, words):
    code, said = inspect(smoke_run, place, *words)
    kind, facts = FACTS[place]
    assert (code, said["kind"], said["lacks"]) == (0, kind, None)
    assert {name: said[name] for name in facts} == facts
    files = [file for file in (smoke_run / place).rglob("*") if file.is_file()]
    total = sum(file.stat().st_size for file in files if file.name != "manifest.json")
    assert said["bytes"] == total


def test_a_student_names_its_parents_and_its_data(smoke_run, tmp_path):
    _, said = inspect(smoke_run, "models/wall/tiny_vae/student")
    teacher = sha256(smoke_run / MODEL / "model.safetensors")
    known = said["student"]
    assert (known["method"], known["levels"]) == ("consistency", [999, 749, 499, 249])
    assert known["parents"] == {"teacher": {"sha256": teacher, "beside_it": "world_model"}}
    _, codec = inspect(smoke_run, CODEC)
    _, shards = inspect(smoke_run, MODEL)
    assert said["made_of"] == shards["made_of"]
    assert said["made_of"]["codec"] == codec["digest"]
    (tmp_path / "skipped.txt").touch()
    code, said = inspect(smoke_run, tmp_path)
    assert (code, said["kind"]) == (1, "skipped stage")
    assert "distill.method" in said["lacks"]


def test_all_of_a_data_set_is_counted(smoke_run):
    _, said = inspect(smoke_run, RAW, "--all")
    assert (said["frames"], said["lengths"]) == (480, [24, 24])
    assert len(said["actions"]["mean"]) == said["action_dim"] == 2


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = [
    (SHARDS, "train-000001.tar", lambda path: path.unlink(), (), "has 0 of"),
    (SHARDS, "val-000000.tar", flip, ("--all",), "val-000000.tar: changed"),
    (LATENTS, "mean/c/0/0/0/0", flip, ("--all",), "mean: damaged"),
    (LATENTS, "mean/c/0/0/0/0", lambda path: path.unlink(), (), "shards; restore it"),
    (MODEL, "model.safetensors", lambda path: path.unlink(), (), "model.safetensors: no such file"),
    (CODEC, "config.json", lambda path: path.write_text("{"), (), "codec/config.json: damaged"),
    (RAW, "obses/episode_007.pth", lambda path: path.unlink(), ("--all",), "episode_007.pth"),
]


@pytest.mark.parametrize(("place", "name", "harm", "words", "said"), DAMAGE)
def test_what_is_missing_or_damaged_is_named(workspace, place, name, harm, words, said):
    harm(workspace / place / name)
    code, found = inspect(workspace, place, *words)
    assert code == 1
    assert said in found["lacks"]


def test_a_set_of_ones_own_is_read_where_it_lies(smoke_run, tmp_path):
    assert write_inventory(smoke_run / RAW, tmp_path / "raw") > 1
    code, said = inspect(smoke_run, tmp_path / "raw")
    assert (code, said["root"]) == (0, str(smoke_run / RAW))


def test_a_lerobot_set_is_known_whatever_params_yaml_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = GOLDEN / "lerobot_v3"
    for params in (ROOT / "params.yaml", tmp_path / "absent.yaml"):
        words = ["inspect", str(raw), "--all", "--json", "--params", str(params)]
        done = CliRunner().invoke(app, words)
        said = json.loads(done.stdout)
        assert (done.exit_code, said["kind"], said["lacks"]) == (0, "LeRobot data set", None)
        assert (said["version"], said["episodes"], said["fps"]) == ("v3.0", 3, 3)
        cameras = {f"observation.images.{name}" for name in ("image", "wrist")}
        assert said["cameras"]["observation.images.wrist"] == "video 32 x 48 x 3"
        assert set(said["cameras"]) == cameras
        assert said["unreadable"] == dict.fromkeys(cameras, 0)
        assert (said["action_dim"], said["frames"], said["lengths"]) == (7, 65, [13, 26])


def test_what_cannot_be_read_of_a_lerobot_set_is_counted(tmp_path):
    raw = Path(shutil.copytree(GOLDEN / "lerobot_v3", tmp_path / "raw"))
    (raw / "videos/observation.images.wrist/chunk-000/file-000.mp4").unlink()
    feature_with("observation.images.image", info={"is_depth_map": True})(raw)
    done = CliRunner().invoke(app, ["inspect", str(raw), "--json"])
    said = json.loads(done.stdout)
    assert done.exit_code == 1
    assert said["cameras"]["observation.images.image"].endswith("(depth: cannot be read)")
    assert "none of its 3 episodes has its files" in said["lacks"]
    column("length", pa.array([26, 27, 13]), "meta/episodes/chunk-000/file-000.parquet")(raw)
    feature_with("observation.images.image", info={})(raw)
    said = json.loads(CliRunner().invoke(app, ["inspect", str(raw), "--json"]).stdout)
    assert said["unreadable"] == {"observation.images.image": 1}
    (raw / "meta/info.json").write_text("{")
    said = json.loads(CliRunner().invoke(app, ["inspect", str(raw), "--json"]).stdout)
    assert (said["kind"], "info.json" in said["lacks"]) == ("LeRobot data set", True)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("robot", "robot"),
        ("fractal20220817_data/0.1.0", "fractal20220817_data"),
        ("Übung 3 (neu).v2", "bung_3_neu_v2"),
        ("éé", "mine"),
        ("wall", "my_wall"),
    ],
)
def test_a_folder_gives_its_set_a_name_that_params_yaml_accepts(tmp_path, folder, name):
    printed = block("hdf5", Detected("HDF5"), (tmp_path / "..." / folder))
    (named,) = yaml.safe_load(printed)["datasets"]
    assert named == name
    assert re.fullmatch(NAME, named)


def test_a_file_is_called_a_file(tmp_path):
    (tmp_path / "model.pt").write_text("")
    with pytest.raises(DataError, match=r"model.pt: is a file; name the folder that it lies in"):
        CliRunner().invoke(app, ["inspect", str(tmp_path / "model.pt")], catch_exceptions=False)


def test_a_folder_of_something_else_is_refused(tmp_path, smoke_run):
    (tmp_path / "letter.txt").write_text("dear")
    words = ["inspect", str(tmp_path), "--params", str(smoke_run / "params.yaml")]
    with pytest.raises(DataError, match=r"nor a data set of a known format \(csgo, "):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_folder_is_read_by_its_block_where_its_names_tell_nothing(tmp_path, smoke_run):
    raw = tmp_path / "raw"
    for name in ("walk_1", "walk_2"):
        for folder, end in (("cam", "mp4"), ("log", "csv")):
            (raw / folder).mkdir(parents=True, exist_ok=True)
            recorded = ROOT / f"tests/formats/fixtures/video_csv/{name}.{end}"
            shutil.copy(recorded, raw / folder / f"{name}_{folder}.{end}")
    values = yaml.safe_load((smoke_run / "params.yaml").read_text())
    values["datasets"]["mine"] = {
        "format": "video_csv",
        "root": str(raw),
        "frames": "cam/{episode}_cam.mp4",
        "table": "log/{episode}_log.csv",
    }
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump(values))
    done = CliRunner().invoke(app, ["inspect", str(raw), "--params", str(params), "--json"])
    facts = json.loads(done.stdout)
    assert (done.exit_code, facts["format"], facts["episodes"]) == (0, "video_csv", 2)


def test_what_is_read_by_a_person_fits_a_line(smoke_run):
    words = ["inspect", str(smoke_run / SHARDS), "--params", str(smoke_run / "params.yaml")]
    lines = CliRunner().invoke(app, words).stdout.splitlines()
    assert lines[0] == f"{smoke_run / SHARDS}: shards"
    assert any(
        line.split() == ["complete", "yes;", "--all", "reads", "all", "of", "it"] for line in lines
    )
    assert format_value(list(range(12))) == "[0, 1, 2, 3, 4, 5, 6, 7, ... 12 in all]"
    assert format_value({"a": np.pi, "b": [12345, True]}) == "a 3.142, b [12,345, True]"
