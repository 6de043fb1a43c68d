"""Long rollouts in a sliding window, streamed to videos and scored by how far they go."""

from typing import Literal

from pydantic import Field

from pipeline.diffusion import SamplingOptions
from pipeline.errors import ParamsError
from pipeline.params import Params, Settings


class Study(Params):
    """Ways to sample that are compared; none if a list is empty."""

    samplers: tuple[str, ...] = Field(description="orders of denoising")
    spacings: tuple[Literal["trailing", "linspace"], ...] = Field(description="timestep spacings")
    steps: tuple[int, ...] = Field(description="numbers of denoising steps")


class Options(Params):
    """Which long rollouts are generated and scored; none by default."""

    clips: int = Field(ge=0, description="rollouts; 0 skips the stage")
    windows: float = Field(gt=1, description="length in windows of the model, history included")
    source: Literal["recorded", "simulated"] = Field(
        description="clips of the validation split, or new episodes of the simulator, which may be "
        "longer than recorded ones"
    )
    context: int = Field(gt=0, description="frames that are given")
    sampling: SamplingOptions
    study: Study
    batch: int = Field(gt=0)
    videos: int = Field(ge=0, description="at most as many are shown")
    fps: int = Field(gt=0, description="frames per second of the videos")
    seed: int = Field(ge=0, description="of clips and noise")

    def check_with(self, settings: Settings) -> None:
        """Refuse sampling that does not fit the window, too long a context, and no simulator.

        Raises:
            ParamsError: they do not fit, or new episodes are asked for where none can be simulated.
        """
        from pipeline.diffusion import window_length
        from pipeline.worlds import WORLDS

        self.sampling.check_with(settings, "rollout.sampling")
        self.frames(window_length(settings))
        if not self.clips:
            return
        if self.source == "simulated" and settings.chosen(WORLDS) is None:
            raise ParamsError(
                f"rollout.source = simulated, but {settings.place(WORLDS)} is null: choose "
                "recorded, or set rollout.clips to 0"
            )
        if any(not 0 < steps <= 1000 for steps in self.study.steps):
            raise ParamsError(
                f"{settings.path}: rollout.study.steps = {list(self.study.steps)}: each must be 1 "
                "to 1000"
            )

    def frames(self, window: int) -> int:
        """Frames that are generated of each clip, for a model's window in frames.

        Raises:
            ParamsError: the context leaves none.
        """
        total = round(self.windows * window)
        if self.context >= total:
            raise ParamsError(
                f"rollout.context = {self.context} leaves nothing to generate in rollouts of "
                f"{total} frames; choose at most {total - 1}"
            )
        return total - self.context
