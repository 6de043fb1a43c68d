"""Generated against true frames on fixed validation clips, with baselines that keep it honest."""

from pydantic import Field

from pipeline.diffusion import SamplingOptions, window_length
from pipeline.errors import ParamsError
from pipeline.metrics import Perceptual
from pipeline.params import Params, Settings


class Options(Params):
    """Which clips are generated, and how."""

    clips: int = Field(gt=1, description="fixed validation clips (published: 256)")
    seed: int = Field(ge=0, description="picks the clips (published: 42)")
    context: int = Field(gt=0, description="frames given (published: 1, for CSGO 4)")
    sampling: SamplingOptions
    perceptual: tuple[Perceptual, ...] = Field(
        description="metrics by networks that were trained on photographs, downloaded once"
    )
    batch: int = Field(gt=0)
    dreams: int = Field(gt=0, description="long rollouts kept for the report")
    dream_frames: int = Field(gt=1, description="frames of a dream, the first one given")

    def check_with(self, settings: Settings) -> None:
        """See `Params.check_with`."""
        self.sampling.check_with(settings, "evaluate.sampling")
        self.check_context(window_length(settings))

    def check_context(self, window: int) -> None:
        """Refuse to be given whole clips, for a model of windows of so many frames.

        Raises:
            ParamsError: nothing is left to generate.
        """
        shortest = min(window, self.dream_frames)
        if self.context >= shortest:
            raise ParamsError(
                f"evaluate.context = {self.context} leaves nothing to generate in clips of "
                f"{shortest} frames; choose at most {shortest - 1}"
            )
