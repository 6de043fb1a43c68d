"""Encode every frame once; cache raw latents."""

from pydantic import Field

from pipeline.compute import compile_mode as compilation
from pipeline.compute.precision import Choice
from pipeline.errors import ParamsError
from pipeline.latents.quantize import Rounded
from pipeline.params import Params, Settings


class Options(Params):
    """How frames are encoded, and how their latents are stored."""

    precision: Choice = Field(
        description="of its matrix products; auto is bfloat16 where the device supports it natively"
    )
    compile: compilation.OptionalMode
    batch: int = Field(gt=0)
    storage: Rounded = Field(
        description="int8 takes half the bytes, with a scale for each channel of each frame; "
        "states stay float32"
    )
    stride: int = Field(
        gt=0, description="keep latents of every n-th frame of an episode; divides train.interval"
    )
    max_bytes: int = Field(gt=0, description="refuse to write a larger cache")

    def check_with(self, settings: Settings) -> None:
        """Refuse a stride that skips frames which training needs.

        Raises:
            ParamsError: it does not divide the frame interval.
        """
        from pipeline.formats import (  # needs numpy, which --help does without
            FORMATS,
            frame_interval,
        )

        requested = settings.values["train"]["interval"]
        interval = requested or frame_interval(settings.variant(FORMATS))
        if interval % self.stride:
            of = "" if requested else f" of {settings.dataset}"
            raise ParamsError(
                f"{settings.path}: encode.stride = {self.stride} does not divide the frame "
                f"interval {interval}{of} (train.interval); choose a divisor of {interval}, or a "
                f"train.interval that is a multiple of {self.stride}"
            )
