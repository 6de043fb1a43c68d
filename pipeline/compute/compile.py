"""torch.compile, with an error that the user can act on."""

import sys
from collections.abc import Callable
from typing import TypeVar

import torch

from pipeline.compute.compile_mode import Mode
from pipeline.errors import ParamsError

Result = TypeVar("Result")


def compiled(function: Callable[..., Result], mode: Mode, place: str) -> Callable[..., Result]:
    """A function compiled in a mode of torch.compile; mode `none` returns it unchanged.

    Compiled once per input shape (dynamic=False), at the first call with it, so results do not
    depend on earlier calls.

    Args:
        function: a network or a function.
        mode: of torch.compile.
        place: the option that errors name.

    Raises:
        ParamsError: at a call, if there is no compiler, or it fails.
    """
    if mode == "none":
        return function
    optimised = torch.compile(function, mode=mode, dynamic=False)

    def guarded(*arguments: object) -> Result:
        try:
            return optimised(*arguments)
        except RuntimeError as error:
            # Loaded by the first compilation; importing it takes two seconds.
            if not isinstance(error, sys.modules["torch._dynamo.exc"].BackendCompilerFailed):
                raise
            reason = " ".join(str(error).partition("\n\n")[0].split())[:200]
            raise ParamsError(
                f"{place} = {mode!r}: torch.compile failed ({reason}); install a compiler such as "
                "g++, or set it to none"
            ) from None

    return guarded
