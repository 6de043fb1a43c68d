"""The code of a stage: what it imports, and that resuming depends on nothing else."""

import shutil

import pytest
from helpers import ROOT

from pipeline import imports

TRAIN = ["pipeline.train.__main__", "pipeline.denoisers.nanowm", "pipeline.objectives.x"]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package that may be edited, in the place of ours."""
    package = tmp_path / "pipeline"
    shutil.copytree(ROOT / "pipeline", package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(imports, "PACKAGE", package)
    forget()
    yield package
    forget()


def forget():
    imports.modules.cache_clear()
    imports.named_by.cache_clear()


def edited(package, name):
    """The digest of training's code after a line was added to a file."""
    with (package / name).open("a") as file:
        file.write("\n")
    forget()
    return imports.digest(TRAIN)


def test_the_closure_of_a_stage_holds_the_packages_around_what_it_imports():
    reached = imports.closure(["pipeline.train.__main__"])
    assert {"pipeline", "pipeline.train", "pipeline.params", "pipeline.errors"} <= reached
    assert not {m for m in reached if m.startswith(("pipeline.tools", "pipeline.plan"))}


@pytest.mark.parametrize(
    "name", ["report/page.py", "plan/mpc.py", "objectives/flow.py", "worlds/wall/physics.py"]
)
def test_a_run_is_resumed_after_code_changed_that_it_never_imports(copy, name):
    assert imports.digest(TRAIN) == edited(copy, name)


@pytest.mark.parametrize(
    "name", ["train/__init__.py", "objectives/x.py", "denoisers/nanowm/layers.py", "stage.py"]
)
def test_no_run_is_resumed_after_its_code_changed(copy, name):
    assert imports.digest(TRAIN) != edited(copy, name)
