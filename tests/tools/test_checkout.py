"""What measures this implementation stays out of the wheel, and says so where it is missing."""

import shutil
import subprocess
import sys
import tomllib

import pytest
from helpers import ROOT
from setuptools import find_packages

from pipeline import imports

OF_A_CHECKOUT = ("pipeline.tools.bench", "pipeline.tools.parity")
FIND = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"][
    "find"
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The modules of the wheel, in a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    for package in find_packages(str(ROOT), **FIND):
        place = package.replace(".", "/")
        (folder / place).mkdir(parents=True)
        for module in (ROOT / place).glob("*.py"):
            shutil.copy(module, folder / place)
    return folder


def wm(wheel, *arguments):
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=wheel, capture_output=True, text=True, check=False)


def test_the_wheel_holds_everything_but_benches_and_parity(wheel):
    held = {".".join(f.relative_to(wheel).with_suffix("").parts) for f in wheel.rglob("*.py")}
    left_out = {name.removesuffix(".__init__") for name in imports.modules()} - {
        name.removesuffix(".__init__") for name in held
    }
    assert left_out == {name for name in imports.modules() if name.startswith(OF_A_CHECKOUT)}


def test_nothing_in_the_wheel_imports_what_is_not_in_it():
    for name in imports.modules():
        if name != "pipeline.__main__" and not name.startswith(OF_A_CHECKOUT):
            reached = {m for m in imports.imported_by(name) if m.startswith(OF_A_CHECKOUT)}
            assert reached == set(), name


def test_a_wheel_lists_the_tools_and_names_the_way_out(wheel):
    listed = wm(wheel, "--help")
    assert listed.returncode == 0, listed.stderr
    assert "Only in a checkout" in listed.stdout
    for arguments in (["bench", "sampler", "--steps", "3"], ["parity", "--help"], ["bench"]):
        refused = wm(wheel, *arguments)
        assert refused.returncode == 2
        expected = f"error: wm {arguments[0]}: not part of the installed package; clone the"
        assert refused.stderr.startswith(expected)
        assert refused.stderr.count("\n") == 1
