"""Fetching DINO-WM's sets, from an OSF project on this machine."""

import json
import os

import numpy as np
import pytest
from fetch_helpers import split, zipped

from pipeline.errors import DataError, ParamsError
from pipeline.tools.fetch.fetch import fetch
from pipeline.tools.fetch.plan import Endpoints, Request

RNG = np.random.default_rng(0)
WALL = {
    "wall_single/states.pth": RNG.bytes(500),
    "wall_single/actions.pth": RNG.bytes(400),
    **{f"wall_single/obses/episode_{n:03d}.pth": RNG.bytes(70_000 + n) for n in range(6)},
}
LITTER = {"__MACOSX/wall_single/._states.pth": b"litter"}
DEFORMABLE = {
    f"deformable/{name}/{path}": RNG.bytes(size)
    for name in ("rope", "granular")
    for path, size in [("states.pth", 800), *((f"{n:06d}/obses.pth", 3000 + n) for n in range(5))]
}


@pytest.fixture
def endpoints(server):
    parts = split(zipped(DEFORMABLE), 4000)
    names = [*(f"deformable.z{n:02d}" for n in range(1, len(parts))), "deformable.zip"]
    archives = {"wall_single.zip": zipped(WALL | LITTER), "records.txt": b"other things"}
    return Endpoints(osf=server.osf(archives | dict(zip(names, parts, strict=True))), delay=0)


def below(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "fetched.json"
    }


def test_a_whole_set_is_downloaded_checked_and_unpacked(server, endpoints, tmp_path, capsys):
    root = fetch("wall", Request(tmp_path / "sets"), endpoints, confirm=False)
    assert root == tmp_path / "sets" / "wall_single"
    assert below(tmp_path / "sets") == WALL
    note = json.loads((tmp_path / "sets" / "fetched.json").read_text())["wall"]
    assert note["files"] == len(WALL)
    assert note["bytes"] == sum(map(len, WALL.values()))
    assert "osf.io/bmw48" in note["page"]
    shown = capsys.readouterr().out
    assert "wall_single.zip" in shown
    assert "disk space free" in shown


def test_a_second_call_sends_no_request(server, endpoints, tmp_path, capsys):
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    server.requests.clear()
    fetch("wall", Request(tmp_path), endpoints, confirm=True)
    fetch("wall", Request(tmp_path, episodes=2), endpoints, confirm=True)
    assert server.requests == []
    assert "nothing to download" in capsys.readouterr().out


def test_what_was_deleted_is_fetched_again_alone(server, endpoints, tmp_path):
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    (tmp_path / "wall_single/obses/episode_003.pth").unlink()
    server.requests.clear()
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    assert below(tmp_path) == WALL
    assert all(byte_range is not None for _, byte_range in server.downloads())


def test_the_first_episodes_come_without_the_rest(server, endpoints, tmp_path):
    fetch("wall", Request(tmp_path, episodes=1), endpoints, confirm=False)
    tables = {"wall_single/states.pth", "wall_single/actions.pth"}
    assert set(below(tmp_path)) == tables | {"wall_single/obses/episode_000.pth"}
    assert all(byte_range is not None for _, byte_range in server.downloads())
    fetch("wall", Request(tmp_path, episodes=3), endpoints, confirm=False)
    assert len(below(tmp_path)) == 5
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    assert below(tmp_path) == WALL


def test_one_set_of_an_archive_in_parts_comes_without_the_other(server, endpoints, tmp_path):
    root = fetch("rope", Request(tmp_path), endpoints, confirm=False)
    assert root == tmp_path / "deformable" / "rope"
    rope = {name: data for name, data in DEFORMABLE.items() if "/rope/" in name}
    assert below(tmp_path) == rope
    fetch("granular", Request(tmp_path, episodes=2), endpoints, confirm=False)
    granular = {"states.pth", "000000/obses.pth", "000001/obses.pth"}
    assert set(below(tmp_path)) == set(rope) | {f"deformable/granular/{n}" for n in granular}
    assert set(json.loads((tmp_path / "fetched.json").read_text())) == {"rope", "granular"}


def test_every_fault_on_the_way_is_survived(server, endpoints, tmp_path):
    server.faults["/v2/nodes/bmw48/files/osfstorage/"] = [503, "cut"]
    server.faults["/get/wall_single.zip"] = [503, "cut", 503, "cut", "cut", 503]
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    assert below(tmp_path) == WALL


