"""Nano World Models as a reproducible pipeline: simulate, encode once, train, evaluate, plan."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Tell whoever meant a pipeline.py of their own, and got this."""
        raise AttributeError(
            f"module 'pipeline' has no attribute {name!r}: it is that of nano-world-models, in "
            f"{__path__[0]}; a pipeline.py of yours needs another name in the same process"
        )
