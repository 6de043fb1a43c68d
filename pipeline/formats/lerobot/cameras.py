"""The cameras of a data set, and which of them record 8-bit colour: no other frames are read."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import DataError, did_you_mean
from pipeline.formats.lerobot.info import BLOCK, FILE, Feature, Info

OPTION = f"{BLOCK}.cameras"
_GREYSCALE = {1, 2}  # channels: brightness, with or without opacity
_DEEP_MODES = ("I", "F")  # of Pillow: 32-bit integers and floats; I;16 and its like


class _Recorded(BaseModel):
    """What info.json says of a camera, in the names of lerobot 0.6 and of those before it."""

    model_config = ConfigDict(frozen=True)

    is_depth_map: bool = False
    is_depth_video: bool = Field(False, alias="video.is_depth_map")
    pixel_format: str | None = Field(None, alias="video.pix_fmt")
    channels: int | None = Field(None, alias="video.channels")


def names(info: Info) -> dict[str, Feature]:
    """The cameras, by name."""
    return {k: f for k, f in info.features.items() if f.dtype in ("video", "image")}


def colour(info: Info) -> list[str]:
    """Names of the cameras that record 8-bit colour, as far as info.json says."""
    return [name for name, feature in names(info).items() if otherwise(feature) is None]


def otherwise(feature: Feature) -> str | None:
    """What a camera records if it is not 8-bit colour, else None."""
    parts = [part or {} for part in (feature.info, feature.video_info)]
    try:
        said = [_Recorded.model_validate(part) for part in parts]
    except ValidationError as error:
        first = error.errors()[0]
        return f"what is not known ({'.'.join(map(str, first['loc']))}: {first['msg']})"
    shape = feature.shape
    channels = {part.channels for part in said}
    if len(shape) == 3:
        channels |= {shape[0], shape[-1]}
    elif len(shape) == 2:
        channels.add(1)
    if any(part.is_depth_map or part.is_depth_video for part in said):
        return "depth"
    for part in said:
        if part.pixel_format is not None and (reason := other_format(part.pixel_format)):
            return reason
    return f"greyscale, of shape {list(shape)}" if channels & _GREYSCALE else None


def other_format(pixel_format: str) -> str | None:
    """What frames of an FFmpeg pixel format are if not 8-bit colour, else None."""
    import av

    try:
        components = av.VideoFormat(pixel_format).components
    except ValueError:
        return None  # info.json may say anything; the file itself is looked into as well
    if len(components) >= 3 and all(component.bits == 8 for component in components):
        return None
    return f"{max(c.bits for c in components)} bits in {len(components)} channels ({pixel_format})"


def other_mode(mode: str) -> str | None:
    """What an image of a mode of Pillow is if not 8-bit, else None."""
    deep = mode.split(";")[0] in _DEEP_MODES
    return f"more than 8 bits (Pillow's mode {mode})" if deep else None


def chosen(info: Info, wanted: Sequence[str] | None, raw: Path) -> tuple[str, ...]:
    """The cameras that are read: those that are wanted, else the only one there is.

    Raises:
        DataError: the data set has no such camera, or it does not record 8-bit colour; or there are
            several, and none was chosen.
    """
    if wanted is None:
        wanted = colour(info)
        if len(wanted) != 1:
            found = ", ".join(wanted) or "none"
            raise DataError(
                f"{raw / FILE}: cameras of 8-bit colour: {found}; set {OPTION} to those to read"
            )
    for name in wanted:
        _check(info, name, raw)
    return tuple(wanted)


def _check(info: Info, name: str, raw: Path) -> None:
    cameras = names(info)
    if name not in cameras:
        hint = did_you_mean(name, cameras)
        raise DataError(f"{raw / FILE}: has no camera {name!r} ({OPTION}); {hint}")
    if (reason := otherwise(cameras[name])) is not None:
        raise refusal(info, name, raw, reason)
    if cameras[name].dtype == "video" and info.video_path is None:
        raise DataError(f"{raw / FILE}: video_path is null, but {name} is a video; fetch it again")


def refusal(info: Info, name: str, raw: Path, reason: str) -> DataError:
    """The error of a camera that records something else; the others are the way out."""
    others = ", ".join(other for other in colour(info) if other != name)
    way_out = f"set {OPTION} to one that does: {others}" if others else "none of its cameras does"
    return DataError(f"{raw}: camera {name} records {reason}, not 8-bit colour; {way_out}")
