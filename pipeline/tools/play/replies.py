"""What a server says to its page, version 1; what the page says is in `messages`.

Text messages are JSON objects, told apart by `type`. Images come in binary messages: the length of
a JSON header as uint32, little-endian; the header; the images that it names, one after the other.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.metrics.schema import DecoderKind
from pipeline.tools.play.messages import ImageFormat


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Model(_Part):
    """What is played.

    Attributes:
        folder: of the model.
        dataset: name.
        encoder: name.
        decoder: `own`, or `fitted` to an encoder that has none.
        parameters: of the world model.
        height: of its frames.
        width: of its frames.
        interval: environment steps from frame to frame.
        window: frames.
        history: frames that a dream is given.
        steps: denoising steps of a frame, unless the page asks for others.
        most_steps: that the page may ask for.
        device: that computes.
        threads: of torch.
    """

    folder: str
    dataset: str
    encoder: str
    decoder: DecoderKind
    parameters: int
    height: int
    width: int
    interval: int
    window: int
    history: int
    steps: int
    most_steps: int
    device: str
    threads: int


class Actions(_Part):
    """Recorded actions: how many numbers they have, and least, largest and mean value of each."""

    size: int
    low: list[float]
    high: list[float]
    mean: list[float]


class ClipEntry(_Part):
    """A validation episode and its number of recorded frames."""

    episode: str
    frames: int


class Limits(_Part):
    """What a server bears: pages, frames under way, bytes of a message, frames a second."""

    sessions: int
    ahead: int
    message: int
    fps: float


class Hello(_Part):
    """The first message.

    Attributes:
        version: of all messages.
        model: that is played.
        actions: of its data set.
        controls: see `pipeline.episodes.controls`, and the idle action.
        clips: the validation episodes, by number.
        simulator: whether there is one.
        no_simulator: why not.
        no_planner: why nothing can be planned; null if something can.
        limits: of the server.
    """

    type: Literal["hello"] = "hello"
    version: Literal[1] = 1
    model: Model
    actions: Actions
    controls: dict[str, Any]
    clips: list[ClipEntry]
    simulator: bool
    no_simulator: str | None
    no_planner: str | None
    limits: Limits


class State(_Part):
    """What stands, whenever it has changed.

    Attributes:
        clip: number of the validation episode.
        episode: its key.
        start: environment step in it at which the history begins.
        seed: of the noise.
        steps: denoising steps of a frame.
        format: of the images.
        fps: most frames a second.
        paused: whether it stands still.
        planning: whether the planner drives.
        recording: whether one is under way.
    """

    type: Literal["state"] = "state"
    clip: int
    episode: str
    start: int
    seed: int
    steps: int
    format: ImageFormat
    fps: float
    paused: bool
    planning: bool
    recording: bool


class RecordingDone(_Part):
    """A recording was written: how many frames it has, where it lies, and where to get it."""

    type: Literal["recording"] = "recording"
    frames: int
    folder: str
    url: str


class Complaint(_Part):
    """Something cannot be done; the session goes on."""

    type: Literal["error"] = "error"
    message: str


class Bye(_Part):
    """The last message: why the server ends the connection."""

    type: Literal["bye"] = "bye"
    reason: str


class Milliseconds(_Part):
    """Time that parts of a frame took; model and simulator work at the same time."""

    model: float | None = None
    simulator: float | None = None
    encode: float


class FrameHeader(_Part):
    """A frame: images `imagined` and, where there is a simulator, `real`.

    Attributes:
        number: of the session's frames, from 1.
        step: environment steps since the start of the clip.
        action: [A] of the first environment step that led to it; null at a start.
        time: of the page's action that it is the first to follow, else null.
        milliseconds: that its parts took.
        latent_error: mean squared difference of the whitened latents; null without a simulator.
        pixel_error: mean squared difference of colours 0..1; null without a simulator.
        planned: whether the planner has decided the action.
    """

    type: Literal["frame"] = "frame"
    number: int
    step: int
    action: list[float] | None
    time: float | None
    milliseconds: Milliseconds
    latent_error: float | None
    pixel_error: float | None
    planned: bool


class GoalHeader(_Part):
    """What the planner drives to: image `goal`."""

    type: Literal["goal"] = "goal"


class PlanHeader(_Part):
    """What the planner is about to do: images `plan 0`, `plan 1`, .. that the model expects of it.

    Attributes:
        action: [A] of its first environment step.
        milliseconds: that planning took.
    """

    type: Literal["plan"] = "plan"
    action: list[float]
    milliseconds: float


Reply = Hello | State | RecordingDone | Complaint | Bye
Header = FrameHeader | GoalHeader | PlanHeader


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a binary message."""

    name: str
    mime: str
    content: bytes


def pack(header: Header, images: Sequence[Image]) -> bytes:
    """A binary message."""
    listed = [{"name": i.name, "mime": i.mime, "bytes": len(i.content)} for i in images]
    text = json.dumps({**header.model_dump(), "images": listed}, allow_nan=False).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(image.content for image in images)])


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and images by name of a binary message: what a page does."""
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    images, place = {}, 4 + length
    for image in header["images"]:
        images[image["name"]] = content[place : place + image["bytes"]]
        place += image["bytes"]
    return header, images
