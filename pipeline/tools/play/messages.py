"""What a page says to its server, version 1; what the server says is in `replies`.

Messages are JSON objects, told apart by `type`. A binary message is a picture of a goal.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.tools.play import MOST_STEPS

LARGEST = 2**20
"""Bytes of the largest message of a page: a picture of a goal."""
LARGEST_TEXT = 2**16

Number = Annotated[float, Field(allow_inf_nan=False)]
Value = Annotated[float, Field(ge=-1e30, le=1e30)]
"""Of an action; float32 has no room for more."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
ImageFormat = Literal["webp", "jpeg", "png"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Impulse(_Message):
    """What one frame does instead of the action, however often the page says it.

    Attributes:
        number: of the session's impulses, from 1; those that are not larger are done already.
        action: numbers [A] in the data's units.
    """

    number: Count
    action: list[Value] = Field(max_length=4096)


class Action(_Message):
    """What the person does now: it stands until the next one.

    Attributes:
        time: milliseconds of the page's clock; the first frame that follows brings it back.
        action: numbers [A] in the data's units.
        impulse: for one frame: a line that was drawn, a movement of the mouse.
        place: under the pointer, as fractions of a frame's width and height: where there is a
            simulator, the controls' pointer leads there at each environment step.
    """

    type: Literal["action"]
    time: Number
    action: list[Value] = Field(max_length=4096)
    impulse: Impulse | None = None
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
    steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
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
