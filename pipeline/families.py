"""Families of interchangeable members: a name in params.yaml is the name of a module.

Most are chosen at the top of params.yaml. A data set chooses two itself, `datasets.NAME.format` and
`datasets.NAME.world`: its name is any word. `datasets.NAME.encoder: state` has precedence over
`encoder`.

Each family's package types its own: `from pipeline.encoders import ENCODERS`. Nothing is imported
from there, so that `--help` loads no torch.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel

from pipeline.errors import ParamsError, did_you_mean

OptionsT = TypeVar("OptionsT", bound=BaseModel)
MemberT_co = TypeVar("MemberT_co", covariant=True)
ModuleT_co = TypeVar("ModuleT_co", covariant=True)
OptionsT_co = TypeVar("OptionsT_co", bound=BaseModel, covariant=True)


class Module(Protocol[MemberT_co, OptionsT]):
    """The module of a member that is built from its options alone.

    Denoisers and encoders need more: `DenoiserModule` and `EncoderModule` say what.
    """

    Options: type[OptionsT]

    def build(self, options: OptionsT) -> MemberT_co:
        """The member with these options."""


@dataclass(frozen=True, slots=True)
class Family(Generic[ModuleT_co, OptionsT_co]):
    """A set of modules, all of type `ModuleT_co`, that `selector` in params.yaml chooses from.

    `OptionsT_co` is the base class of the members' options.

    Attributes:
        selector: key that names the chosen member: of params.yaml, or of the data set's block.
        block: key of params.yaml that holds the options of each member; also the folder.
        folders: whether members are folders (`NAME/__init__.py`) or files (`NAME.py`): dvc.yaml
            can name only one of the two.
        of_dataset: whether the chosen data set names the member, not params.yaml itself.
        replaceable: whether the chosen data set may name one in place of that of params.yaml.
    """

    selector: str
    block: str
    folders: bool
    of_dataset: bool = False
    replaceable: bool = False

    @property
    def in_dataset(self) -> bool:
        """Whether its options stand in the data set's own block, beside root and world."""
        return self.of_dataset and self.selector == "format"

    @property
    def package(self) -> str:
        """Dotted name of the package that holds the members."""
        return f"pipeline.{self.block}"

    def module(self, name: str) -> str:
        """Dotted name of the module of the member `name`."""
        return f"{self.package}.{name}"

    def path(self, name: str) -> str:
        """Path of the member `name`, relative to the root of the project."""
        return f"pipeline/{self.block}/{name}{'' if self.folders else '.py'}"

    def names(self) -> list[str]:
        """Names of all members, sorted: the public modules of the package.

        Raises:
            ParamsError: one is a file where the family's members are folders, or the other way.
        """
        path = str(Path(__file__).with_name(self.block))  # an import may load torch
        members = [m for m in pkgutil.iter_modules([path]) if not m.name.startswith("_")]
        for member in members:
            if member.ispkg != self.folders:
                expected = f"{self.path(member.name)}{'/__init__.py' if self.folders else ''}"
                raise ParamsError(
                    f"pipeline/{self.block}: {member.name} must lie in {expected}, as dvc.yaml "
                    "names the members of this family"
                )
        return sorted(member.name for member in members)

    def load(self, name: str, place: str) -> ModuleT_co:
        """Import the member `name`.

        Args:
            name: of the member.
            place: where the name was read, for the error message.

        Raises:
            ParamsError: there is no such member.
        """
        return cast("ModuleT_co", self._module(name, place))

    def options_class(self, name: str, place: str) -> type[OptionsT_co]:
        """The class of the options of the member `name`; arguments and errors as for `load`."""
        options: type[OptionsT_co] = self._module(name, place).Options
        return options

    def _module(self, name: str, place: str) -> ModuleType:
        members = self.names()
        if name not in members:
            raise ParamsError(f"{place} = {name!r} is unknown; {did_you_mean(name, members)}")
        return importlib.import_module(self.module(name))


FAMILIES: tuple[Family[object, Any], ...] = (
    Family("format", "formats", folders=True, of_dataset=True),
    Family("world", "worlds", folders=True, of_dataset=True),
    Family("encoder", "encoders", folders=True, replaceable=True),
    Family("denoiser", "denoisers", folders=True),
    Family("state_model", "state_models", folders=True),
    Family("objective", "objectives", folders=False),
    Family("sampler", "samplers", folders=False),
    Family("planner", "planners", folders=False),
)


PUBLISHED = {
    "wall": "dino_wm_wall",
    "point_maze": "dino_wm_point_maze",
    "pusht": "dino_wm_pusht",
    "rope": "dino_wm_deformable",
    "granular": "dino_wm_deformable",
    "rt1": "lerobot",
    "csgo": "csgo",
}
"""The published data sets, each with its format; the simulator of each has its name."""


STATE = "state"
"""The encoder whose latents are state vectors: with it, a state model is trained, no denoiser."""


def family(block: str) -> Family[Any, Any]:
    """The family of a block; the package of that name gives it the type of its members."""
    return next(family for family in FAMILIES if family.block == block)
