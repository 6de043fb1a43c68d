"""The diffusion world model: denoiser and objective, its loss, sampling and rollouts."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.compute.compile_mode import Mode
from pipeline.errors import ParamsError
from pipeline.params import Params, Settings


class Weighting(Params):
    """Min-SNR weighting (Hang et al. 2023).

    `per_frame` is the paper's: the error of the clean latent has weight min(SNR, gamma), so that of
    the output has min(SNR, gamma) / SNR for eps, / (SNR + 1) for v, / 1 for x. `reference` made the
    published models: the eps form whatever is predicted, averaged over a clip's frames before it
    multiplies their averaged error, and no weights for flow.
    """

    gamma: float = Field(ge=0, description="upper bound of the SNR in the weight; 0 is off")
    form: Literal["per_frame", "reference"]


def window_length(settings: Settings) -> int:
    """Frames in a window of the world model that params.yaml describes: train.frames.

    Read from the checked values rather than by train's Options, so that stages downstream do not
    depend on train's code.
    """
    frames: int = settings.values["train"]["frames"]
    return frames


class SamplingOptions(Params):
    """Sampling of a world model."""

    steps: int = Field(gt=0, le=1000, description="denoising steps per frame")
    spacing: Literal["trailing", "linspace"] = Field(
        description="timestep spacing; linspace is that of the reference's rollout.py"
    )
    eta: float = Field(ge=0, le=1, description="DDIM's eta: 0 is deterministic, 1 is DDPM")
    clip: bool = Field(description="clamp estimated clean latents to -1..1, as for pixels")
    stabilisation: float = Field(
        ge=0, lt=1, description="noise level of context frames, as a share of levels"
    )
    context: int | None = Field(
        gt=0, description="max context frames when the window slides; null for all but one"
    )
    generate: int | None = Field(
        gt=0, description="max frames generated per window; null to fill it"
    )
    compile: Mode = Field(
        description="mode of torch.compile; reduce-overhead captures each step in a CUDA graph"
    )

    @model_validator(mode="after")
    def _both_ends(self) -> "SamplingOptions":
        if self.spacing == "linspace" and self.steps == 1:
            raise ValueError("spacing linspace needs 2 steps or more; choose trailing")
        return self

    def check_fits(self, window: int, *, stochastic: bool, place: str) -> None:
        """Check these options against a world model.

        Args:
            window: frames of the model's window.
            stochastic: whether the steps of its objective and of the sampler can add noise.
            place: key of these options in params.yaml, for errors.

        Raises:
            ParamsError: context or generate exceed the window, or eta > 0 where no step
                can add noise.
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
                f"{place}.eta = {self.eta}, but the steps of a flow are deterministic, and "
                "sampler consistency draws noise already; set it to 0"
            )

    def check_with(self, settings: Settings, place: str = "sampling") -> None:
        """`check_fits` for the world model that params.yaml describes."""
        from pipeline.objectives import OBJECTIVES  # needs torch, which --help does without

        stochastic = settings.variant(OBJECTIVES).build().stochastic_steps
        place = f"{settings.path}: {place}"
        self.check_fits(window_length(settings), stochastic=stochastic, place=place)
