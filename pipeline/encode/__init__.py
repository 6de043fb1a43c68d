"""Encode every frame once; cache raw latents."""

from pydantic import Field

from pipeline.compute import compile_mode as compilation
from pipeline.compute.precision import Choice
from pipeline.errors import ParamsError
from pipeline.families import DATASETS
from pipeline.latents.quantize import Storage
from pipeline.params import Params, Settings


class Options(Params):
    """How frames pass through the encoder, and what is kept of them."""

    precision: Choice = Field(
        description="of its products; auto is bfloat16 where the device computes in it"
    )
    compile: compilation.TrainingPlan
    batch: int = Field(gt=0)
    storage: Storage = Field(
        description="int8 has a scale for every channel of every frame: half the bytes"
    )
    stride: int = Field(
        gt=0, description="keep latents of every n-th frame of an episode; divides train.interval"
    )
    max_bytes: int = Field(gt=0, description="refuse to write more than so much")

    def check_with(self, settings: Settings) -> None:
        """Refuse a stride that leaves out frames which training needs."""
        chosen = settings.values["train"]["interval"]
        interval = chosen or settings.variant(DATASETS).build().interval
        if interval % self.stride:
            of = "" if chosen else f" of {settings.values[DATASETS.selector]}"
            raise ParamsError(
                f"{settings.path}: encode.stride = {self.stride} does not divide the interval "
                f"{interval}{of} (train.interval); choose a divisor of {interval}, or a "
                f"train.interval that is a multiple of {self.stride}"
            )
