"""Options of the experiment trackers."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Experiment trackers of a run. They change no result, so no stage depends on them."""

    every: int = Field(gt=0, description="steps between two reports")
    tensorboard: bool = Field(description="write event files into the folder of --logs")
    wandb: str | None = Field(description="project at Weights & Biases; null: none")
