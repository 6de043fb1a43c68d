"""Work that torch.compile makes faster."""

import sys
from collections.abc import Callable
from typing import TypeVar

import torch

from pipeline.compute.compile_mode import Mode
from pipeline.errors import ParamsError

Answer = TypeVar("Answer")


def compiled(work: Callable[..., Answer], mode: Mode, place: str) -> Callable[..., Answer]:
    """Work by a mode of torch.compile, or as it is for none.

    It is compiled for each shape of its arguments by itself, when it is first called with one: what
    it makes of them hangs on no call before.

    Args:
        work: a network or a function.
        mode: of torch.compile.
        place: the option that errors name.

    Raises:
        ParamsError: when called, if there is no compiler, or it fails.
    """
    if mode == "none":
        return work
    answer = torch.compile(work, mode=mode, dynamic=False)

    def guarded(*arguments: object) -> Answer:
        try:
            return answer(*arguments)
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
