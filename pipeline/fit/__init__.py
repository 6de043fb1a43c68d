"""Fit an in-domain encoder to the frames of the train split."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Which frames an encoder is fitted to and evaluated on."""

    train_frames: int = Field(gt=0, description="at most; metrics/fit.json says how many")
    val_frames: int = Field(gt=0, description="at most; metrics/fit.json says how many")
    frame_stride: int = Field(gt=0, description="take every n-th frame of an episode")
    seed: int = Field(ge=0)
