"""The house rules: arrows of dvc.yaml, light doors, small rooms, and no fact written twice."""

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from helpers import PARAMS, ROOT

from pipeline import imports
from pipeline.code.listing import listing
from pipeline.code.listing import stages as listed_stages
from pipeline.families import FAMILIES
from pipeline.params import STAGES
from pipeline.tools.dvc_yaml.families import families_of
from pipeline.tools.dvc_yaml.read import stages as stages_of

SOURCES = sorted(path for name in ("nanowm", "pipeline") for path in (ROOT / name).rglob("*.py"))
STAGE_TABLE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARSED = stages_of(ROOT / "dvc.yaml")


MODULES = imports.modules()


TOOLS = {"__main__", "gym", "testing", "tools"}
"""What is no stage: commands, the Gymnasium environments and the conformance suites."""


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def resolved(text: str) -> str:
    """A line of dvc.yaml with its ${selectors} filled in from params.yaml."""
    return re.sub(r"\$\{(\w+)\}", lambda match: PARAMS[match[1]], text)


def listed(stage: str) -> set[Path]:
    """Files that the stage `code` lists for another one."""
    lines = listing(listed_stages()[stage]).splitlines()
    return {Path(line.split("  ", 1)[1]) for line in lines}


@pytest.mark.parametrize("stage", ["locate", *STAGES])
def test_a_stage_depends_on_the_list_of_its_code_and_on_the_members_that_it_runs(stage):
    families = [family for family in families_of(PARSED[stage]) if not family.of_dataset]
    members = {family.path(f"${{{family.selector}}}") for family in families}
    code = {dep for dep in STAGE_TABLE[stage]["deps"] if dep.startswith(("code", "pipeline"))}
    assert code == {f"code/{stage}.txt", *members}


@pytest.mark.parametrize("stage", ["locate", *STAGES])
def test_every_file_that_a_stage_imports_is_a_dependency_of_it(stage):
    """Held against the imports directly: for the chosen members, whatever the list is made of."""
    families = [family for family in families_of(PARSED[stage]) if not family.of_dataset]
    members = [family.module(PARAMS[family.selector]) for family in families]
    needed = imports.closure([PARSED[stage].module, *members]) - {"pipeline"}
    deps = {Path(resolved(d)) for d in STAGE_TABLE[stage]["deps"] if d.startswith("pipeline")}
    deps |= listed(stage)
    files = {MODULES[name].relative_to(ROOT) for name in needed}
    assert {file for file in files if file not in deps and not set(file.parents) & deps} == set()


def test_a_member_in_two_files_needs_no_line_in_dvc_yaml():
    """The folder of the chosen member is a dependency, whatever lies in it."""
    member = imports.inside("pipeline.encoders.tiny_dino")
    assert len(member) > 1
    for stage in ("fit", "encode", "train", "evaluate", "plan"):
        assert "pipeline/encoders/${encoder}" in STAGE_TABLE[stage]["deps"]


def test_what_dvc_yaml_names_by_a_selector_is_there_for_every_member():
    for family in FAMILIES:
        for name in family.names():
            assert (ROOT / family.path(name)).exists()


def test_a_stage_that_runs_a_member_of_the_data_set_depends_on_what_names_it():
    """Its name, options and code stand in one file, which the first stage writes."""
    for stage in STAGES:
        reads = {dep.rsplit("/", 1)[-1] for dep in STAGE_TABLE[stage]["deps"]}
        imported = imports.closure([f"pipeline.{stage}.__main__"])
        if "pipeline/encoders/${encoder}" in STAGE_TABLE[stage]["deps"]:
            assert "encoder.json" in reads, f"{stage} lacks encoder.json"
        for name in ("format", "world"):
            runs = f"pipeline.{name}s" in imported and stage not in ("encode", "evaluate")
            assert not runs or f"{name}.json" in reads, f"{stage} lacks {name}.json"


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_depends_on_variants_that_are_not_chosen(stage):
    for dep in (ROOT / resolved(d) for d in STAGE_TABLE[stage]["deps"]):
        for family in FAMILIES:
            folder = ROOT / "pipeline" / family.block
            assert dep != folder
            assert dep not in folder.parents
    for family in families_of(PARSED[stage]):
        members = {Path(family.path(name)) for name in family.names()}
        assert not {file for file in listed(stage) if members & {file, *file.parents}}


def test_the_report_declares_the_params_that_it_shows():
    families = [family for family in FAMILIES if not family.of_dataset]
    shown = {*STAGES, "dataset", f"datasets.{PARAMS['dataset']}", *(f.selector for f in families)}
    shown |= {f"{f.block}.{PARAMS[f.selector]}" for f in families}
    assert {resolved(name) for name in STAGE_TABLE["report"]["params"]} == shown


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_handed_every_path_that_it_declares_and_no_other(stage):
    table = STAGE_TABLE[stage]
    outs = [out for kind in ("outs", "metrics", "plots") for out in table.get(kind, [])]
    outs = {resolved(out if isinstance(out, str) else next(iter(out))) for out in outs}
    code = ("code", "pipeline")
    deps = {resolved(dep) for dep in table["deps"] if not dep.startswith(code)}
    words = resolved(table["cmd"]).split()[3:]
    handed = {word for word in words if "/" in word or word == "report"}
    handed -= {word for word in handed if word.startswith("runs/")}
    root = f"data/{PARAMS['dataset']}/root/"  # what DVC alone follows
    deps = {dep for dep in deps if not dep.startswith(root)}
    if stage == "report":
        handed = {word for word in handed if word != "metrics/seconds"}
        deps = {dep for dep in deps if not dep.startswith("metrics/seconds/")}
    assert handed == deps | outs
    assert f"python -m pipeline.{stage}" in table["cmd"]


