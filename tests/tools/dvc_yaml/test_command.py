"""`wm dvc-yaml`: the code lines of dvc.yaml are held against the code, and mended."""

import subprocess
import sys

from helpers import ROOT


def dvc_yaml(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "dvc-yaml", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_line_that_is_missing_or_idle_is_told_and_mended(tmp_path):
    right, file = (ROOT / "dvc.yaml").read_text(), tmp_path / "dvc.yaml"
    lines = right.splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if line == "      - pipeline/stage.py\n")
    lines[place] = "      - pipeline/report\n"
    file.write_text("".join(lines))
    done = dvc_yaml(str(file))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "wm dvc-yaml --write" in done.stderr
    assert dvc_yaml(str(file), "--write").returncode == 0
    assert file.read_text() == right
    assert dvc_yaml(str(file)).returncode == 0
