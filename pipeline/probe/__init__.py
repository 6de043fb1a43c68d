"""A readout of positions from latents, and an inverse model: fitted with states, beside the model.

Both are labelled as what they are: a world model sees frames and actions alone.
"""

from pydantic import Field

from pipeline.params import Params


class FitOptions(Params):
    """How one of the two networks is fitted."""

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0, description="the highest; a cosine anneals it")


class ReadoutOptions(FitOptions):
    """The readout of coordinates from the latent of a frame."""

    width: int = Field(gt=0, le=2**12, description="channels of the convolutions")
    depth: int = Field(gt=0, le=2**6, description="convolutions of 3 x 3 patches")


class InverseOptions(FitOptions):
    """The inverse model: actions from the coordinates of now and of a goal."""

    width: int = Field(gt=0, le=2**14, description="of the hidden layers")
    depth: int = Field(gt=0, le=2**6, description="hidden layers")
    frames: int = Field(
        gt=0,
        le=2**10,
        description="goals lie at most so many model frames ahead, if episodes are long enough",
    )


class Options(Params):
    """Both networks."""

    readout: ReadoutOptions
    inverse: InverseOptions
    seed: int = Field(ge=0)
