"""The formats that a recording can be written in, whatever the environment."""

from collections.abc import Callable

from pipeline.errors import UserError, did_you_mean
from pipeline.formats import FORMATS, WritableFormat
from pipeline.formats.lerobot import LeRobot, Version
from pipeline.formats.lerobot.features import Layout
from pipeline.formats.lerobot.source import Reading

DEFAULT = "lerobot"


def _lerobot(version: Version) -> LeRobot:
    return LeRobot(Reading(), Layout(), version)


def _video_csv() -> WritableFormat:
    module = FORMATS.load("video_csv", "format")
    options = FORMATS.options_class("video_csv", "format")
    written = module.build(options.model_validate({"format": "video_csv", "root": None}))
    assert isinstance(written, WritableFormat)
    return written


_WRITERS: dict[str, Callable[[], WritableFormat]] = {
    DEFAULT: lambda: _lerobot("v3.0"),
    "lerobot_v2.1": lambda: _lerobot("v2.1"),
    "video_csv": _video_csv,
}


def names() -> list[str]:
    """Names of the formats; `lerobot` is its newest version, v3.0."""
    return list(_WRITERS)


def writer(name: str) -> WritableFormat:
    """The format of a name.

    Raises:
        UserError: there is no such format.
    """
    if name not in _WRITERS:
        said = did_you_mean(name, _WRITERS)
        raise UserError(f"format {name!r} cannot be recorded in; {said}")
    return _WRITERS[name]()
