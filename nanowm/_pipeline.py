"""The package `pipeline` that belongs to this one, whatever else on sys.path is called so."""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path

NAME = "pipeline"
HOME = Path(__file__).resolve().parent.parent
"""The folder in which both packages lie: site-packages, or a checkout."""


def claim() -> None:
    """Import `pipeline` from beside this package, not from a pipeline.py of the caller's.

    Python looks into the folder of the caller's script first. Processes that are spawned import
    nanowm, and so claim the name, before they need anything of `pipeline`, as long as what they are
    sent is of nanowm.

    Raises:
        ImportError: another module of that name has been imported before.
    """
    if (loaded := sys.modules.get(NAME)) is not None:
        place = getattr(loaded, "__file__", None) or "the running program"
        if not Path(place).resolve().is_relative_to(HOME / NAME):
            raise ImportError(
                f"{place}: a module called {NAME!r} is imported already, and nanowm needs that "
                f"name for its own package in {HOME}; rename yours, or move it into a package"
            )
        return
    spec = _spec()
    module = module_from_spec(spec)
    sys.modules[NAME] = module
    try:
        assert spec.loader is not None
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[NAME]
        raise


def _spec() -> ModuleSpec:
    spec = PathFinder.find_spec(NAME, [str(HOME)])
    if spec is None:
        raise ImportError(f"{HOME / NAME}: no such package; install nano-world-models again")
    return spec
