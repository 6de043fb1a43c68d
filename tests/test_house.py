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

from pipeline.params import STAGES
from pipeline.variants import FAMILIES, Family

SOURCES = sorted((ROOT / "pipeline").rglob("*.py"))
STAGE_TABLE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_name(path): path for path in SOURCES}
FOLDERS = {"pipeline.worlds"}
"""Families whose members are folders; those of all others are files."""


def imports(name: str) -> set[str]:
    """Modules of ours that importing a module runs: what it imports anywhere, and all parents."""
    found = {name}
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = [m.split(".") for m in found if m in MODULES]
    return {".".join(parts[: n + 1]) for parts in ours for n in range(len(parts))}


def closure(*names: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imports(name)
    return seen


def resolved(text: str) -> str:
    """A line of dvc.yaml with its ${selectors} filled in from params.yaml."""
    return re.sub(r"\$\{(\w+)\}", lambda match: PARAMS[match[1]], text)


def chosen_by(stage: str) -> set[str]:
    """Families whose selected member a stage builds: those among its params."""
    params = {p for p in STAGE_TABLE[stage]["params"] if "$" in p}
    return {f.package for f in FAMILIES if f"{f.block}.${{{f.selector}}}" in params}


def families_run_by(stage: str) -> list[Family]:
    """Families whose members a stage runs: those it builds, and those it loads from a model."""
    loaded = {
        "encode": {"pipeline.encoders"},
        "train": {"pipeline.encoders"},
        "evaluate": {"pipeline.encoders", "pipeline.train.denoisers", "pipeline.train.objectives"},
        "plan": {"pipeline.encoders", "pipeline.train.denoisers", "pipeline.train.objectives"},
    }
    packages = (chosen_by(stage) if stage != "report" else set()) | loaded.get(stage, set())
    return [family for family in FAMILIES if family.package in packages]


@pytest.mark.parametrize("stage", STAGES)
def test_the_deps_of_a_stage_are_exactly_what_it_imports(stage):
    families = families_run_by(stage)
    members = {f"{family.package}.{name}" for family in families for name in family.names()}
    rooms = {m for m in MODULES if m in members or any(m.startswith(f"{n}.") for n in members)}
    needed = closure(f"pipeline.{stage}.__main__", *members) - {"pipeline"} - rooms
    needed_files = {MODULES[name].relative_to(ROOT) for name in needed}
    declared = [d for d in STAGE_TABLE[stage]["deps"] if d.startswith("pipeline")]
    deps = {Path(dep) for dep in declared if "$" not in dep}
    covered = {f for f in needed_files if f in deps or set(f.parents) & deps}
    assert sorted(needed_files - covered) == []
    used = {d for d in deps if d in needed_files or any(d in f.parents for f in needed_files)}
    assert sorted(deps - used) == []
    folders = {family: MODULES[family.package].parent.relative_to(ROOT) for family in families}
    chosen = {
        f"{folders[family]}/${{{family.selector}}}{'' if family.package in FOLDERS else '.py'}"
        for family in families
    }
    assert {dep for dep in declared if "$" in dep} == chosen


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_depends_on_variants_that_are_not_chosen(stage):
    for dep in (ROOT / resolved(d) for d in STAGE_TABLE[stage]["deps"]):
        for family in FAMILIES:
            folder = MODULES[family.package].parent
            assert dep != folder
            assert dep not in folder.parents


def test_the_report_declares_the_params_that_it_shows():
    shown = {*STAGES, *(f.selector for f in FAMILIES)}
    shown |= {f"{f.block}.{PARAMS[f.selector]}" for f in FAMILIES}
    assert {resolved(name) for name in STAGE_TABLE["report"]["params"]} == shown


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_handed_every_path_that_it_declares_and_no_other(stage):
    table = STAGE_TABLE[stage]
    outs = [out for kind in ("outs", "metrics", "plots") for out in table.get(kind, [])]
    outs = {resolved(out if isinstance(out, str) else next(iter(out))) for out in outs}
    deps = {resolved(dep) for dep in table["deps"] if not dep.startswith("pipeline")}
    words = resolved(table["cmd"]).split()[3:]
    handed = {word for word in words if "/" in word or word == "report"}
    handed -= {word for word in handed if word.startswith("runs/")}
    if stage == "report":
        handed = {word for word in handed if word != "metrics/seconds"}
        deps = {dep for dep in deps if not dep.startswith("metrics/seconds/")}
    assert handed == deps | outs
    assert f"python -m pipeline.{stage}" in table["cmd"]


def test_imports_follow_the_arrows_of_the_pipeline():
    shared = {"datasets", "encoders", "worlds"}
    tools = {
        "__main__", "ablation", "bench", "dvc_yaml", "extract", "fetch", "gymnasium_env",
        "inspection", "parameters", "parity", "preflight", "reference", "reproduce", "summary",
        "tools",
    }  # fmt: skip
    upstream = {stage: set(STAGES[: number + 1]) for number, stage in enumerate(STAGES)}
    for name in MODULES:
        parts = name.split(".")
        if len(parts) < 2 or parts[1] in tools:
            continue
        owner = parts[1]
        reached = {m.split(".")[1] for m in imports(name) if "." in m}
        stages = reached & set(STAGES)
        assert stages <= upstream.get(owner, set()), f"{name} imports {stages}"
        assert not reached & tools, f"{name} imports a tool"
        if owner not in STAGES and owner not in shared:
            assert not reached & shared, f"{name} imports {reached & shared}"


def test_no_member_of_a_family_imports_another():
    """dvc.yaml names the chosen member alone: what members share is a module of its own."""
    for family in FAMILIES:
        members = {f"{family.package}.{name}" for name in family.names()}
        for name in MODULES:
            owner = next((m for m in members if name == m or name.startswith(f"{m}.")), None)
            if owner is not None:
                assert not (imports(name) & members) - {owner}, f"{name} imports a sibling"


def test_the_stages_of_dvc_yaml_are_those_of_the_code_in_their_order():
    assert tuple(STAGE_TABLE) == STAGES
    for name in STAGES:
        assert f"pipeline.{name}.__main__" in MODULES


@pytest.mark.parametrize("stage", ["train", "evaluate", "plan"])
def test_the_hot_stages_import_on_a_bare_accelerator_node(stage):
    modules = sorted(closure(f"pipeline.{stage}.__main__"))
    heavy = ["diffusers", "webdataset", "dvc", "torchmetrics", "matplotlib", "PIL", "lerobot"]
    script = (
        "import sys, importlib\n"
        f"for heavy in {heavy}: sys.modules[heavy] = None\n"
        f"for module in {modules}: importlib.import_module(module)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", ["pipeline", *(f"pipeline.{stage}" for stage in STAGES)])
def test_help_answers_without_loading_anything_heavy(module):
    script = (
        "import sys, runpy\n"
        "for heavy in ('torch', 'numpy', 'zarr'): sys.modules[heavy] = None\n"
        f"sys.argv = ['x', '--help']\nrunpy.run_module({module!r}, run_name='__main__')\n"
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
            assert all(callable(vars(module)[maker]) for maker in made_by)
            assert name in PARAMS[family.block], f"params.yaml lacks {family.block}.{name}"


def test_the_changelog_and_the_readme_exist():
    for first, second in pairwise(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]):
        assert (ROOT / first).stat().st_size > 100
        assert (ROOT / second).stat().st_size > 100
