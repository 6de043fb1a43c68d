"""A recording: videos, actions, and an episode of a data set of your own."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline import stage
from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format
from pipeline.formats.video_csv.written import write as write_episodes
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.playable import Paths, Start

FORMAT = Format()
"""Of recording.json; a change that earlier files do not go with needs a migration."""
CARD = "recording.json"
EPISODES = "episodes"
"""Folder in a recording with the data set of its episode, of format `video_csv`."""
LARGEST = 2**28
"""Bytes of frames that a recording holds."""
Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""States [N, S] to the simulator's frames [N, H, W, 3]."""


class RecordingCard(FileModel):
    """recording.json: what was played, and how.

    Attributes:
        model: folder of the model.
        episode: key of the validation episode that it began in.
        start: environment step in it of the first frame that was given.
        history: frames that were given.
        seed: of the noise.
        steps: denoising steps of each generated frame.
        interval: environment steps, and rows of actions.csv, from frame to frame.
        fps: frames a second of the videos.
        repeat: the command that generates the same frames; None if the steps changed on the way, or
            the dream was taken over.
    """

    model: str
    episode: str
    start: int
    history: int
    seed: int
    steps: list[int]
    interval: int
    fps: int
    repeat: str | None


@dataclass
class Recording:
    """What happens from a start on.

    Attributes:
        name: of its folder and of its episode.
        start: where it begins.
        seed: of the noise.
        fps: of its videos.
        imagined: frames of the dream, that of the start first.
        real: frames of the simulator, that of the start first; none without one.
        actions: [interval, A] from each frame to the next.
        states: [interval, S] of the simulator after each of them.
        steps: denoising steps of each generated frame.
        repeatable: whether the dream was never taken over.
    """

    name: str
    start: Start
    seed: int
    fps: int
    imagined: list[Frame]
    real: list[Frame]
    actions: list[Tensor] = field(default_factory=list)
    states: list[NDArray[np.float32]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    repeatable: bool = True

    @property
    def full(self) -> bool:
        """Whether it holds as much as it may."""
        each = self.imagined[0].nbytes + sum(frame.nbytes for frame in self.real[:1])
        return (len(self.imagined) + 1) * each > LARGEST

    def write(self, folder: Path, paths: Paths, draw: Draw | None) -> Path:
        """Write FOLDER/NAME.

        Args:
            folder: of all recordings.
            paths: of the model, for the command that repeats it.
            draw: None without a simulator.
        """
        out = folder / self.name
        rows = np.concatenate([chunk.numpy() for chunk in self.actions])
        with stage.output(out) as partial:
            partial.mkdir(parents=True)
            _write_video(partial / "imagined.mp4", self.imagined, self.fps)
            if self.real:
                _write_video(partial / "real.mp4", self.real, self.fps)
            np.savetxt(partial / "actions.csv", rows, fmt="%.9g", delimiter=",")  # exact: float32
            write_episodes([self._episode(rows, draw)], partial / EPISODES)
            (partial / CARD).write_text(FORMAT.text(self._card(paths, out)))
        return out

    def _episode(self, rows: NDArray[np.float32], draw: Draw | None) -> Episode:
        """What happened, step by step in the simulator; else frame by frame in the dream.

        The last frame is left out, as nothing was done at it.
        """
        if draw is None:
            by_frame = rows.reshape(len(self.actions), -1)
            frames = np.stack(self.imagined[:-1])
            states = np.zeros((len(frames), 0), np.float32)
            return Episode(self.name, frames, by_frame, states, {})
        states = np.concatenate([self.start.state[None], *self.states])[:-1]
        return Episode(self.name, draw(states), rows, states, self.start.episode.meta)

    def _card(self, paths: Paths, out: Path) -> RecordingCard:
        history, interval = len(self.start.history), len(self.actions[0])
        start = self.start.step - (history - 1) * interval
        words = ["wm", "rollout", *map(str, (paths.folder, paths.latents, f"{out}_again"))]
        words += ["--shards", str(paths.shards), "--episode", self.start.episode.key]
        words += ["--start", str(start), "--history", str(history), "--seed", str(self.seed)]
        words += ["--steps", str(self.steps[0]), "--actions", str(out / "actions.csv")]
        same = self.repeatable and len(set(self.steps)) == 1
        return RecordingCard(
            model=str(paths.folder),
            episode=self.start.episode.key,
            start=start,
            history=history,
            seed=self.seed,
            steps=self.steps,
            interval=interval,
            fps=self.fps,
            repeat=shlex.join(words) if same else None,
        )


def _write_video(path: Path, frames: list[Frame], fps: int) -> None:
    """An mp4 that browsers play, whose sides are even: an odd one gets its last line twice."""
    with path.open("wb") as file, video.writer(file, fps, video.H264) as write:
        for frame in frames:
            odd = [(0, side % 2) for side in frame.shape[:2]]
            write(np.pad(frame, [*odd, (0, 0)], mode="edge"))
