"""params.yaml to frozen, typed options; every mistake in it is reported before any work."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ParamsError, did_you_mean
from pipeline.families import FAMILIES, Family, Module
from pipeline.files.content import brief
from pipeline.files.yaml_file import read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

STAGES = ("collect", "ingest", "fit", "encode", "train", "evaluate", "plan", "report")
SECTIONS = {
    **{stage: f"pipeline.{stage}" for stage in STAGES},
    "cluster": "pipeline.compute.parallel",
    "distributed": "pipeline.train.distributed.options",
    "tracking": "pipeline.train.monitoring.tracking",
}
"""Blocks of options that belong to no family, and the modules with their `Options`."""


class Params(BaseModel):
    """Base of every Options class: frozen and typed; unknown and missing keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def check_with(self, settings: "Settings") -> None:
        """Check these options against the rest of params.yaml.

        Raises:
            ParamsError: they contradict each other.
        """


OptionsT = TypeVar("OptionsT", bound=Params)
MemberT = TypeVar("MemberT")
ModuleT = TypeVar("ModuleT")


@dataclass(frozen=True, slots=True)
class Variant(Generic[ModuleT, OptionsT]):
    """A member of a family: its name, its module and its checked options."""

    name: str
    module: ModuleT
    options: OptionsT

    def build(self: "Variant[Module[MemberT, OptionsT], OptionsT]") -> MemberT:
        """The member itself, where its module builds it from its options alone."""
        return self.module.build(self.options)


AnyFamily = Family[object, Params]


@dataclass(frozen=True, slots=True)
class Settings:
    """A completely checked params.yaml."""

    path: Path
    values: Mapping[str, Any]

    def section(self, name: str, options: type[OptionsT]) -> OptionsT:
        """The options of a block that belongs to no family."""
        return _checked(self.path, name, self.values[name], options)

    def variant(self, family: Family[ModuleT, OptionsT]) -> Variant[ModuleT, OptionsT]:
        """The selected member of `family`, with its options."""
        return self.member(family, self.values[family.selector])

    def member(self, family: Family[ModuleT, OptionsT], name: str) -> Variant[ModuleT, OptionsT]:
        """The member `name` of `family`, which must have a block of options."""
        source = f"{self.path}: {family.selector}"
        module, options_class = family.load(name, source), family.options_class(name, source)
        values = self.values[family.block][name]
        options = _checked(self.path, f"{family.block}.{name}", values, options_class)
        return Variant(name, module, options)


def read(path: Path) -> Settings:
    """Read and check a whole params.yaml.

    Raises:
        ParamsError: one line that names the key, its value and the way out.
    """
    return check(path, parse(path))


def parse(path: Path) -> dict[str, Any]:
    """The values of a params.yaml, not yet checked.

    Raises:
        ParamsError: there is no such file, or it has no keys.
        DataError: it is not YAML.
    """
    if not path.is_file():
        raise ParamsError(f"{path}: no such file; run from the folder that holds params.yaml")
    values = read_yaml(path, f"correct it, or restore it with `git checkout {path}`")
    if not isinstance(values, dict):
        raise ParamsError(f"{path}: has no keys; restore it with `git checkout {path}`")
    return values


def check(path: Path, values: Mapping[str, Any]) -> Settings:
    """Check the values of a whole params.yaml; `path` is the file that errors name.

    Raises:
        ParamsError: one line that names the key, its value and the way out.
    """
    settings = Settings(path, values)
    _check_keys(settings)
    modules = {name: importlib.import_module(place) for name, place in SECTIONS.items()}
    sections = [settings.section(name, modules[name].Options) for name in SECTIONS]
    for family in FAMILIES:
        _check_family(settings, family)
    for section in sections:
        section.check_with(settings)
    return settings


def _check_keys(settings: Settings) -> None:
    keys = {*SECTIONS, *(f.selector for f in FAMILIES), *(f.block for f in FAMILIES)}
    for key in settings.values:
        if key not in keys:
            raise ParamsError(f"{settings.path}: unknown key {key!r}; {did_you_mean(key, keys)}")
    for key in sorted(keys):
        if key not in settings.values:
            raise ParamsError(f"{settings.path}: key {key!r} is missing; add it")


def _check_family(settings: Settings, family: AnyFamily) -> None:
    name, block = settings.values[family.selector], settings.values[family.block]
    place = f"{settings.path}: {family.selector}"
    if not isinstance(block, dict):
        raise ParamsError(f"{settings.path}: {family.block} must map names to their options")
    family.load(name, place)
    for other, options in block.items():
        options_class = family.options_class(other, f"{settings.path}: a block of {family.block}")
        _checked(settings.path, f"{family.block}.{other}", options, options_class)
    if name not in block:
        raise ParamsError(f"{place} = {name!r} has no options; add a block {family.block}.{name}")


def _checked(path: Path, place: str, values: Any, options: type[OptionsT]) -> OptionsT:
    if not isinstance(values, dict):
        raise ParamsError(f"{path}: {place} = {brief(values)} must map option names to values")
    try:
        return options.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is missing as well: what is there is told before what is not.
        mistake = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        raise ParamsError(f"{path}: {_told(mistake, place, values, options)}") from None


def _told(mistake: "ErrorDetails", place: str, values: Any, options: type[BaseModel]) -> str:
    """One mistake in the block `place`, with the way out."""
    keys: list[str] = []
    for part in mistake["loc"]:
        if isinstance(values, dict) and (part in values or mistake["type"] == "missing"):
            keys.append(str(part))
            values = values.get(part)
        elif isinstance(values, list | tuple) and isinstance(part, int):
            keys.append(str(part))
            values = values[part]
        # else it is not of the file, but names one of the types that the value may have
    key = ".".join([place, *keys])
    if mistake["type"] == "extra_forbidden":
        return f"unknown key {key}; {did_you_mean(keys[-1], _fields(options, keys[:-1]))}"
    if mistake["type"] == "missing":
        return f"key {key} is missing; add it"
    return f"{key} = {brief(mistake['input'])}: {mistake['msg'].removeprefix('Value error, ')}"


def _fields(options: type[BaseModel], path: list[str]) -> list[str]:
    """Names of the options in the block that `path` leads to."""
    for part in path:
        options = next(_models(options.model_fields[part].annotation))
    return list(options.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The blocks of options among the types that a value may have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
