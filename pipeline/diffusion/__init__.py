"""The diffusion world model: a denoiser, its objective, how it is sampled and rolled out."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.compute.compile_mode import Mode
from pipeline.errors import ParamsError
from pipeline.families import OBJECTIVES
from pipeline.params import Params, Settings


class Weighting(Params):
    """Min-SNR weighting (Hang et al. 2023).

    `per_frame` is the paper's: the error of the clean latent counts min(SNR, gamma), so that of an
    answer min(SNR, gamma) / SNR for eps, / (SNR + 1) for v, / 1 for x. `reference` is what made the
    published models: the eps form whatever is predicted, averaged over a clip's frames before it
    meets their averaged error, and no weights for flow.
    """

    gamma: float = Field(ge=0, description="largest weight of a clean latent's error; 0 is off")
    form: Literal["per_frame", "reference"]


def window_length(settings: Settings) -> int:
    """Frames in a window of the world model that params.yaml describes: train.frames.

    Read from the checked values rather than by train's Options, so that stages downstream do not
    depend on train's code.
    """
    frames: int = settings.values["train"]["frames"]
    return frames


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
        """Refuse what the model that params.yaml describes cannot do; raises as `check_fits`."""
        stochastic = settings.variant(OBJECTIVES).build().stochastic_steps
        place = f"{settings.path}: {place}"
        self.check_fits(window_length(settings), stochastic=stochastic, place=place)
