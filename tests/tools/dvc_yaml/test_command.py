"""`wm dvc-yaml`: the code lines of dvc.yaml are held against the code, and mended."""

import pytest
from helpers import ROOT
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import DataError


def dvc_yaml(*arguments):
    return CliRunner().invoke(app, ["dvc-yaml", *arguments], catch_exceptions=False).stdout


def test_a_line_that_is_missing_or_idle_is_told_and_mended(tmp_path):
    right, file = (ROOT / "dvc.yaml").read_text(), tmp_path / "dvc.yaml"
    lines = right.splitlines(keepends=True)
    index = next(n for n, line in enumerate(lines) if line == "      - pipeline/stage.py\n")
    lines[index] = "      - pipeline/tools\n"
    file.write_text("".join(lines))
    with pytest.raises(DataError, match="`wm dvc-yaml --write`"):
        dvc_yaml(str(file))
    assert dvc_yaml(str(file), "--write") == f"{file}: written\n"
    assert file.read_text() == right
    assert "exactly" in dvc_yaml(str(file))


def test_a_stage_without_any_line_gets_all_of_them(tmp_path):
    file = tmp_path / "dvc.yaml"
    right = (ROOT / "dvc.yaml").read_text()
    file.write_text("".join(x for x in right.splitlines(keepends=True) if "- pipeline/" not in x))
    assert dvc_yaml(str(file), "--write") == f"{file}: written\n"
    assert sorted(file.read_text().splitlines()) == sorted(right.splitlines())
    assert "exactly" in dvc_yaml(str(file))


@pytest.mark.parametrize("command", ["python", "python -m pip install x", "python -m pipeline.no"])
def test_a_command_that_runs_no_stage_is_named(tmp_path, command):
    file = tmp_path / "dvc.yaml"
    file.write_text(f"stages:\n  odd:\n    cmd: {command}\n")
    with pytest.raises(DataError, match=r"is not python -m pipeline.STAGE"):
        dvc_yaml(str(file))
