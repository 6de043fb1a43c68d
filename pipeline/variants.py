"""A name in params.yaml is a file name: families of interchangeable parts, one module each."""

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType

from pipeline.errors import ParamsError, did_you_mean


@dataclass(frozen=True, slots=True)
class Family:
    """Parts that `selector` in params.yaml chooses from; each is a module of `package`."""

    selector: str
    block: str
    package: str

    def names(self) -> list[str]:
        """The parts that exist: the modules beside the family's Protocol."""
        path = importlib.import_module(self.package).__path__
        return sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_"))

    def load(self, name: str, place: str) -> ModuleType:
        """The module called `name`; `place` says in the error where the name was read."""
        known = self.names()
        if name not in known:
            raise ParamsError(f"{place} = {name!r} is unknown; {did_you_mean(name, known)}")
        return importlib.import_module(f"{self.package}.{name}")


DATASETS = Family("dataset", "datasets", "pipeline.datasets")
WORLDS = Family("dataset", "worlds", "pipeline.worlds")
ENCODERS = Family("encoder", "encoders", "pipeline.encoders")
DENOISERS = Family("denoiser", "denoisers", "pipeline.train.denoisers")
OBJECTIVES = Family("objective", "objectives", "pipeline.train.objectives")
SAMPLERS = Family("sampler", "samplers", "pipeline.train.samplers")
PLANNERS = Family("planner", "planners", "pipeline.plan.planners")

FAMILIES = (DATASETS, WORLDS, ENCODERS, DENOISERS, OBJECTIVES, SAMPLERS, PLANNERS)
