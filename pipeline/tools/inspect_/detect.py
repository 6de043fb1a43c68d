"""Which format a folder is in, and the block of params.yaml that reads it."""

import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.collect.root import place_of
from pipeline.families import PUBLISHED
from pipeline.files.places import from_project
from pipeline.formats import FORMATS, DatasetOptions, Detected, FormatModule
from pipeline.params import DATASETS, Settings, Variant


def detect(folder: Path) -> dict[str, Detected]:
    """Formats that recognise a folder, each with what it found; by names and headers alone."""
    found = {name: FORMATS.load(name, "format").detect(folder) for name in FORMATS.names()}
    return {name: detected for name, detected in found.items() if detected is not None}


def reading(
    name: str, detected: Detected, folder: Path, settings: Settings | None
) -> Variant[FormatModule, DatasetOptions]:
    """The format `name`, with the options that read `folder`.

    They are those of the data set of params.yaml that `folder` is the root of or was simulated for;
    where there is none, those that the folder decides.
    """
    own = configured(folder, settings)
    if own is not None and own.name == name:
        return own
    module = FORMATS.load(name, "format")
    values = {"format": name, "root": str(folder), **detected.options}
    return Variant(name, module, FORMATS.options_class(name, "format").model_validate(values))


def configured(
    folder: Path, settings: Settings | None
) -> Variant[FormatModule, DatasetOptions] | None:
    """The format and options that params.yaml has for a folder; None if it does not name it."""
    if settings is None:
        return None
    for dataset in settings.values[DATASETS]:
        variant = settings.of_dataset(dataset).variant(FORMATS)
        if _is_of(folder, dataset, place_of(variant.options, Path("data") / dataset)):
            return variant
    return None


def _is_of(folder: Path, dataset: str, root: str | None) -> bool:
    if root is None:
        return folder.resolve().parts[-2:] == (dataset, "raw")
    return from_project(root).resolve() == folder.resolve()


def block(name: str, detected: Detected, folder: Path) -> str:
    """The block of params.yaml that makes a folder a data set of the folder's name."""
    values: dict[str, Any] = {"format": name, "root": str(folder), **detected.options}
    own = named_after(folder)
    key = f"my_{own}" if own in PUBLISHED else own
    text: str = yaml.safe_dump({DATASETS: {key: values}}, sort_keys=False)
    return text


def named_after(folder: Path) -> str:
    """The name that a folder gives a data set; that of its parent where it is a mere version."""
    own = folder.resolve()
    name = own.name if re.search("[A-Za-z]", own.name) else own.parent.name
    return re.sub("[^A-Za-z0-9_-]+", "_", name).strip("_-") or "mine"
