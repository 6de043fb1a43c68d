"""In which precision products are made, as options name it."""

from typing import Literal

Precision = Literal["float32", "bfloat16"]
Choice = Literal["auto", "float32", "bfloat16"]


def chosen(asked: Choice, *, auto: Precision, native: bool) -> Precision:
    """The precision: bfloat16 is never emulated, which takes many times longer than float32.

    Args:
        asked: as options name it.
        auto: what `auto` is where bfloat16 is native.
        native: whether the device computes in bfloat16.
    """
    return (auto if asked == "auto" else asked) if native else "float32"
