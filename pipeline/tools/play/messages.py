"""What a page and its server say to each other, version 1.

Text messages are JSON objects, told apart by `type`. Images come in binary messages: the length of
a JSON header as uint32, little-endian; the header; the images that it names, one after the other.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSION = 1
LARGEST = 2**20
"""Bytes of the largest message of a page: a picture of a goal."""
LARGEST_TEXT = 2**16

Number = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
ImageFormat = Literal["webp", "jpeg", "png"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Action(_Message):
    """What the person does now: it stands until the next one.

    Attributes:
        time: milliseconds of the page's clock; the first frame that follows brings it back.
        action: numbers [A] in the data's units.
        place: under the pointer, as fractions of a frame's width and height: where there is a
            simulator, the controls' pointer leads there at each environment step.
    """

    type: Literal["action"]
    time: Number
    action: list[Number] = Field(max_length=4096)
    place: tuple[Fraction, Fraction] | None = None


class Shown(_Message):
    """A frame is on the screen; no more than two are under way at a time."""

    type: Literal["shown"]
    number: Count


class Reset(_Message):
    """Start anew.

    Attributes:
        clip: number of the validation episode.
        start: environment step in it.
        seed: of the model's noise.
    """

    type: Literal["reset"]
    clip: Count = 0
    start: Count = 0
    seed: Count = 0


class Settings(_Message):
    """Change what is given.

    Attributes:
        steps: denoising steps of a frame.
        format: of the images.
        fps: most frames a second.
    """

    type: Literal["settings"]
    steps: int | None = Field(default=None, ge=1, le=50)
    format: ImageFormat | None = None
    fps: Number | None = Field(default=None, gt=0, le=60)


class Pause(_Message):
    """Stand still, or go on."""

    type: Literal["pause"]
    paused: bool


class SingleStep(_Message):
    """One frame, of a session that stands still."""

    type: Literal["single_step"]


class TakeOver(_Message):
    """Let the dream go on from the simulator's frame."""

    type: Literal["take_over"]


class Goal(_Message):
    """Plan to a frame of the validation episode; a binary message is a picture of a goal.

    Attributes:
        clip: number of the validation episode.
        start: environment step in it.
    """

    type: Literal["goal"]
    clip: Count
    start: Count


class Plan(_Message):
    """Let the planner drive, or stop it."""

    type: Literal["plan"]
    on: bool


class Record(_Message):
    """Begin a recording, or end it."""

    type: Literal["record"]
    on: bool


Message = Action | Shown | Reset | Settings | Pause | SingleStep | TakeOver | Goal | Plan | Record
_READER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(text: str) -> Message:
    """A message of a page.

    Raises:
        ValueError: it is none, in one line.
    """
    if len(text) > LARGEST_TEXT:
        raise ValueError(f"{len(text)} characters; a message has at most {LARGEST_TEXT}")
    try:
        return _READER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else str(first["msg"])) from None


def pack(header: Mapping[str, Any], images: Sequence[tuple[str, str, bytes]]) -> bytes:
    """A binary message.

    Args:
        header: its other fields.
        images: name, MIME type and content of each.
    """
    listed = [{"name": name, "mime": mime, "bytes": len(data)} for name, mime, data in images]
    text = json.dumps({**header, "images": listed}, allow_nan=False).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(data for *_, data in images)])


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and images by name of a binary message: what a page does."""
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    images, place = {}, 4 + length
    for image in header["images"]:
        images[image["name"]] = content[place : place + image["bytes"]]
        place += image["bytes"]
    return header, images
