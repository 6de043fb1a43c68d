"""DINO-WM's `pusht_noise` layout: videos of episodes of many lengths, in a train and a val folder.

Each of train/ and val/ holds states.pth [N, T, 5] (agent x, y, block x, y in px of a 512 x 512
world, block angle in radians), velocities.pth [N, T, 2] (of the agent, px/s), rel_actions.pth
(target minus agent) and abs_actions.pth (target) [N, T, 2] in px, seq_lengths.pkl (or .pth),
shapes.pkl unless every block is a T, and obses/episode_000.mp4, which may hold more frames.

An Episode has states [T, 7], the velocities last, and actions in 100 px. A set without
velocities.pth has states [T, 5]: enough to train on, but no simulator can be restored from them.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets import DatasetOptions, OfficialSplit, Source
from pipeline.datasets._shared import pickles as _pickles
from pipeline.datasets._shared import tables as _tables
from pipeline.datasets._shared.dino_wm import Episodes
from pipeline.datasets._shared.folder import require
from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError

ACTION = 100.0  # px in an action of 1
FPS = 10
SPLITS = ("train", "val")
LENGTHS = "seq_lengths.pkl"


class Options(DatasetOptions):
    """Where the set lies and how models are fed from it."""


def build(options: Options) -> "PushT":
    """The layout's reader and writer."""
    return PushT()


class PushT:
    """See `pipeline.datasets.Dataset`."""

    interval = 5

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write at least two episodes, the first nine tenths of them to train/."""
        rows: dict[str, list[NDArray[np.float64]]] = {}
        shapes: list[str] = []
        for split in SPLITS:
            (raw / split / "obses").mkdir(parents=True)
        for index, episode in enumerate(episodes):
            _video(raw, "train", index).write_bytes(_encoded(episode))
            for name, row in _rows(episode).items():
                rows.setdefault(name, []).append(row)
            # One object for equal shapes: pickle refers to the first, so bytes stay the same.
            shapes.append(sys.intern(str(episode.meta["shape"])))
        train = max(1, len(shapes) * 9 // 10)
        assert train < len(shapes)
        for index in range(train, len(shapes)):
            _video(raw, "train", index).rename(_video(raw, "val", index - train))
        for split, part in zip(SPLITS, (slice(train), slice(train, None)), strict=True):
            _tables.write(raw / split, {name: row[part] for name, row in rows.items()}, LENGTHS)
            if set(shapes[part]) != {"T"}:
                _pickles.save_plain(raw / split / "shapes.pkl", shapes[part])

    def open(self, raw: Path) -> Source:
        """Map the tables of both splits; videos stay on disk until an episode is indexed."""
        require(raw, "pusht")
        return PushTEpisodes(raw)


class PushTEpisodes(Episodes):
    """The episodes of train/, then those of val/."""

    def __init__(self, raw: Path) -> None:
        """Map every table and check that they agree."""
        self.raw = raw
        self.tables = [_read_tables(raw / split) for split in SPLITS]
        self.shapes = [
            _read_shapes(raw / split / "shapes.pkl", len(tables))
            for split, tables in zip(SPLITS, self.tables, strict=True)
        ]
        train, total = len(self.tables[0]), len(self)
        self.split = OfficialSplit(list(range(train)), list(range(train, total)))

    def __reduce__(self) -> tuple[type["PushTEpisodes"], tuple[Path]]:
        """Pickle what is opened, not its tables."""
        return PushTEpisodes, (self.raw,)

    def __len__(self) -> int:
        """Number of episodes of both splits."""
        return sum(len(tables) for tables in self.tables)

    def key(self, index: int) -> str:
        """Name of an episode, such as val_episode_007."""
        split, row = self._place(index)
        return f"{SPLITS[split]}_{_video(self.raw, SPLITS[split], row).stem}"

    def read(self, index: int) -> Episode:
        """Decode the video of an episode, as far as its rows go."""
        split, row = self._place(index)
        tables, path = self.tables[split], _video(self.raw, SPLITS[split], row)
        if not path.is_file():
            raise DataError(f"{path}: no such file; fetch it again")
        states = tables.row("states", row).astype(np.float64)
        states[:, 4] %= 2 * np.pi
        if "velocities" in tables.arrays:
            states = np.concatenate([states, tables.row("velocities", row)], axis=1)
        actions = tables.row("rel_actions", row).astype(np.float64) / ACTION
        content = path.read_bytes()
        return Episode(
            key=self.key(index),
            frames=video.decode(content, str(path), len(states)),
            actions=actions.astype(np.float32),
            states=states.astype(np.float32),
            meta={"shape": self.shapes[split][row]},
            video=content,
        )

    def _place(self, index: int) -> tuple[int, int]:
        """Number of the split that has an episode, and its row there."""
        train = len(self.tables[0])
        return (0, index) if index < train else (1, index - train)


def _video(raw: Path, split: str, row: int) -> Path:
    return raw / split / "obses" / f"episode_{row:03d}.mp4"


def _read_tables(folder: Path) -> _tables.Tables:
    shapes: dict[str, tuple[int, ...]] = {"states": (5,), "rel_actions": (2,)}
    if (folder / "velocities.pth").is_file():
        shapes["velocities"] = (2,)
    return _tables.read(folder, "pusht", shapes, LENGTHS)


def _read_shapes(path: Path, count: int) -> list[str]:
    if not path.is_file():
        return ["T"] * count
    shapes = _pickles.load_plain(path)
    if not isinstance(shapes, list) or not all(isinstance(shape, str) for shape in shapes):
        raise DataError(f"{path}: holds no list of names; fetch it again")
    if len(shapes) != count:
        raise DataError(f"{path}: holds {len(shapes)} shapes for {count} episodes; fetch it again")
    return shapes


def _encoded(episode: Episode) -> bytes:
    height, width = episode.frames.shape[1:3]
    if height % 2 or width % 2:
        raise DataError(
            f"episode {episode.key}: frames are {height} x {width}, but the videos of this layout "
            "have even sides; change worlds.pusht.size"
        )
    return video.encode(episode.frames, FPS, video.H264)


def _rows(episode: Episode) -> dict[str, NDArray[np.float64]]:
    """Rows of the tables; in float64, which holds 100 times a float32 exactly."""
    states, actions = episode.states.astype(np.float64), ACTION * episode.actions.astype(np.float64)
    return {
        "states": states[:, :5],
        "velocities": states[:, 5:],
        "rel_actions": actions,
        "abs_actions": states[:, :2] + actions,
    }
