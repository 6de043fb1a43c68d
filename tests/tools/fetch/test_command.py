"""`wm fetch` as it is typed."""

import re
import sys

import pytest

from pipeline import stage
from pipeline.tools.fetch.commands import command
from pipeline.tools.fetch.sets import SETS


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["fetch", *words])
    with pytest.raises(SystemExit) as exit_:
        stage.main(command)
    return exit_.value.code


def test_an_unknown_name_is_one_line_and_exit_code_2(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "pushT", str(tmp_path)) == 2
    assert re.fullmatch(r"error: 'pushT' .*did you mean pusht\?.*\n", capsys.readouterr().err)


def test_no_network_is_one_line_and_exit_code_2(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("pipeline.download.web.HttpClient.json", refuse)
    assert run(monkeypatch, "wall", str(tmp_path)) == 2
    assert capsys.readouterr().err.count("\n") == 1


def refuse(self, url):
    from pipeline.download.web import UnreachableError

    raise UnreachableError(f"{url}: no answer")


def test_help_names_every_set(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in SETS)


def test_no_episodes_are_no_subset(monkeypatch, tmp_path):
    assert run(monkeypatch, "wall", str(tmp_path), "--episodes", "0") == 2


def test_how_to_train_on_a_part_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("pipeline.tools.fetch.fetch.fetch", lambda *_, **__: tmp_path / "set")
    assert run(monkeypatch, "rt1", str(tmp_path), "--episodes", "2") == 0
    said = f"set datasets.rt1.root: {tmp_path}/set and datasets.rt1.episodes: 2\n"
    assert capsys.readouterr().out.endswith(said)
