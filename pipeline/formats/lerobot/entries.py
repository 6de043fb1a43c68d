"""Episodes as the meta files list them, and what the listing itself gets wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import DataError
from pipeline.formats.lerobot.info import FILE, Info, Place, key

_MOST = 2**31


class Line(BaseModel):
    """What every version says of an episode."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    episode_index: int = Field(ge=0, lt=_MOST)
    length: int = Field(gt=0, lt=_MOST)
    tasks: list[str]


class Number(BaseModel):
    """What names the episode of a line that is wrong otherwise."""

    episode_index: int = Field(ge=0, lt=_MOST)


class Span(NamedTuple):
    """The frames of an episode in a video file.

    Attributes:
        video: the file.
        first: index of the episode's first frame in it.
        end: index after its last frame there, above first + length if the video holds more; 0 if
            it is not known.
    """

    video: Place
    first: int
    end: int


class Entry(NamedTuple):
    """An episode as the meta files list it.

    Attributes:
        number: its `episode_index`.
        length: number of rows.
        data: parquet file of its rows, as far as the meta files know.
        spans: its frames, of each camera that is read from videos.
        task: its instructions, joined by "; ".
        fault: why it cannot be read; None if nothing is known to be wrong.
    """

    number: int
    length: int
    data: Place
    spans: tuple[Span, ...]
    task: str
    fault: str | None = None


LastFrames = dict[Place, tuple[int, int]]
"""Of each video file: a number of frames, and the `episode_index` that it comes from."""


def unreadable(number: int, place: Path, reason: str) -> Entry:
    """The entry of an episode of which the meta files say nothing that can be used."""
    return Entry(number, 0, Place(0, 0), (), "", f"{place}: {key(number)}: {reason}")


def refused(error: ValidationError, path: Path, number: Callable[[], Number], line: str) -> Entry:
    """The entry of an episode whose line in a meta file is wrong.

    Args:
        error: what is wrong with it.
        path: the meta file.
        number: reads the line once more, for its `episode_index` alone.
        line: what names the line, and ends in ": "; empty if nothing does.

    Raises:
        DataError: the line does not even name an episode.
    """
    try:
        named = number()
    except ValidationError:
        raise DataError(f"{path}: {line}{reason(error)}") from None
    return unreadable(named.episode_index, path, reason(error))


def most_surplus(fps: float) -> float:
    """Frames that a video may have more than an episode has rows: one, or up to a second.

    A camera that stops a little after the other sensors records them; a longer video is likely
    another episode's.
    """
    return max(1, fps - 1)


def reason(error: ValidationError) -> str:
    """The first mistake that pydantic found, and the way out."""
    first = error.errors()[0]
    field = "".join(f"{part}: " for part in first["loc"])
    return f"{field}{first['msg']}; fetch it again"


def checked(listed: Sequence[Entry], info: Info, meta: Path) -> list[Entry]:
    """The episodes in order, each once; what contradicts itself has a fault.

    Episodes that info.json counts but no file of `meta` lists are among them.

    Raises:
        DataError: info.json counts fewer episodes than are listed, or other ones.
    """
    times = Counter(entry.number for entry in listed)
    faults = {
        number: f"{meta}: {key(number)}: is listed {count} times; fetch it again or list it once"
        for number, count in times.items()
        if count > 1
    }
    faults |= {entry.number: entry.fault for entry in listed if entry.fault is not None}
    for pair in _overlaps(listed):
        for (one, span), (two, other) in (pair, pair[::-1]):
            faults.setdefault(
                one,
                f"{meta}: {key(one)}: its video goes from frame {span.first} to {span.end - 1}, "
                f"and that of {key(two)} in the same file from {other.first} to {other.end - 1}; "
                "record or merge the set again",
            )
    entries = {entry.number: entry._replace(fault=faults.get(entry.number)) for entry in listed}
    for number in _unlisted(times, info.total_episodes, meta):
        entries[number] = unreadable(number, meta, "is not listed; fetch meta/ again")
    return sorted(entries.values(), key=lambda entry: entry.number)


def last_frames(entries: Sequence[Entry], cameras: int) -> list[LastFrames]:
    """How many frames each video file must have, and the episode that needs the last of them.

    One for each of the cameras that are read from videos.
    """
    last: list[LastFrames] = [{} for _ in range(cameras)]
    for entry in entries:
        for files, span in zip(last, entry.spans, strict=False):
            needed = (min(span.first + entry.length, span.end), entry.number)
            files[span.video] = max(needed, files.get(span.video, needed))
    return last


Claim = tuple[int, Span]
"""An `episode_index`, and the frames that it says are its own."""


def _overlaps(listed: Sequence[Entry]) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of episodes that claim the same frames of a video; every such episode is in one."""
    files: dict[tuple[int, Place], list[Claim]] = defaultdict(list)
    for entry in listed:
        for camera, span in enumerate(entry.spans):
            if span.end:
                files[camera, span.video].append((entry.number, span))
    for claims in files.values():
        claims.sort(key=lambda claim: claim[1][1:])
        longest = claims[0]
        for claim in claims[1:]:
            if claim[1].first < longest[1].end and claim[0] != longest[0]:
                yield longest, claim
            if claim[1].end > longest[1].end:
                longest = claim


def _unlisted(times: Counter[int], total: int, meta: Path) -> list[int]:
    if len(times) == total:
        return []
    # Where most are unlisted, it is the count or the folder that is wrong, not the episodes.
    missing = sorted(set(range(total)) - set(times)) if total <= 2 * len(times) else []
    if len(times) + len(missing) != total:
        raise DataError(
            f"{meta}: lists {len(times)} episodes, but {FILE} has total_episodes = {total}; "
            "fetch meta/ again"
        )
    return missing
