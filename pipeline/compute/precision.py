"""Precision of matrix products as options name it."""

from typing import Literal

Precision = Literal["float32", "bfloat16"]
Choice = Literal["auto", "float32", "bfloat16"]


def resolve_precision(requested: Choice, *, auto: Precision, native: bool) -> Precision:
    """The precision to compute in; bfloat16 is never emulated, which is far slower than float32.

    Args:
        requested: by the options.
        auto: meaning of `auto` where bfloat16 is native.
        native: whether the device computes in bfloat16.
    """
    return (auto if requested == "auto" else requested) if native else "float32"
