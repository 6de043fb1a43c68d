"""Generated against true frames on fixed validation clips, with baselines that keep it honest."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Which clips are generated, and how."""

    clips: int = Field(gt=1, description="fixed validation clips (published: 256)")
    seed: int = Field(ge=0, description="picks the clips (published: 42)")
    sampling_steps: int = Field(gt=0, description="denoising steps a frame")
    batch: int = Field(gt=0)
    dreams: int = Field(gt=0, description="long rollouts kept for the report")
    dream_frames: int = Field(gt=1, description="frames of a dream, the first one given")
