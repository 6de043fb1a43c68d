"""The code that each stage depends on, worked out from its imports, as lines of dvc.yaml."""

import re
from collections.abc import Mapping
from pathlib import Path

from pipeline import imports
from pipeline.families import FAMILIES, STATE, family
from pipeline.params import AnyFamily
from pipeline.tools.dvc_yaml.read import Stage

RECORDED = {
    "codec": ("encoders",),
    "world_model": ("denoisers", "state_models", "objectives"),
    "${model}": ("denoisers", "state_models", "objectives"),
}
"""Families whose member is named in an artefact: a stage that reads it runs that member."""
RESOLVE = "pipeline.collect.locate"
"""The stage that names what the chosen data set chooses, with its code."""
CODE = "      - pipeline/"
"""How the lines begin that are written here."""


def families_of(stage: Stage) -> list[AnyFamily]:
    """Families whose chosen member a stage runs: named by its params, or by an artefact it reads.

    A stage that never imports the family's Protocol only shows the options (the report).

    Args:
        stage: as dvc.yaml has it, not filled.
    """
    artefacts = {dep.rsplit("/", 1)[-1].removesuffix(".json") for dep in stage.deps}
    recorded = {block for name in artefacts for block in RECORDED.get(name, ())}
    imported = imports.closure([stage.module])
    return [
        family
        for family in FAMILIES
        if family.package in imported
        and (
            family.selector in artefacts
            if family.of_dataset
            else _options_of_chosen(family) in stage.params or family.block in recorded
        )
    ]


def code_deps(stage: Stage) -> list[str]:
    """Paths that stand for exactly the code of a stage, sorted.

    Every file that the stage or a member of its families imports; of the members themselves the
    chosen one alone, by its selector. A folder stands for its files where all of them are needed.
    Members that the data set chooses stand in the files that RESOLVE writes, which runs them all.
    """
    if stage.module == RESOLVE:
        every = [f.module(name) for f in FAMILIES if f.of_dataset for name in f.names()]
        every.append(family("encoders").module(STATE))
        return sorted(_folded(imports.closure([stage.module, *every]) - {"pipeline"}))
    families = [family for family in families_of(stage) if not family.of_dataset]
    members = {family.module(member) for family in families for member in family.names()}
    unchosen = {module for member in members for module in imports.inside(member)}
    needed = imports.closure([stage.module, *members]) - {"pipeline"} - unchosen
    chosen = {family.path(f"${{{family.selector}}}") for family in families}
    return sorted(_folded(needed) | chosen)


def written(text: str, stages: Mapping[str, Stage]) -> str:
    """The text of a dvc.yaml with the code dependencies of each of its stages as they should be.

    They stand where code dependencies stood before, or else at the end of the list of `deps`.
    """
    lines: list[str] = []
    name, listing, waiting = "", False, {n: code_deps(stage) for n, stage in stages.items()}
    for line in text.split("\n"):
        code, ends = line.startswith(CODE), listing and not line.startswith("      ")
        if listing and (code or ends):
            lines += [f"      - {path}" for path in waiting.pop(name, ())]
        if begins := re.fullmatch(r"  (\w+):", line):
            name = begins[1]
        listing = line == "    deps:" or (listing and not ends)
        if not code:
            lines.append(line)
    return "\n".join(lines)


def _options_of_chosen(family: AnyFamily) -> str:
    return f"{family.block}.${{{family.selector}}}"


def _folded(modules: set[str]) -> set[str]:
    """Files of modules; a folder instead where all that is in it is needed."""
    whole: set[str] = set()
    for module in sorted(modules):
        parents = {module.rsplit(".", n)[0] for n in range(1, module.count("."))}
        if not parents & whole and _is_folder(module) and imports.inside(module) <= modules:
            whole.add(module)
    covered = {inner for folder in whole for inner in imports.inside(folder)}
    files = {_from_root(imports.modules()[module]) for module in modules - covered}
    return files | {folder.replace(".", "/") for folder in whole}


def _is_folder(module: str) -> bool:
    return imports.modules()[module].name == "__init__.py"


def _from_root(path: Path) -> str:
    return path.relative_to(imports.PACKAGE.parent).as_posix()
