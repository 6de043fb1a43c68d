"""DINO-WM's `pusht_noise` layout: videos of different lengths in a train and a val folder.

Each of train/ and val/ holds states.pth [N, T, 5] (agent x, y, block x, y in px of a 512 x 512
world, block angle in radians), velocities.pth [N, T, 2] (of the agent, px/s), rel_actions.pth
(target minus agent) and abs_actions.pth (target) [N, T, 2] in px, seq_lengths.pkl (or .pth),
shapes.pkl unless every block is a T, and obses/episode_000.mp4, which may hold more frames.

An Episode has states [T, 7], the velocities last, and actions in units of 100 px. A data set
without velocities.pth has states [T, 5]: enough to train on, too little to restore a simulator.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import DatasetOptions, Detected, OfficialSplit, Source
from pipeline.formats._shared import pickles, tables
from pipeline.formats._shared.dino_wm import FolderSource
from pipeline.formats._shared.folder import require

ACTION_UNIT = 100.0  # px
FPS = 10
SPLITS = ("train", "val")
LENGTHS = "seq_lengths.pkl"


class Options(DatasetOptions):
    """The options of every data set."""


def build(options: Options) -> "PushT":
    """The format's reader and writer."""
    return PushT()


def detect(folder: Path) -> Detected | None:
    """Videos and tables, each in two folders."""
    if all((folder / split / "rel_actions.pth").is_file() for split in SPLITS):
        return Detected("DINO-WM pusht_noise")
    return None


class PushT:
    """The PushT data set; a `pipeline.formats.WritableFormat`."""

    interval = 5

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write two episodes or more, the first nine tenths of them to train/."""
        rows: dict[str, list[NDArray[np.float64]]] = {}
        shapes: list[str] = []
        for split in SPLITS:
            (raw / split / "obses").mkdir(parents=True)
        for index, episode in enumerate(episodes):
            _video(raw, "train", index).write_bytes(_encoded(episode))
            for name, row in _rows(episode).items():
                rows.setdefault(name, []).append(row)
            # Interned, because pickle memoises by identity and the bytes must be reproducible.
            shapes.append(sys.intern(str(episode.meta["shape"])))
        train = max(1, len(shapes) * 9 // 10)
        assert train < len(shapes)
        for index in range(train, len(shapes)):
            _video(raw, "train", index).rename(_video(raw, "val", index - train))
        for split, chunk in zip(SPLITS, (slice(train), slice(train, None)), strict=True):
            tables.write(raw / split, {name: row[chunk] for name, row in rows.items()}, LENGTHS)
            if set(shapes[chunk]) != {"T"}:
                pickles.save_plain(raw / split / "shapes.pkl", shapes[chunk])

    def open(self, raw: Path) -> Source:
        """Memory-map the tables of both splits; no video is decoded until an episode is indexed."""
        require(raw, "pusht")
        return PushTSource(raw)


class PushTSource(FolderSource):
    """The episodes of train/, then those of val/."""

    def __init__(self, raw: Path) -> None:
        """Memory-map every table and check that they agree."""
        self.raw = raw
        self.tables = [_read_tables(raw / split) for split in SPLITS]
        self.shapes = [
            _read_shapes(raw / split / "shapes.pkl", len(rows))
            for split, rows in zip(SPLITS, self.tables, strict=True)
        ]
        train, total = len(self.tables[0]), len(self)
        self.split = OfficialSplit(list(range(train)), list(range(train, total)))

    def __reduce__(self) -> tuple[type["PushTSource"], tuple[Path]]:
        """Pickle the folder, not its tables."""
        return PushTSource, (self.raw,)

    def __len__(self) -> int:
        """Number of episodes of both splits."""
        return sum(len(rows) for rows in self.tables)

    def key(self, index: int) -> str:
        """Name of an episode, such as val_episode_007."""
        split, row = self._locate(index)
        return f"{SPLITS[split]}_{_video(self.raw, SPLITS[split], row).stem}"

    def read(self, index: int) -> Episode:
        """Decode as many frames of an episode's video as it has steps."""
        split, row = self._locate(index)
        split_tables, path = self.tables[split], _video(self.raw, SPLITS[split], row)
        if not path.is_file():
            raise DataError(f"{path}: no such file; fetch it again")
        states = split_tables.row("states", row).astype(np.float64)
        states[:, 4] %= 2 * np.pi
        if "velocities" in split_tables.arrays:
            states = np.concatenate([states, split_tables.row("velocities", row)], axis=1)
        actions = split_tables.row("rel_actions", row).astype(np.float64) / ACTION_UNIT
        content = path.read_bytes()
        return Episode(
            key=self.key(index),
            frames=video.decode(content, str(path), len(states)),
            actions=actions.astype(np.float32),
            states=states.astype(np.float32),
            meta={"shape": self.shapes[split][row]},
            video=content,
        )

    def _locate(self, index: int) -> tuple[int, int]:
        """Index into SPLITS of the split that has an episode, and the episode's row in it."""
        train = len(self.tables[0])
        return (0, index) if index < train else (1, index - train)


def _video(raw: Path, split: str, row: int) -> Path:
    return raw / split / "obses" / f"episode_{row:03d}.mp4"


def _read_tables(folder: Path) -> tables.Tables:
    shapes: dict[str, tuple[int, ...]] = {"states": (5,), "rel_actions": (2,)}
    if (folder / "velocities.pth").is_file():
        shapes["velocities"] = (2,)
    return tables.read(folder, "pusht", shapes, LENGTHS)


def _read_shapes(path: Path, count: int) -> list[str]:
    if not path.is_file():
        return ["T"] * count
    shapes = pickles.load_plain(path)
    if not isinstance(shapes, list) or not all(isinstance(shape, str) for shape in shapes):
        raise DataError(f"{path}: holds no list of names; fetch it again")
    if len(shapes) != count:
        raise DataError(f"{path}: holds {len(shapes)} shapes for {count} episodes; fetch it again")
    return shapes


def _encoded(episode: Episode) -> bytes:
    height, width = episode.frames.shape[1:3]
    if height % 2 or width % 2:
        raise DataError(
            f"episode {episode.key}: frames are {height} x {width}, but H.264 in yuv420p "
            "needs even sides; change worlds.pusht.size"
        )
    return video.encode(episode.frames, FPS, video.H264)


def _rows(episode: Episode) -> dict[str, NDArray[np.float64]]:
    """Rows of the tables in float64, so that 100 times a float32 is exact."""
    states = episode.states.astype(np.float64)
    actions = ACTION_UNIT * episode.actions.astype(np.float64)
    return {
        "states": states[:, :5],
        "velocities": states[:, 5:],
        "rel_actions": actions,
        "abs_actions": states[:, :2] + actions,
    }
