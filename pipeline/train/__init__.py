"""Training of world models on cached latents: diffusion forcing, or one of its relatives."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.compute.compile_mode import OptionalMode
from pipeline.compute.precision import Choice
from pipeline.diffusion import Weighting
from pipeline.noise import Levels
from pipeline.params import Params


class Validation(Params):
    """How often, and on what, a model is validated during training."""

    every: int | None = Field(gt=0, description="steps between two validations; null: at the end")
    clips: int = Field(gt=0, description="of the val split, always the same")
    strips: int = Field(gt=0, description="clips that are generated and drawn, frame by frame")
    sampling_steps: int = Field(gt=0, le=1000, description="denoising steps of these")


Beta = Annotated[float, Field(ge=0, lt=1)]
"""Decay of one of AdamW's two moments."""


class TrainerOptions(Params):
    """The optimiser, how a step is computed, and how often it is saved: whatever the loss."""

    steps: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    schedule: Literal["cosine", "constant"] = Field(description="of the rate, after its warm-up")
    warmup: int = Field(ge=0, description="steps of linear warm-up")
    final_rate: float = Field(ge=0, le=1, description="share of the rate left after the cosine")
    betas: tuple[Beta, Beta]
    weight_decay: float = Field(ge=0)
    clip: float | None = Field(gt=0, description="largest norm of the gradient; null never clips")
    ema: float | None = Field(
        gt=0, lt=1, description="decay of the EMA weights, which are then the result; null: no EMA"
    )
    precision: Choice = Field(
        description="of matrix products; auto is bfloat16 on a GPU that computes in it"
    )
    attention: Literal["auto", "flash", "efficient", "math"] = Field(
        description="kernel of scaled_dot_product_attention; auto is the fastest available"
    )
    compile: OptionalMode
    save_every: int = Field(gt=0, description="steps between two states to resume from")
    keep_every: int | None = Field(
        gt=0, description="steps between two states that later ones do not replace"
    )


class StateOptions(Params):
    """The loss of a state model, which takes the place of `frames`, `loss`, `levels`, `weighting`.

    Its windows are the history of the network and the forecast; RWM's options are `sample`,
    `squared_error` and a decay of 1.
    """

    forecast: int = Field(gt=0, le=2**12, description="rows that are predicted, one after another")
    feedback: Literal["sample", "mean", "truth"] = Field(
        description="what the network is fed after the history: a sample of its own prediction, "
        "its mean, or the recorded state (teacher forcing)"
    )
    decay: float = Field(gt=0, le=1, description="weight of a row over that of the row before")
    likelihood: Literal["squared_error", "beta_nll"] = Field(
        description="squared_error: of a sample of the prediction, as the reference's; beta_nll: "
        "Gaussian negative log-likelihood, weighted by the variance to the power of beta"
    )
    beta: float = Field(ge=0, le=1, description="of beta_nll: 0 is the plain likelihood")
    bound_weight: float = Field(ge=0, description="of the width between the bounds of the log-std")
    termination_share: float = Field(
        ge=0,
        lt=1,
        description="of windows that end in a termination; 0: as they come, which is one label in "
        "thousands: each is in one window alone, the last of its episode",
    )
    bootstrap: bool = Field(description="each head sees rows of its own, drawn with replacement")


class Options(TrainerOptions):
    """Window, noise levels, batches, and all that the trainer needs."""

    frames: int = Field(gt=1, description="length of a window")
    interval: int | None = Field(
        gt=0, description="environment steps between two frames; null for the data set's own"
    )
    whitening: Literal["auto", "channel", "none"] = Field(
        description="of latents: each channel to mean 0 and variance 1, or as the encoder's "
        "authors scale them; auto does the latter where they have published a scale"
    )
    windows: Literal["every", "one_per_episode"] = Field(
        description="of an epoch: each window once, or a random one of each episode"
    )
    loss: Literal["diffusion_forcing", "teacher_forcing", "bidirectional"] = Field(
        description="diffusion_forcing: each frame at a noise level of its own, after noisy ones; "
        "teacher_forcing: after clean ones; bidirectional: all at one level, each seeing all"
    )
    levels: Levels
    drop_actions: float = Field(
        ge=0,
        lt=1,
        description="share of clips whose actions are not told (zero embeddings), so that guidance "
        "can tell what actions change; 0 for none",
    )
    weighting: Weighting
    batch: int = Field(gt=0, description="clips of a step, over all processes and micro-batches")
    accumulation: int = Field(gt=0, description="micro-batches of a process and step")
    checkpointing: bool = Field(
        description="activation checkpointing: recompute activations in the backward pass"
    )
    seed: int = Field(ge=0)
    validation: Validation
    state: StateOptions
