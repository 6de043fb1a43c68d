"""Stages that params.yaml tells to make nothing: their own block decides that, before all else.

So they import neither torch nor any member of a family. What is wrong in other blocks is told by
the stages that read them.
"""

import importlib
from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.params import SECTIONS, Settings, check, parse

SKIPPED = "skipped.txt"
"""In the folder of a stage that was told to make nothing; says why."""


def value(params: Path, block: str, name: str) -> Any:
    """One value of a block of params.yaml that belongs to no family; other blocks are not checked.

    Raises:
        ParamsError: one line that names the key, its value and the way out.
    """
    values = parse(params)
    settings = Settings(params, values) if block in values else check(params, values)
    options = importlib.import_module(SECTIONS[block]).Options
    return getattr(settings.section(block, options), name)


def write_reason(out: Path, reason: str) -> None:
    """Make the folder that a stage without work leaves, with the reason in it."""
    with stage.output(out) as partial:
        partial.mkdir(parents=True)
        (partial / SKIPPED).write_text(f"{reason}\n")
