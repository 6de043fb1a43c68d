"""Diffusion forcing on cached latents (Chen et al. 2024): every frame has its own noise level."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """The window, the noise levels, and the optimiser."""

    frames: int = Field(gt=1, description="length of a window")
    interval: int = Field(gt=0, description="environment steps between two frames of a window")
    prefix: float = Field(ge=0, le=1, description="share of clips with a clean, unscored prefix")
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    warmup: int = Field(ge=0, description="steps of linear warm-up")
    final_rate: float = Field(ge=0, le=1, description="share of the rate left after the cosine")
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0)
    clip: float = Field(gt=0, description="largest norm of the gradient")
    seed: int = Field(ge=0)
    save_every: int = Field(gt=0, description="steps between two states to resume from")
