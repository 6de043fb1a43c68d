"""The files of a rollout: videos that a browser plays, images, actions and states."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.cameras import to_arrays
from pipeline.episodes.resize import Preprocessing, resize
from pipeline.errors import DataError
from pipeline.files.npy import npz_bytes
from pipeline.rollout.clips import Clip, Frame

GAP = 2
"""White columns between two panels of a comparison."""
CAMERAS = "cameras.npz"
"""After NAME_, where cameras are known: those of the true frames, for their recorded size."""
GENERATED, TRUTH, COMPARISON = "generated", "truth", "comparison"


@dataclass(frozen=True, slots=True)
class Form:
    """What is written of each clip.

    Attributes:
        fps: frames per second of the videos.
        native: whether frames have the size in which they were recorded, not the model's.
        videos: whether videos are written.
        images: whether frames are written as PNG.
    """

    fps: int
    native: bool
    videos: bool
    images: bool

    def check(self, size: tuple[int, int]) -> None:
        """Refuse frames (height, width) that no browser plays.

        Raises:
            DataError: a side is odd.
        """
        if self.videos and (size[0] % 2 or size[1] % 2):
            raise DataError(
                f"frames of {size[0]} x {size[1]}: videos that browsers play (H.264, yuv420p) need "
                f"even sides; {'leave out --native' if self.native else 'try --native'}, or write "
                "images alone with --png --no-video"
            )


@dataclass(frozen=True, slots=True)
class Shown:
    """Brings frames of both kinds to the size in which they are written.

    Attributes:
        view: how the model sees recorded frames.
        size: height and width in which frames are written.
    """

    view: Preprocessing
    size: tuple[int, int]

    def recorded(self, frame: Frame) -> Frame:
        """A frame as it was recorded."""
        return frame if frame.shape[:2] == self.size else _rows(self.view.apply(frame[None])[0])

    def generated(self, frame: torch.Tensor) -> Frame:
        """A frame uint8 [3, H, W] of the model's size."""
        if tuple(frame.shape[1:]) == self.size:
            return _rows(frame)
        resized = resize(frame[None], self.size, antialias=True)[0]
        return _rows(resized.mul(255).round().clamp(0, 255).to(torch.uint8))


class ClipWriter:
    """Takes the frames of one clip, from the first of the history to the last generated one."""

    def __init__(self, folder: Path, name: str, form: Form, stack: ExitStack) -> None:
        """Write into `folder`, as NAME_*; what is open is closed with `stack`."""
        self.folder, self.name, self.form, self.stack = folder, name, form, stack
        self._videos: dict[str, video.Write] = {}
        self._count: dict[str, int] = {}

    def write(self, generated: Frame, truth: Frame | None) -> None:
        """The next frame of both."""
        self._add(GENERATED, generated)
        if truth is not None:
            self._add(TRUTH, truth)
            self._add(COMPARISON, compared(truth, generated))

    def _add(self, kind: str, frame: Frame) -> None:
        if self.form.videos:
            if kind not in self._videos:
                file = self.stack.enter_context(
                    (self.folder / f"{self.name}_{kind}.mp4").open("wb")
                )
                written = video.writer(file, self.form.fps, video.H264)
                self._videos[kind] = self.stack.enter_context(written)
            self._videos[kind](frame)
        if self.form.images and kind != COMPARISON:
            from PIL import Image

            number = self._count.get(kind, 0)
            self._count[kind] = number + 1
            folder = self.folder / f"{self.name}_{kind}"
            folder.mkdir(exist_ok=True)
            Image.fromarray(frame).save(folder / f"{number:06d}.png")


@contextmanager
def writers(folder: Path, clips: Sequence[Clip], form: Form) -> Iterator[list[ClipWriter]]:
    """A writer for each of some clips, with the files of their actions and states written."""
    with ExitStack() as stack:
        yield [ClipWriter(folder, name_of(clip), form, stack) for clip in clips]
    for clip in clips:
        np.save(folder / f"{name_of(clip)}_actions.npy", clip.actions.flatten(0, 1).numpy())
        if clip.states is not None:
            np.save(folder / f"{name_of(clip)}_states.npy", clip.states)
        if clip.cameras is not None:
            content = npz_bytes(to_arrays(clip.cameras))
            (folder / f"{name_of(clip)}_{CAMERAS}").write_bytes(content)


def name_of(clip: Clip) -> str:
    """NAME of a clip's files."""
    return f"clip_{clip.number:03d}"


def compared(truth: Frame, generated: Frame) -> Frame:
    """Truth, generated frame and absolute error beside each other."""
    error = np.abs(truth.astype(np.int16) - generated.astype(np.int16)).astype(np.uint8)
    gap = np.full((len(truth), GAP, 3), 255, np.uint8)
    return np.concatenate([truth, gap, generated, gap, error], 1)


def _rows(frame: torch.Tensor) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame.permute(1, 2, 0).numpy())
