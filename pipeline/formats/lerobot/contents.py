"""What a LeRobot set holds so far, as the writers of every version count it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.episodes.episode import Episode, Meta
from pipeline.formats.lerobot import features, statistics
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.features import Json, Layout

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Added:
    """An episode as it is to be written.

    Attributes:
        number: of the episode, from 0.
        first: number of its first frame in the whole set.
        task: its instructions.
        table: its rows, with the images unless frames are stored as video.
        stats: statistics of the frames and of every column.
    """

    number: int
    first: int
    task: str
    table: "pa.Table"
    stats: Mapping[str, statistics.Statistics]


@dataclass(slots=True)
class Contents:
    """Totals and tables that grow with every episode; the first one decides rate and features."""

    layout: Layout
    quantiles: bool
    """Whether statistics have quantiles, as from v3.0 on."""
    tasks: dict[str, int] = field(default_factory=dict)
    meta: dict[str, Meta] = field(default_factory=dict)
    described: Json = field(default_factory=dict)
    frames: int = 0
    fps: int = 0
    is_video: bool = False

    def add(self, episode: Episode) -> Added:
        """Count an episode; what of it is to be written."""
        number, first, task = len(self.meta), self.frames, features.task(episode)
        self.fps = self.fps or features.frames_per_second(self.layout, episode)
        index = self.tasks.setdefault(task, len(self.tasks))
        columns = features.columns(episode, self.layout, number, first, index, self.fps)
        if not self.described:
            self.described = features.described(episode, self.layout, columns, self.fps)
            self.is_video = features.is_video(episode)
        images = {} if self.is_video else {self.layout.camera: episode.frames}
        of_frames = statistics.of_frames(episode.frames, quantiles=self.quantiles)
        stats = {
            self.layout.camera: of_frames,
            **statistics.of_columns(columns, quantiles=self.quantiles),
        }
        self.meta[infos.key(number)] = episode.meta
        self.frames += len(episode)
        return Added(number, first, task, features.table(columns, images), stats)
