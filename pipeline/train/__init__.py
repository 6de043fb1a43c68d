"""Diffusion forcing on cached latents (Chen et al. 2024): every frame has its own noise level."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline import compilation
from pipeline.compilation import Mode
from pipeline.errors import ParamsError
from pipeline.params import Params, Settings
from pipeline.precision import Choice
from pipeline.variants import OBJECTIVES


class Levels(Params):
    """Which noise levels training shows to the network."""

    distribution: Literal["uniform", "logit_normal"]
    mean: float = Field(description="of the normal that logit_normal squashes")
    std: float = Field(gt=0, description="of the normal that logit_normal squashes")
    per: Literal["frame", "clip"] = Field(description="what has a level of its own")
    prefix: float = Field(ge=0, le=1, description="share of clips with a clean, unscored prefix")


class Weighting(Params):
    """Min-SNR weighting (Hang et al. 2023).

    `per_frame` is the paper's: the error of the clean latent counts min(SNR, gamma), so that of an
    answer min(SNR, gamma) / SNR for eps, / (SNR + 1) for v, / 1 for x. `reference` is what made the
    published models: the eps form whatever is predicted, averaged over a clip's frames before it
    meets their averaged error, and no weights for flow.
    """

    gamma: float = Field(ge=0, description="largest weight of a clean latent's error; 0 is off")
    form: Literal["per_frame", "reference"]


class SamplingOptions(Params):
    """How a world model is sampled."""

    steps: int = Field(gt=0, le=1000, description="denoising steps a frame")
    spacing: Literal["trailing", "linspace"] = Field(
        description="where the steps fall; linspace is what the reference's rollout.py takes"
    )
    eta: float = Field(ge=0, le=1, description="share of DDIM's noise renewed at each step")
    clip: bool = Field(description="cut clean latents to -1..1, as pixels would be")
    stabilisation: float = Field(ge=0, lt=1, description="noise mixed into context frames")
    context: int | None = Field(
        gt=0, description="most frames that a moved window keeps; null for all but one"
    )
    generate: int | None = Field(
        gt=0, description="most frames generated before the window moves; null to fill it"
    )
    compile: Mode = Field(
        description="mode of torch.compile; reduce-overhead captures a step in a CUDA graph"
    )

    @model_validator(mode="after")
    def _both_ends(self) -> "SamplingOptions":
        if self.spacing == "linspace" and self.steps == 1:
            raise ValueError("spacing linspace needs 2 steps or more; choose trailing")
        return self

    def check_fits(self, window: int, *, stochastic: bool, place: str) -> None:
        """Refuse what a world model cannot be asked for; `place` is the param that errors name.

        Args:
            window: frames that the model is trained on.
            stochastic: whether its objective's steps can add fresh noise.
            place: where these options stand.

        Raises:
            ParamsError: the window would be longer than trained, or a flow should be stochastic.
        """
        for name in ("context", "generate"):
            value = getattr(self, name)
            if value is not None and value >= window:
                raise ParamsError(
                    f"{place}.{name} = {value}, but the world model's windows have {window} "
                    f"frames (train.frames); choose at most {window - 1}"
                )
        if self.eta and not stochastic:
            raise ParamsError(
                f"{place}.eta = {self.eta}, but the steps of a flow are deterministic; set it to 0"
            )

    def check_with(self, settings: Settings, place: str = "sampling") -> None:
        """Likewise, for the model that params.yaml describes."""
        stochastic = settings.variant(OBJECTIVES).build().stochastic_steps
        window = settings.section("train", Options).frames
        self.check_fits(window, stochastic=stochastic, place=f"{settings.path}: {place}")


class Validation(Params):
    """How often, and on what, a run is looked at before it is done."""

    every: int | None = Field(gt=0, description="steps between two looks; null: only at the end")
    clips: int = Field(gt=0, description="of the val split, always the same")
    strips: int = Field(gt=0, description="clips that are generated and drawn, frame by frame")
    sampling_steps: int = Field(gt=0, le=1000, description="denoising steps of these")


Beta = Annotated[float, Field(ge=0, lt=1)]
"""Decay of one of AdamW's two averages."""


class Options(Params):
    """The window, the noise levels, the optimiser, and how it is computed."""

    frames: int = Field(gt=1, description="length of a window")
    interval: int | None = Field(
        gt=0, description="environment steps from frame to frame; null for the data set's own"
    )
    whitening: Literal["auto", "channel", "none"] = Field(
        description="of latents: each channel to mean 0 and variance 1, or as the encoder's "
        "authors scale them; auto does the latter where they have published a scale"
    )
    windows: Literal["every", "one_per_episode"] = Field(
        description="of an epoch: each window once, or a random one of each episode"
    )
    levels: Levels
    weighting: Weighting
    steps: int = Field(gt=0)
    batch: int = Field(gt=0, description="clips of a step, over all processes and pieces")
    accumulation: int = Field(gt=0, description="pieces that a process does its clips in")
    learning_rate: float = Field(gt=0)
    schedule: Literal["cosine", "constant"] = Field(description="of the rate, after its warm-up")
    warmup: int = Field(ge=0, description="steps of linear warm-up")
    final_rate: float = Field(ge=0, le=1, description="share of the rate left after the cosine")
    betas: tuple[Beta, Beta]
    weight_decay: float = Field(ge=0)
    clip: float | None = Field(gt=0, description="largest norm of the gradient; null never clips")
    ema: float | None = Field(
        gt=0, lt=1, description="decay of the averaged weights that are kept; null keeps the last"
    )
    precision: Choice = Field(
        description="of its products; auto is bfloat16 on a GPU that computes in it"
    )
    attention: Literal["auto", "flash", "efficient", "math"] = Field(
        description="kernel of scaled_dot_product_attention; auto is the fastest that can"
    )
    checkpointing: bool = Field(description="compute activations twice rather than keep them")
    compile: compilation.Asked
    seed: int = Field(ge=0)
    save_every: int = Field(gt=0, description="steps between two states to resume from")
    keep_every: int | None = Field(
        gt=0, description="steps between two states that later ones do not replace"
    )
    validation: Validation