def test_imports_follow_the_arrows_of_the_pipeline():
    """A stage uses stages upstream alone, what is no stage uses none, and tools are used by nobody.

    Options of the stages are declared where params.yaml is checked, so a noun may not read them.
    """
    upstream = {stage: set(STAGES[: number + 1]) for number, stage in enumerate(STAGES)}
    for name in MODULES:
        room = room_of(name)
        if room not in TOOLS:
            reached = {room_of(m) for m in imports.imported_by(name)}
            stages = reached & set(STAGES)
            assert stages <= upstream.get(room, set()), f"{name} imports {stages}"
            assert not reached & TOOLS, f"{name} imports a tool"


def test_nothing_imports_the_public_face():
    for path in MODULES.values():
        assert not re.search(r"^\s*(?:import|from) nanowm\b", path.read_text(), re.MULTILINE), path


def test_no_module_imports_the_private_module_of_another_room():
    for name in MODULES:
        for reached in imports.named_by(name):
            owner, private, _ = reached.replace("__main__", "main").partition("._")
            assert not private or f"{name}.".startswith(f"{owner}."), f"{name} imports {reached}"


def test_no_modules_import_each_other_in_a_circle():
    seen: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in seen:
            for reached in sorted(imports.named_by(name) - {name}):
                visit(reached, (*path, name))
            seen.add(name)

    for name in MODULES:
        visit(name, ())


def test_few_modules_lie_at_the_root():
    assert (
        sum(name.count(".") == 1 and path.name != "__init__.py" for name, path in MODULES.items())
        <= 8
    )


def test_no_member_of_a_family_imports_another():
    """dvc.yaml names the chosen member alone: what members share is a module of its own."""
    for family in FAMILIES:
        members = {family.module(name) for name in family.names()}
        for name in MODULES:
            owner = next((m for m in members if name == m or name.startswith(f"{m}.")), None)
            if owner is not None:
                siblings = (imports.imported_by(name) & members) - {owner}
                assert not siblings, f"{name} imports a sibling"


def test_the_stages_of_dvc_yaml_are_those_of_the_code_in_their_order():
    assert tuple(STAGE_TABLE) == ("code", "locate", *STAGES)
    assert {name: PARSED[name].module for name in ("locate", *STAGES)} == listed_stages()
    for name in STAGES:
        assert f"pipeline.{name}.__main__" in MODULES


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["train", "evaluate", "plan"])
def test_the_hot_stages_import_on_a_bare_accelerator_node(stage):
    modules = sorted(imports.closure([f"pipeline.{stage}.__main__"]))
    heavy = ["diffusers", "webdataset", "dvc", "matplotlib", "PIL", "lerobot"]
    script = (
        "import sys, importlib\n"
        f"for heavy in {heavy}: sys.modules[heavy] = None\n"
        f"for module in {modules}: importlib.import_module(module)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("room", ["", ".code", *(f".{stage}" for stage in STAGES)])
def test_help_answers_without_loading_anything_heavy(room):
    script = (
        "import sys, runpy\n"
        "for heavy in ('torch', 'numpy', 'zarr'): sys.modules[heavy] = None\n"
        f"sys.argv = ['x', '--help']\nrunpy.run_module('pipeline{room}', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_room_is_small(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{node.name} does not fit on a screen"


def test_every_variant_has_options_and_says_how_it_is_made():
    for family in FAMILIES:
        for name in family.names():
            module = family.load(name, "test")
            assert issubclass(module.Options, sys.modules["pipeline.params"].Params)
            made_by = ("fit", "load") if family.block == "encoders" else ("build",)
            if isinstance(module, sys.modules["pipeline.encoders"].StateEncoderModule):
                made_by = ("fit_states", "load")
            assert all(callable(vars(module)[maker]) for maker in made_by)
            if not family.in_dataset:
                assert name in PARAMS[family.block], f"params.yaml lacks {family.block}.{name}"


def test_every_file_that_the_documents_name_exists():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"]
    for document in documents:
        if document.name != "CHANGELOG.md":
            text = document.read_text()
            added = re.findall(r"`([\w/.]+)`:\n\n```python", text)  # what its reader writes
            for name in re.findall(r"(?:pipeline|tests)/[\w/]+\.(?:py|yaml|json)\b", text):
                assert name in added or (ROOT / name).is_file(), f"{document.name} names {name}"
            for name in re.findall(r"`((?:pipeline|tests)/[\w/]+)`", text):
                assert (ROOT / name).is_dir(), f"{document.name} names {name}"


def test_the_changelog_and_the_readme_exist():
    for first, second in pairwise(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]):
        assert (ROOT / first).stat().st_size > 100
        assert (ROOT / second).stat().st_size > 100
