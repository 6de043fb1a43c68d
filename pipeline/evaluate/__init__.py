"""Compare generated with recorded frames on fixed validation clips, beside baselines."""

from pydantic import Field

from pipeline.diffusion import SamplingOptions, window_length
from pipeline.errors import ParamsError
from pipeline.metrics import Perceptual
from pipeline.metrics.ssim_window import check_window_fits
from pipeline.params import Params, Settings


class Options(Params):
    """Which clips are generated, how they are sampled, and what is computed of them."""

    clips: int = Field(gt=1, description="fixed validation clips (published: 256)")
    seed: int = Field(ge=0, description="picks the clips (published: 42)")
    context: int = Field(gt=0, description="context frames (published: 1, for CSGO 4)")
    sampling: SamplingOptions
    perceptual: tuple[Perceptual, ...] = Field(
        description="metrics that need pretrained networks, downloaded once: lpips, fid"
    )
    batch: int = Field(gt=0)
    dreams: int = Field(gt=0, description="at most as many long rollouts for the report")
    dream_frames: int = Field(gt=1, description="frames of a dream, context included")

    def check_with(self, settings: Settings) -> None:
        """Refuse sampling options or a context that do not fit the window, and tiny frames."""
        from pipeline.formats import FORMATS  # needs numpy, which --help does without

        self.sampling.check_with(settings, "evaluate.sampling")
        self.check_context(window_length(settings))
        dataset = settings.variant(FORMATS)
        if resolution := dataset.options.resolution:
            place = f"{settings.path}: datasets.{settings.dataset}.resolution = {list(resolution)}"
            check_window_fits(*resolution, place)

    def given(self, context: int | None) -> "Options":
        """These options where the model itself says how many frames it is given, if it does.

        As many frames of a dream are generated.
        """
        if context is None:
            return self
        frames = context + self.dream_frames - self.context
        return self.model_copy(update={"context": context, "dream_frames": frames})

    def check_context(self, window: int) -> None:
        """Refuse a context that leaves no frame to generate, for a model's window in frames.

        Raises:
            ParamsError: the context is as long as the window or a dream.
        """
        shortest = min(window, self.dream_frames)
        if self.context >= shortest:
            raise ParamsError(
                f"evaluate.context = {self.context} leaves nothing to generate in clips of "
                f"{shortest} frames; choose at most {shortest - 1}"
            )
