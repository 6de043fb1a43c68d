"""Fetching csgo and rt1, from a hub on this machine."""

import io
import json
import tarfile

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.tools.fetch.fetch import fetch
from pipeline.tools.fetch.plan import Endpoints, Request
from pipeline.tools.fetch.sets import SETS

RNG = np.random.default_rng(0)
NEW = "ab" * 20


def episode(number):
    name = f"chunk-{number // 1000:03d}/episode_{number:06d}"
    video = name.replace("/", "/observation.images.image/")
    return {f"data/{name}.parquet": RNG.bytes(200), f"videos/{video}.mp4": RNG.bytes(900)}


META = {
    f"meta/{name}": b"{}" * 20
    for name in ("info.json", "stats.json", "tasks.json", "episodes.json")
}
RT1 = META | {name: data for n in (0, 1, 2, 1000) for name, data in episode(n).items()}
RECORDINGS = {n: RNG.bytes(5000 + n) for n in range(1, 501)}


def tar(numbers):
    """As published: in the order of the names, so that 10 comes before 2."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        members = {f"some/folder/hdf5_dm_july2021_{n}.hdf5": RECORDINGS[n] for n in numbers}
        members["../evil.hdf5"] = b"x"
        for name in sorted(members):
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            writer.addfile(info, io.BytesIO(members[name]))
    return archive.getvalue()


@pytest.fixture
def endpoints(server):
    rt1, csgo = SETS["rt1"], SETS["csgo"]
    extra = {"README.md": b"hello", ".gitattributes": b""}
    server.hub(rt1.repository, RT1 | extra, {"main": NEW, rt1.commit: rt1.commit})
    tars = {
        f"hdf5_dm_july2021_{low}_to_{high}.tar": tar(range(low, high + 1))
        for low, high in ((1, 20), (201, 220), (401, 405))
    }
    tars |= {"dataset_dm_expert_dust2.tar": b"other", "README.md": b"hello"}
    server.hub(csgo.repository, tars, {"main": NEW, csgo.commit: csgo.commit})
    return Endpoints(hub=server.url, delay=0)


def below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_lerobot_set_comes_file_by_file(server, endpoints, tmp_path, capsys):
    root = fetch("rt1", Request(tmp_path), endpoints, confirm=False)
    assert below(root) == RT1
    assert SETS["rt1"].commit in capsys.readouterr().out
    server.requests.clear()
    fetch("rt1", Request(tmp_path), endpoints, confirm=False)
    assert server.requests == []


def test_the_first_episodes_of_a_lerobot_set_come_with_its_tables(server, endpoints, tmp_path):
    root = fetch("rt1", Request(tmp_path, episodes=2), endpoints, confirm=False)
    assert below(root) == META | {n: d for n, d in RT1.items() if "000000." in n or "000001." in n}
    assert not any("chunk-001" in path for path, _ in server.requests)
    server.requests.clear()
    fetch("rt1", Request(tmp_path, episodes=3), endpoints, confirm=False)
    assert sorted(path[-14:] for path, _ in server.downloads()) == [
        "000002.parquet",
        "ode_000002.mp4",
    ]


def test_faults_of_the_hub_are_survived(server, endpoints, tmp_path):
    for name in RT1:
        path = f"/datasets/{SETS['rt1'].repository}/resolve/{SETS['rt1'].commit}/{name}"
        server.faults[path] = [503, "cut", "wrong"] if "meta" not in name else ["cut"]
    assert below(fetch("rt1", Request(tmp_path), endpoints, confirm=False)) == RT1


def test_a_branch_is_resolved_first_and_its_commit_is_downloaded_and_noted(
    server, endpoints, tmp_path, capsys
):
    fetch("rt1", Request(tmp_path, episodes=1, revision="main"), endpoints, confirm=False)
    assert f"at commit {NEW}" in capsys.readouterr().out
    assert all(f"/resolve/{NEW}/" in path for path, _ in server.downloads())
    assert json.loads((tmp_path / "fetched.json").read_text())["rt1"]["revision"] == NEW


def test_two_commits_do_not_mix_in_one_folder(endpoints, tmp_path):
    fetch("rt1", Request(tmp_path, episodes=1), endpoints, confirm=False)
    with pytest.raises(DataError, match=f"holds commit {SETS['rt1'].commit}; .*{NEW}"):
        fetch("rt1", Request(tmp_path, revision="main"), endpoints, confirm=False)


def placed(*numbers):
    folders = {0: "1-20", 1: "201-220", 2: "401-405"}
    return {
        f"{folders[n // 200]}/hdf5_dm_july2021_{n}.hdf5": RECORDINGS[n] for n in numbers
    }  # fmt: skip


def test_recordings_come_in_the_folders_that_readers_look_into(server, endpoints, tmp_path):
    root = fetch("csgo", Request(tmp_path), endpoints, confirm=False)
    everything = placed(*range(1, 21), *range(201, 221), *range(401, 406))
    assert below(root) == everything
    assert below(tmp_path).keys() - {f"csgo/{n}" for n in everything} == {"fetched.json"}


def test_the_first_recordings_are_those_of_the_lowest_numbers(server, endpoints, tmp_path):
    root = fetch("csgo", Request(tmp_path, episodes=3), endpoints, confirm=False)
    assert below(root) == placed(1, 2, 3)
    fetch("csgo", Request(tmp_path, episodes=22), endpoints, confirm=False)
    assert below(root) == placed(*range(1, 21), 201, 202)
    assert all(byte_range is not None for _, byte_range in server.downloads())


def test_archives_that_were_unpacked_are_not_downloaded_again(server, endpoints, tmp_path):
    root = fetch("csgo", Request(tmp_path), endpoints, confirm=False)
    (root / "201-220" / "hdf5_dm_july2021_207.hdf5").unlink()
    server.requests.clear()
    fetch("csgo", Request(tmp_path), endpoints, confirm=False)
    assert {path[-14:] for path, _ in server.downloads()} == {"201_to_220.tar"}
    assert (root / "201-220" / "hdf5_dm_july2021_207.hdf5").read_bytes() == RECORDINGS[207]


def test_what_is_no_tar_is_refused(server, tmp_path):
    csgo = SETS["csgo"]
    files = {"hdf5_dm_july2021_1_to_200.tar": b"an error page" * 100}
    server.hub(csgo.repository, files, {csgo.commit: csgo.commit})
    with pytest.raises(DataError, match="not a tar archive"):
        fetch("csgo", Request(tmp_path), Endpoints(hub=server.url, delay=0), confirm=False)


@pytest.mark.parametrize("name", ["csgo", "rt1"])
def test_no_network_is_one_line_that_says_where_to_get_it_by_hand(name, tmp_path):
    with pytest.raises(DataError) as error:
        fetch(name, Request(tmp_path), Endpoints(hub="http://127.0.0.1:9", delay=0), confirm=False)
    said = str(error.value)
    assert "\n" not in said
    root = tmp_path / SETS[name].folder
    for needed in (SETS[name].page, str(root), f"datasets.{name}.root"):
        assert needed in said


def test_an_unknown_commit_is_named(endpoints, tmp_path):
    with pytest.raises(DataError, match="cannot be read from the hub"):
        fetch("rt1", Request(tmp_path, revision="nowhere"), endpoints, confirm=False)
