"""Which families a stage runs a member of, as dvc.yaml tells."""

from pipeline import imports
from pipeline.families import FAMILIES
from pipeline.params import AnyFamily
from pipeline.tools.dvc_yaml.read import Stage

RECORDED = {
    "codec": ("encoders",),
    "world_model": ("denoisers", "state_models", "objectives"),
    "${model}": ("denoisers", "state_models", "objectives"),
}
"""Families whose member is named in an artefact: a stage that reads it runs that member."""


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


def _options_of_chosen(family: AnyFamily) -> str:
    return f"{family.block}.${{{family.selector}}}"
