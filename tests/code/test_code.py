"""The lists of code that stages depend on: whole, exact, and as `sha256sum` has them."""

import shutil
import subprocess
import sys

import pytest
from helpers import ROOT

from pipeline import imports
from pipeline.code.__main__ import command
from pipeline.errors import DataError


def lists(out):
    """What the stage writes now: of each list, the lines."""
    imports.modules.cache_clear()
    imports.named_by.cache_clear()
    command(out)
    return {path.stem: path.read_text().splitlines() for path in out.iterdir()}


def files(lines):
    return [line.split("  ", 1)[1] for line in lines]


@pytest.fixture(scope="module")
def unedited(tmp_path_factory):
    return lists(tmp_path_factory.mktemp("lists") / "code")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package that may be edited, in the place of ours."""
    package = tmp_path / "pipeline"
    shutil.copytree(ROOT / "pipeline", package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(imports, "PACKAGE", package)
    yield package
    imports.modules.cache_clear()
    imports.named_by.cache_clear()


def append(path, text="\n"):
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def test_a_list_is_one_that_sha256sum_checks_and_a_diff_reads(unedited, tmp_path):
    text = "".join(f"{line}\n" for line in unedited["train"])
    checked = ["sha256sum", "--check", "--strict", "--quiet", "-"]
    subprocess.run(checked, input=text, text=True, cwd=ROOT, check=True)
    names = files(unedited["train"])
    assert names == sorted(set(names))
    assert {"pipeline/train/trainer.py", "pipeline/stage.py"} <= set(names)
    assert lists(tmp_path / "code") == unedited


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("plan/mpc.py", {"plan"}),
        ("report/templates/page.html", {"report"}),
        ("planners/_shared/candidates.py", {"plan"}),  # whichever planner is chosen
        ("samplers/sequential.py", {"train"}),  # which names it
        ("worlds/wall/physics.py", {"locate"}),  # which tells the others of the chosen world
        ("samplers/pyramid.py", set()),
        ("encoders/tiny_vae/__init__.py", set()),
        ("tools/run.py", set()),
        ("train/__pycache__/trainer.pyc", set()),
        ("train/.trainer.py.swp", set()),
        ("plan/.backups/mpc.txt", set()),
    ],
)
def test_an_edit_changes_the_lists_of_the_stages_that_it_concerns(unedited, copy, name, stages):
    append(copy / name)
    after = lists(copy.parent / "code")
    assert {stage for stage in after if after[stage] != unedited[stage]} == stages
    for stage in stages:
        differ = set(unedited[stage]) ^ set(after[stage])
        assert set(files(differ)) == {f"pipeline/{name}"}


def test_a_new_import_is_listed_with_all_that_it_imports(unedited, copy):
    """Also where a folder on the way is no package."""
    append(copy / "probe/fit.py", "from pipeline.latents.more import rows  # noqa\n")
    append(copy / "latents/more/rows.py", "from pipeline.latents import newer  # noqa\n")
    append(copy / "latents/newer.py")
    names = files(lists(copy.parent / "code")["probe"])
    added = {"pipeline/latents/more/rows.py", "pipeline/latents/newer.py"}
    assert set(names) - set(files(unedited["probe"])) == added


def test_a_stage_of_your_own_gets_a_list(copy):
    append(copy / "mine/__init__.py", "")
    append(copy / "mine/__main__.py", "from pipeline.errors import DataError\n")
    names = files(lists(copy.parent / "code")["mine"])
    assert names == [f"pipeline/{name}.py" for name in ("errors", "mine/__init__", "mine/__main__")]


def test_a_file_that_is_no_python_is_told_in_a_line_and_the_lists_stay(unedited, copy):
    out = copy.parent / "code"
    assert lists(out) == unedited
    append(copy / "train/trainer.py", "def of(\n")
    with pytest.raises(DataError, match=r"trainer\.py: not valid Python \(.* line \d+\)"):
        lists(out)
    assert {path.stem: path.read_text().splitlines() for path in out.iterdir()} == unedited
    assert not list(copy.parent.glob(".*.partial"))


def test_it_needs_nothing_heavy(tmp_path):
    script = (
        "import sys, runpy\n"
        "for heavy in ('torch', 'numpy', 'zarr', 'einops'): sys.modules[heavy] = None\n"
        f"sys.argv = ['x', {str(tmp_path / 'code')!r}]\n"
        "runpy.run_module('pipeline.code', run_name='__main__')\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, check=True)
    assert (tmp_path / "code/train.txt").stat().st_size > 1000
