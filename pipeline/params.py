"""params.yaml to frozen, typed options; every mistake in it is reported before any work."""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ParamsError, did_you_mean
from pipeline.families import FAMILIES, PUBLISHED, Family, Module, family
from pipeline.files.content import brief
from pipeline.files.yaml_file import read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"
"""Names of data sets: they become parts of paths."""
STAGES = ("collect", "ingest", "fit", "encode", "probe", "train", "trajectories",
          "distill", "evaluate", "rollout", "plan", "policy", "report")  # fmt: skip
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
ModuleT_co = TypeVar("ModuleT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Variant(Generic[ModuleT_co, OptionsT]):
    """A member of a family: its name, its module and its checked options."""

    name: str
    module: ModuleT_co
    options: OptionsT

    def build(self: "Variant[Module[MemberT, OptionsT], OptionsT]") -> MemberT:
        """The member itself, where its module builds it from its options alone."""
        return self.module.build(self.options)


AnyFamily = Family[object, Params]
DATASET, DATASETS, MODEL = "dataset", "datasets", "model"
"""Keys of the chosen data set's name, of the blocks of all data sets, and of which model is
evaluated, rolled out and planned with (see `pipeline.distill.Options`)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A completely checked params.yaml."""

    path: Path
    values: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """Name of the chosen data set."""
        return str(self.values[DATASET])

    def of_dataset(self, name: str) -> "Settings":
        """The same with another data set chosen."""
        return Settings(self.path, {**self.values, DATASET: name})

    def section(self, name: str, options: type[OptionsT]) -> OptionsT:
        """The options of a block that belongs to no family."""
        return _checked(self.path, name, self.values[name], options)

    def value(self, block: str, name: str) -> Any:
        """One value of a block that another stage uses whole."""
        return self.values[block][name]

    def chosen(self, family: AnyFamily) -> str | None:
        """Name of the chosen member of `family`; None if the data set has no world."""
        own = self.chosen_by_dataset(family)
        return own if family.of_dataset or own else self.values[family.selector]

    def chosen_by_dataset(self, family: AnyFamily) -> str | None:
        """The member that the data set's own block names, if any; a published one need not."""
        block, unsaid = self.values[DATASETS][self.dataset], None
        if family.of_dataset and self.dataset in PUBLISHED:
            unsaid = PUBLISHED[self.dataset] if family.in_dataset else self.dataset
        named = family.of_dataset or family.replaceable
        return block.get(family.selector, unsaid) if named else None

    def place(self, family: AnyFamily) -> str:
        """Where params.yaml names the chosen member of `family`, for error messages."""
        own = family.of_dataset or self.chosen_by_dataset(family)
        return f"{self.path}: {f'{DATASETS}.{self.dataset}.' if own else ''}{family.selector}"

    def block(self, family: AnyFamily) -> str:
        """Key of the options of the chosen member; a format's are those of the data set."""
        if family.in_dataset:
            return f"{DATASETS}.{self.dataset}"
        return f"{family.block}.{self.chosen(family)}"

    def variant(self, family: Family[ModuleT, OptionsT]) -> Variant[ModuleT, OptionsT]:
        """The selected member of `family`, with its options.

        Raises:
            ParamsError: it is a world, and the data set has none.
        """
        variant = self.optional(family)
        if variant is None:
            raise ParamsError(f"{self.place(family)} is null; name a simulator to have one")
        return variant

    def optional(self, family: Family[ModuleT, OptionsT]) -> Variant[ModuleT, OptionsT] | None:
        """The selected member of `family`, with its options; None if the data set has no world."""
        name = self.chosen(family)
        if name is None:
            return None
        return self._member(family, name, self.place(family), self.block(family))

    def member(self, family: Family[ModuleT, OptionsT], name: str) -> Variant[ModuleT, OptionsT]:
        """The member `name`, with the options of its block: a format's is the first set in it.

        Raises:
            ParamsError: there is no such member or block.
        """
        if family.in_dataset:
            for dataset in self.values[DATASETS]:
                if (other := self.of_dataset(dataset)).chosen(family) == name:
                    return other.variant(family)
        elif name in self.values[family.block]:
            place = f"{self.path}: {family.selector}"
            return self._member(family, name, place, f"{family.block}.{name}")
        raise ParamsError(f"{self.path}: no block with the options of {name!r}; add one")

    def _member(
        self, family: Family[ModuleT, OptionsT], name: str, place: str, key: str
    ) -> Variant[ModuleT, OptionsT]:
        module, options_class = family.load(name, place), family.options_class(name, place)
        block, inner = key.split(".", 1)
        options = _checked(self.path, key, self.values[block][inner], options_class)
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
    _check_datasets(settings)
    for each in FAMILIES:
        if not each.in_dataset:
            _check_family(settings, each)
    for section in sections:
        section.check_with(settings)
    return settings


def _check_keys(settings: Settings) -> None:
    selectors = {f.selector for f in FAMILIES if not f.of_dataset}
    blocks = {f.block for f in FAMILIES if not f.in_dataset}
    keys = {*SECTIONS, DATASET, DATASETS, MODEL, *selectors, *blocks}
    for key in settings.values:
        if key not in keys:
            raise ParamsError(f"{settings.path}: unknown key {key!r}; {did_you_mean(key, keys)}")
    for key in sorted(keys):
        if key not in settings.values:
            raise ParamsError(f"{settings.path}: key {key!r} is missing; add it")


def _check_datasets(settings: Settings) -> None:
    """Check every data set: its name, its format with the options of that, and its world."""
    path, blocks = settings.path, settings.values[DATASETS]
    if not isinstance(blocks, dict):
        raise ParamsError(f"{path}: {DATASETS} must map names to their options")
    formats, worlds = family("formats"), family("worlds")
    for name, block in blocks.items():
        place = f"{path}: {DATASETS}.{name}"
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise ParamsError(f"{place}: a data set's name is letters, digits, _ and -; rename it")
        if not isinstance(block, dict):
            raise ParamsError(f"{place} = {brief(block)} must map option names to values")
        member, world = map(settings.of_dataset(name).chosen, (formats, worlds))
        if member is None:
            known = ", ".join(formats.names())
            raise ParamsError(f"{place}.format is missing; `wm inspect` tells it (known: {known})")
        options_class = formats.options_class(member, f"{place}.format")
        _checked(path, f"{DATASETS}.{name}", block, options_class)
        if world is not None:
            worlds.load(world, f"{place}.world")
    if (name := settings.values[DATASET]) not in list(blocks):  # a list or a mapping has no hash
        known = did_you_mean(str(name), blocks)
        raise ParamsError(f"{path}: {DATASET} = {name!r} is unknown; {known}")


def _check_family(settings: Settings, family: AnyFamily) -> None:
    block = settings.values[family.block]
    if not isinstance(block, dict):
        raise ParamsError(f"{settings.path}: {family.block} must map names to their options")
    name, place = settings.chosen(family), settings.place(family)
    if name is not None:
        family.load(name, place)
    for other, options in block.items():
        options_class = family.options_class(other, f"{settings.path}: a block of {family.block}")
        _checked(settings.path, f"{family.block}.{other}", options, options_class)
    if family.replaceable:  # then that of params.yaml stands in paths all the same
        family.load(settings.values[family.selector], f"{settings.path}: {family.selector}")
    if name is not None and name not in block:
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
