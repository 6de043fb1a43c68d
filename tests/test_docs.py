"""The pages that add a member do so as they are pasted, and their commands run."""

import re
import shutil

import pytest
from docs_helpers import read
from helpers import ROOT
from pipeline_helpers import commit, executed, make_workspace, run

PAGES = sorted(path.stem for path in (ROOT / "docs").glob("add-*.md"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_files_params_tests_and_commands(name):
    page = read(name)
    for path, content in page.files.items():
        compile(content, path, "exec")
    suites = [path for path in page.files if path.startswith("tests/")]
    members = [path for path in page.files if path.startswith("pipeline/")]
    assert set(page.files) == {*suites, *members}
    blocks = {block.replace("datasets", "formats") for block, _ in page.params}
    assert {path.split("/")[1] for path in members} == blocks
    assert page.commands[0] == ["pytest", *suites]
    assert page.commands[1] == ["wm", "check"]
    assert page.commands[2][:3] == ["wm", "run", "-S"]


@pytest.mark.parametrize("name", PAGES)
def test_the_code_of_a_page_passes_lint(name, tmp_path):
    workspace = make_workspace(tmp_path / "workspace")
    shutil.copy(ROOT / "pyproject.toml", workspace)
    page = read(name)
    page.follow(workspace)
    run(workspace, "python", "-m", "ruff", "check", *page.files)
    run(workspace, "python", "-m", "ruff", "format", "--check", *page.files)


WRITTEN = (
    r"wm (?:fetch|import|export|extract-vjepa) \S+ (\S+)",
    r"wm (?:ablate|reproduce \S+ --out) (\S+)",
    r"--(?:preview|logdir|local-dir|out) (\S+)",
    r"(?:unzip|tar) [^\n]*-[dC] (\S+)",
    r"unzip (\S+)",
    r"tar xf (\S+)",
    r"curl -LO \S+/(\S+)",
    r"root[:=] ?(published\S+)",
    r"source: (weights\S+)",
)
"""What a command of the docs writes, or is told to read from where the docs have had it put."""


def test_what_the_docs_have_written_is_ignored_by_git(tmp_path):
    texts = [page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    texts.append((ROOT / "params.yaml").read_text())
    named = {name for text in texts for words in WRITTEN for name in re.findall(words, text)}
    paths = sorted(name.strip("`,.;") for name in named if "/" in name or "." in name)
    assert {"published/wall_single", "runs/ablations", "weights/vjepa2_1_vitl_384.safetensors"} <= {
        *paths
    }
    run(tmp_path, "git", "init", "-q")
    shutil.copy(ROOT / ".gitignore", tmp_path)
    ignored = run(tmp_path, "git", "check-ignore", *paths, check=False).stdout.split()
    assert ignored == paths


@pytest.fixture(scope="module")
def finished(smoke_run, tmp_path_factory):
    """A workspace in which DVC knows every stage as run; tests copy it before they change it."""
    folder = shutil.copytree(smoke_run, tmp_path_factory.mktemp("docs") / "run", symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    run(folder, "dvc", "repro", "locate")
    run(folder, "dvc", "commit", "--force")
    commit(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("add-an-encoder", ["fit", "encode"]),
        ("add-a-planner", ["plan"]),
        ("add-a-format", ["locate", "collect", "ingest"]),
    ],
)
def test_what_a_page_adds_works_as_pasted(finished, name, stages, tmp_path):
    workspace = shutil.copytree(finished, tmp_path / "workspace", symlinks=True)
    page = read(name)
    page.follow(workspace)
    commit(workspace)
    here = ("env", f"PYTHONPATH={workspace}", "PYTEST_ADDOPTS=-n0")
    tests, check, experiment = (run(workspace, *here, *line).stdout for line in page.commands)
    passed = re.search(r"(\d+) passed", tests)
    assert passed is not None, tests
    assert int(passed[1]) > 8
    assert "skipped" not in tests
    assert check.startswith("params.yaml: ")
    assert executed(experiment) == ["code", *stages]
