"""A recording: videos, actions, and an episode of a data set of your own."""

import io
import shlex
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline import stage
from pipeline.episodes import video
from pipeline.episodes.cameras import Cameras
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError, machine_fault
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format
from pipeline.formats.video_csv import written
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.playable import Start
from pipeline.tools.play.sources import Paths

FORMAT = Format()
"""Of recording.json; a change that earlier files do not go with needs a migration."""
CARD, IMAGINED, REAL, ACTIONS = "recording.json", "imagined.mp4", "real.mp4", "actions.csv"
EPISODES = "episodes"
"""Beside the recordings: the data set, of format `video_csv`, that each adds an episode to."""
LARGEST = 2**28
"""Bytes of frames that a recording holds, those of the simulator's every step included."""
Film = Callable[[NDArray[np.float32]], tuple[NDArray[np.uint8], Cameras | None]]
"""States [N, S] to the simulator's frames [N, H, W, 3] and their cameras."""
_WRITING = threading.Lock()
"""Sessions add to the same data set."""


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
        threads: of torch; another number of them may change the last bit of a colour.
        fps: frames a second of the videos.
        repeat: the command that generates the same frames; None if there is no latent cache, which
            it needs, the steps changed on the way, or the dream was taken over.
    """

    model: str
    episode: str
    start: int
    history: int
    seed: int
    steps: list[int]
    interval: int
    threads: int
    fps: int
    repeat: str | None


@dataclass
class Recording:
    """What happens from a start on.

    Attributes:
        name: of its folder and of its episode.
        start: where it begins.
        seed: of the noise.
        first: the frame of the start, as it is decoded.
        first_real: that of the simulator; None without one.
        repeatable: whether there is a latent cache, and the dream was never taken over.
        imagined: frames of the dream.
        real: frames of the simulator; none without one.
        actions: [interval, A] that led to each frame.
        states: [interval, S] of the simulator on the way to each frame.
        steps: denoising steps of each frame.
        times: at which each frame came, in seconds.
    """

    name: str
    start: Start
    seed: int
    first: Frame
    first_real: Frame | None
    repeatable: bool
    imagined: list[Frame] = field(default_factory=list)
    real: list[Frame] = field(default_factory=list)
    actions: list[Tensor] = field(default_factory=list)
    states: list[NDArray[np.float32]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def add(
        self,
        actions: Tensor,
        steps: int,
        imagined: Frame,
        real: Frame | None,
        states: NDArray[np.float32] | None,
    ) -> None:
        """The next frame, and what led to it."""
        self.times.append(time.monotonic())
        self.actions.append(actions)
        self.steps.append(steps)
        self.imagined.append(imagined)
        if real is not None and states is not None:
            self.real.append(real)
            self.states.append(states)

    @property
    def fps(self) -> int:
        """Frames a second of its videos: the pace at which they came."""
        apart = np.diff(self.times)
        return int(np.clip(np.round(1 / np.median(apart)), 1, 60)) if len(apart) else 10

    @property
    def full(self) -> bool:
        """Whether it holds as much as it may."""
        each = self.first.nbytes
        if self.real:
            each += self.real[0].nbytes + len(self.states[0]) * self.start.episode.frames[0].nbytes
        return (len(self.imagined) + 1) * each > LARGEST

    def write(self, folder: Path, paths: Paths, film: Film | None) -> Path:
        """Write FOLDER/NAME, and add an episode to the data set FOLDER/episodes.

        Args:
            folder: of all recordings.
            paths: of the model, for the command that repeats it.
            film: None without a simulator.

        Raises:
            DataError: the folder cannot be written to.
        """
        out = folder / self.name
        rows = np.concatenate([chunk.numpy() for chunk in self.actions])
        episode = self._episode(rows, film)
        try:
            with _WRITING:
                written.add(episode, folder / EPISODES)
                with stage.output(out) as partial:
                    self._write(partial, rows, self._card(paths, out))
        except OSError as error:
            raise DataError(f"{out}: {machine_fault(error) or error}") from None
        return out

    def _write(self, partial: Path, rows: NDArray[np.float32], card: RecordingCard) -> None:
        partial.mkdir()
        _write_video(partial / IMAGINED, [self.first, *self.imagined], self.fps)
        if self.first_real is not None:
            _write_video(partial / REAL, [self.first_real, *self.real], self.fps)
        np.savetxt(partial / ACTIONS, rows, fmt="%.9g", delimiter=",")  # exact: float32
        (partial / CARD).write_text(FORMAT.text(card))

    def _episode(self, rows: NDArray[np.float32], film: Film | None) -> Episode:
        """What happened, step by step in the simulator; else frame by frame in the dream.

        The last frame is left out, as nothing was done at it.
        """
        if film is None:
            frames = np.stack([self.first, *self.imagined[:-1]])
            by_frame = rows.reshape(len(frames), -1)
            return Episode(self.name, frames, by_frame, np.zeros((len(frames), 0), np.float32), {})
        states = np.concatenate([self.start.state[None], *self.states])[:-1]
        shown, cameras = film(states)
        meta = self.start.episode.meta
        return Episode(self.name, shown, rows, states, meta, cameras=cameras)

    def _card(self, paths: Paths, out: Path) -> RecordingCard:
        history, threads = len(self.start.history), torch.get_num_threads()
        words = ["wm", "rollout", *map(str, (paths.folder, paths.latents, f"{out}_again"))]
        words += ["--shards", str(paths.shards), "--params", str(paths.params)]
        words += ["--episode", self.start.episode.key, "--start", str(self.start.first_step)]
        words += ["--history", str(history), "--seed", str(self.seed)]
        words += ["--steps", str(self.steps[0]), "--actions", str(out / ACTIONS)]
        same = self.repeatable and len(set(self.steps)) == 1
        return RecordingCard(
            model=str(paths.folder),
            episode=self.start.episode.key,
            start=self.start.first_step,
            history=history,
            seed=self.seed,
            steps=self.steps,
            interval=len(self.actions[0]),
            threads=threads,
            fps=self.fps,
            repeat=f"OMP_NUM_THREADS={threads} {shlex.join(words)}" if same else None,
        )


def zipped(recording: Path) -> bytes:
    """A zip of a recording that was written, with a data set of its episode alone."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, TemporaryDirectory() as place:
        written.copy(recording.name, recording.parent / EPISODES, Path(place, EPISODES))
        for root in (recording, Path(place)):
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    archive.write(path, Path(recording.name) / path.relative_to(root))
    return file.getvalue()


def _write_video(path: Path, frames: list[Frame], fps: int) -> None:
    """An mp4 that browsers play, whose sides are even: an odd one gets its last line twice."""
    with path.open("wb") as file, video.writer(file, fps, video.H264) as write:
        for frame in frames:
            odd = [(0, side % 2) for side in frame.shape[:2]]
            write(np.pad(frame, [*odd, (0, 0)], mode="edge"))
