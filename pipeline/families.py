"""A name in params.yaml is a module: families of interchangeable members, one module each."""

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType

from pipeline.errors import ParamsError, did_you_mean


@dataclass(frozen=True, slots=True)
class Family:
    """Members that `selector` in params.yaml chooses from; each is a module of `package`.

    Attributes:
        selector: key of params.yaml that names the chosen member.
        block: key of params.yaml that holds the options of each member; also the folder.
        folders: whether members are folders (`NAME/__init__.py`) or files (`NAME.py`): dvc.yaml
            can name only one of the two.
    """

    selector: str
    block: str
    folders: bool

    @property
    def package(self) -> str:
        """The folder that is called like the block of params.yaml."""
        return f"pipeline.{self.block}"

    def path(self, name: str) -> str:
        """Where the member called `name` lies, from the project's root."""
        return f"pipeline/{self.block}/{name}{'' if self.folders else '.py'}"

    def names(self) -> list[str]:
        """The members that exist: the modules beside the family's Protocol.

        Raises:
            ParamsError: one is a file where the family's members are folders, or the other way.
        """
        path = importlib.import_module(self.package).__path__
        members = [m for m in pkgutil.iter_modules(path) if not m.name.startswith("_")]
        for member in members:
            if member.ispkg != self.folders:
                wanted = f"{self.path(member.name)}{'/__init__.py' if self.folders else ''}"
                raise ParamsError(
                    f"pipeline/{self.block}: {member.name} must lie in {wanted}, as dvc.yaml names "
                    "the members of this family"
                )
        return sorted(member.name for member in members)

    def load(self, name: str, place: str) -> ModuleType:
        """The module called `name`; `place` says in the error where the name was read."""
        known = self.names()
        if name not in known:
            raise ParamsError(f"{place} = {name!r} is unknown; {did_you_mean(name, known)}")
        return importlib.import_module(f"{self.package}.{name}")


DATASETS = Family("dataset", "datasets", folders=True)
WORLDS = Family("dataset", "worlds", folders=True)
ENCODERS = Family("encoder", "encoders", folders=True)
DENOISERS = Family("denoiser", "denoisers", folders=True)
OBJECTIVES = Family("objective", "objectives", folders=False)
SAMPLERS = Family("sampler", "samplers", folders=False)
PLANNERS = Family("planner", "planners", folders=False)

FAMILIES = (DATASETS, WORLDS, ENCODERS, DENOISERS, OBJECTIVES, SAMPLERS, PLANNERS)
