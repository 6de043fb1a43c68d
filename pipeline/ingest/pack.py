"""One shard's worth of episodes, from where they lie to a tar: the part that runs in parallel."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.datasets import Source
from pipeline.episodes import shards
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import Quarantined, Shard, Split
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.statistics import ActionStatistics


@dataclass(frozen=True, slots=True)
class Shape:
    """What every episode of a set has in common."""

    frames: tuple[int, ...]
    actions: tuple[int, ...]
    states: tuple[int, ...]

    @classmethod
    def of(cls, episode: Episode) -> "Shape":
        """Shapes of one frame, action and state of an episode."""
        return cls(episode.frames.shape[1:], episode.actions.shape[1:], episode.states.shape[1:])


@dataclass(frozen=True, slots=True)
class Task:
    """The episodes `indices` of a source, to be written to one tar."""

    source: Source
    indices: list[int]
    split: Split
    path: Path
    shape: Shape
    options: Options


@dataclass(slots=True)
class Packed:
    """What became of a task; `shard` is None if no episode of it could be read."""

    shard: Shard | None = None
    statistics: ActionStatistics = field(default_factory=ActionStatistics)
    quarantined: list[Quarantined] = field(default_factory=list)


def pack(task: Task) -> Packed:
    """Read, check and write the episodes of a task.

    Raises:
        DataError: an episode is wrong, and `on_error` says fail.
    """
    packed = Packed()
    shard = shards.write(task.path, task.split, _good(task, packed), task.options.codec)
    if shard.episodes:
        packed.shard = shard
    else:
        task.path.unlink()
    return packed


def checked(source: Source, index: int, options: Options) -> Episode:
    """One episode, if it is long enough.

    Raises:
        DataError: it cannot be read or is too short.
    """
    episode = source[index]
    if len(episode) < options.shortest:
        raise DataError(
            f"episode {episode.key}: has {len(episode)} frames, ingest.shortest = "
            f"{options.shortest}; lower it"
        )
    return episode


def hinted(error: DataError) -> DataError:
    """The same error, with what can be done about any episode that is wrong."""
    return DataError(f"{error}, or set ingest.on_error to skip to go on without it")


def _good(task: Task, packed: Packed) -> Iterator[Episode]:
    for index in task.indices:
        try:
            episode = checked(task.source, index, task.options)
            _same_shape(episode, task.shape)
        except DataError as error:
            if task.options.on_error == "fail":
                raise hinted(error) from None
            packed.quarantined.append(
                Quarantined(episode=task.source.key(index), split=task.split, reason=str(error))
            )
        else:
            packed.statistics.add(episode.actions)
            yield episode
            del episode  # see `shards.write`


def _same_shape(episode: Episode, expected: Shape) -> None:
    found = Shape.of(episode)
    for name in ("frames", "actions", "states"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        if ours != theirs:
            raise DataError(
                f"episode {episode.key}: {name} are shaped {ours}, those of the first episode "
                f"{theirs}; a data set has one shape: leave the episode out"
            )
