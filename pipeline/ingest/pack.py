"""The work of one ingest task: read, check and write the episodes of one shard."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.compute.shared import Shared
from pipeline.episodes import shards
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import Quarantined, Shard, Split
from pipeline.errors import DataError
from pipeline.formats import Source, read_episode
from pipeline.ingest import Options
from pipeline.ingest.statistics import ActionStatistics


@dataclass(frozen=True, slots=True)
class Shape:
    """Shapes of one frame (H, W, 3), action (A) and state (S): equal for all episodes of a set."""

    frames: tuple[int, ...]
    actions: tuple[int, ...]
    states: tuple[int, ...]

    @classmethod
    def of(cls, episode: Episode) -> "Shape":
        """The shapes of an episode without its time axis."""
        return cls(episode.frames.shape[1:], episode.actions.shape[1:], episode.states.shape[1:])


@dataclass(frozen=True, slots=True)
class Task:
    """The episodes `indices` of a source, to be written to the tar `path`.

    `repeated` are the keys that several episodes of the splits have.
    """

    shared: Shared[Source]
    indices: list[int]
    split: Split
    path: Path
    shape: Shape
    options: Options
    repeated: frozenset[str] = frozenset()

    @property
    def source(self) -> Source:
        """The data set."""
        return self.shared.value


@dataclass(slots=True)
class PackedShard:
    """Result of a task: the shard (None if no episode was valid), its action statistics, skips."""

    shard: Shard | None = None
    statistics: ActionStatistics = field(default_factory=ActionStatistics)
    quarantined: list[Quarantined] = field(default_factory=list)


def pack(task: Task) -> PackedShard:
    """Read, check and write the episodes of a task; runs in a worker process.

    Raises:
        DataError: an episode is invalid and `ingest.on_error` is fail.
    """
    packed = PackedShard()
    shard = shards.write(task.path, task.split, _valid_episodes(task, packed), task.options.codec)
    if shard.episodes:
        packed.shard = shard
    else:
        task.path.unlink()
    return packed


def read_checked(source: Source, index: int, options: Options) -> Episode:
    """Read one episode and check its length.

    Raises:
        DataError: it cannot be read, or has fewer frames than `ingest.shortest`.
    """
    episode = read_episode(source, index)
    if len(episode) < options.shortest:
        raise DataError(
            f"episode {episode.key}: has {len(episode)} frames, but ingest.shortest = "
            f"{options.shortest}; lower it"
        )
    return episode


def with_skip_hint(error: DataError) -> DataError:
    """The error with another way out: skipping the episode."""
    return DataError(f"{error}, or set ingest.on_error to skip to leave the episode out")


def _valid_episodes(task: Task, packed: PackedShard) -> Iterator[Episode]:
    for index in task.indices:
        key = task.source.key(index)
        try:
            if key in task.repeated:
                raise DataError(f"episode {key}: is listed more than once; list it once")
            episode = read_checked(task.source, index, task.options)
            _check_shape(episode, task.shape)
        except DataError as error:
            if task.options.on_error == "fail":
                raise with_skip_hint(error) from None
            packed.quarantined.append(Quarantined(episode=key, split=task.split, reason=str(error)))
        else:
            packed.statistics.add(episode.actions)
            yield episode
            del episode  # else two episodes are in memory while the next one is read


def _check_shape(episode: Episode, expected: Shape) -> None:
    shape = Shape.of(episode)
    for name in ("frames", "actions", "states"):
        actual, required = getattr(shape, name), getattr(expected, name)
        if actual != required:
            raise DataError(
                f"episode {episode.key}: {name} have shape {actual}, those of the first episode "
                f"{required}; all episodes of a data set must agree: leave this one out"
            )