def test_a_server_without_ranges_sends_whole_sets_but_no_parts(server, endpoints, tmp_path):
    server.ranges = False
    with pytest.raises(DataError, match="does not support range requests"):
        fetch("wall", Request(tmp_path, episodes=1), endpoints, confirm=False)
    fetch("wall", Request(tmp_path), endpoints, confirm=False)
    assert below(tmp_path) == WALL


@pytest.mark.parametrize("episodes", [None, 5])
def test_interrupted_anywhere_the_next_run_ends_the_same(
    server, endpoints, tmp_path, monkeypatch, episodes
):
    class Killed(BaseException):
        pass

    replace, left = os.replace, 0

    def dying(source, target):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        replace(source, target)

    expected = {name: data for name, data in WALL.items() if not episodes or "_005" not in name}
    for calls in range(20):
        left = calls
        with monkeypatch.context() as patch:
            patch.setattr("os.replace", dying)
            try:
                fetch("wall", Request(tmp_path, episodes), endpoints, confirm=False)
                break
            except Killed:
                pass
    assert calls >= 3
    assert below(tmp_path) == expected


def test_a_disk_that_is_too_small_is_refused_with_both_numbers(
    server, endpoints, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipeline.download.disk.free", lambda _: 450_000)
    server.requests.clear()
    with pytest.raises(DataError, match=r"needs 84\d\.\d kB, but only 450\.0 kB are free"):
        fetch("wall", Request(tmp_path), endpoints, confirm=False)
    assert below(tmp_path) == {}
    fetch("wall", Request(tmp_path, episodes=2), endpoints, confirm=False)


def test_nothing_starts_before_somebody_agrees(server, endpoints, tmp_path, monkeypatch):
    import typer

    questions = []

    def no(question, *, abort):
        questions.append(question)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", no)
    with pytest.raises(typer.Abort):
        fetch("wall", Request(tmp_path), endpoints, confirm=True)
    assert questions == ["Download?"]
    assert below(tmp_path) == {}


def test_no_network_is_one_line_that_says_where_to_get_it_by_hand(tmp_path):
    with pytest.raises(DataError) as error:
        fetch(
            "rope", Request(tmp_path), Endpoints(osf="http://127.0.0.1:9", delay=0), confirm=False
        )
    said = str(error.value)
    assert "\n" not in said
    for needed in ("https://osf.io/bmw48", f"{tmp_path}/deformable/rope", "datasets.rope.root"):
        assert needed in said


def test_an_archive_that_is_not_listed_is_named(endpoints, tmp_path):
    with pytest.raises(DataError, match=r"lists no pusht_noise\.zip"):
        fetch("pusht", Request(tmp_path), endpoints, confirm=False)


def test_an_archive_of_something_else_is_refused(server, tmp_path):
    api = server.osf({"wall_single.zip": zipped({"elsewhere/a": b"a"}), "x": b""})
    with pytest.raises(DataError, match=r"wall_single\.zip: has no folder wall_single"):
        fetch("wall", Request(tmp_path), Endpoints(osf=api, delay=0), confirm=False)


def test_an_archive_that_leads_out_of_its_folder_is_refused(server, tmp_path):
    api = server.osf({"wall_single.zip": zipped({"wall_single/../../evil": b"x"}), "x": b""})
    dest = tmp_path / "sets"
    with pytest.raises(DataError, match="leads out of"):
        fetch("wall", Request(dest), Endpoints(osf=api, delay=0), confirm=False)
    assert not (tmp_path / "evil").exists()


def test_what_is_no_archive_is_refused(server, tmp_path):
    api = server.osf({"wall_single.zip": b"an error page", "x": b""})
    with pytest.raises(DataError, match=r"wall_single\.zip: not a zip archive"):
        fetch("wall", Request(tmp_path), Endpoints(osf=api, delay=0), confirm=False)


def test_names_and_revisions_that_make_no_sense_are_refused(endpoints, tmp_path):
    with pytest.raises(ParamsError, match="did you mean pusht"):
        fetch("push", Request(tmp_path), endpoints, confirm=False)
    with pytest.raises(ParamsError, match="--revision = main"):
        fetch("wall", Request(tmp_path, revision="main"), endpoints, confirm=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        fetch("wall", Request(tmp_path / "file"), endpoints, confirm=False)
