"""States themselves as latents, [S, 1, 1]: what a simulator or a robot knows, no picture.

Of states that begin with the groups of a legged robot (`pipeline.episodes.groups`), the latents are
the group system_state, and they are drawn as the robot; of others they are all numbers, drawn as a
strip of grey.
"""

from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from pipeline.encoders import REMEDY, Encoder, Posterior, Samples
from pipeline.encoders.state.drawing import Drawing, Robot, Strip
from pipeline.episodes.groups import SYSTEM_STATE, hold_groups
from pipeline.errors import DataError, UserError
from pipeline.files.json_model import FileModel, read_json
from pipeline.params import Params

FILE = "state.json"


class Options(Params):
    """None: the data set says what a state is."""


class Card(FileModel):
    """state.json.

    Attributes:
        drawn: what a state is drawn as.
        low: smallest value of each number of a latent in the samples that it was fitted to.
        high: the largest.
        height: of the frames in pixels.
        width: of the frames in pixels.
    """

    drawn: Literal["robot", "strip"]
    low: list[float] = Field(min_length=1, max_length=2**16)
    high: list[float] = Field(min_length=1, max_length=2**16)
    height: int = Field(gt=0, le=2**14)
    width: int = Field(gt=0, le=2**14)


def fit_states(samples: Samples, options: Options) -> "States":
    """Note which numbers of the samples' states are latents, and between what they lie.

    Raises:
        DataError: there are no states.
    """
    if not samples.states.shape[1]:
        raise DataError(
            "encoder = state, but the data set has no states; choose an encoder of frames, such as "
            "tiny_vae"
        )
    robot = hold_groups(samples.states.numpy())
    latents = samples.states[:, : SYSTEM_STATE.width] if robot else samples.states
    height, width = samples.frames.shape[2:]
    low, high = latents.amin(0).tolist(), latents.amax(0).tolist()
    drawn: Literal["robot", "strip"] = "robot" if robot else "strip"
    return States(Card(drawn=drawn, low=low, high=high, height=height, width=width))


def load(folder: Path, options: Options) -> "States":
    """Read what `save` wrote.

    Raises:
        ValueError: it contradicts itself.
    """
    card = read_json(folder / FILE, Card, REMEDY)
    if card.drawn == "robot" and len(card.low) != SYSTEM_STATE.width:
        raise ValueError(f"{FILE}: no robot is drawn from {len(card.low)} numbers")
    if len(card.low) != len(card.high):
        raise ValueError(f"{FILE}: low has {len(card.low)} numbers, high {len(card.high)}")
    return States(card)


class States(Encoder):
    """Latents are the first numbers of a state, exactly; see the module."""

    takes: ClassVar[Literal["frames", "states"]] = "states"
    stochastic = False
    published_scale = None
    decoder_kind = "own"

    def __init__(self, card: Card) -> None:
        """Of states as `card` describes them."""
        self.card, self.device = card, torch.device("cpu")
        size = card.height, card.width
        strip = Strip(torch.tensor(card.low), torch.tensor(card.high), size)
        self._drawing: Drawing = Robot(size) if card.drawn == "robot" else strip

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.device = device
        return self

    def encode(self, frames: Tensor) -> Posterior:
        """States float32 [B, S] to latents [B, C, 1, 1].

        Raises:
            UserError: it is given frames, or states of fewer numbers.
        """
        size = len(self.card.low)
        if frames.ndim != 2:
            raise UserError(
                "encoder = state: the latents are states, which pictures do not tell; start from "
                "recorded or simulated episodes, or use a model of an encoder of frames"
            )
        if frames.shape[1] < size:
            raise UserError(f"encoder = state: {frames.shape[1]} numbers are no states of {size}")
        return Posterior(frames.to(self.device)[:, :size, None, None].float(), None)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, 1, 1], drawn: uint8 [B, 3, H, W]."""
        return self._drawing(latents.flatten(1).float().cpu()).to(self.device)

    def save(self, folder: Path) -> None:
        """Write state.json."""
        (folder / FILE).write_text(self.card.model_dump_json(indent=2) + "\n")
