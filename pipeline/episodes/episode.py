"""One recorded trajectory: frames, actions and states."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras
from pipeline.errors import DataError

Meta = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Episode:
    """One trajectory; actions[t] is applied at frames[t] and leads to frames[t + 1].

    Attributes:
        key: name, unique within a data set.
        frames: uint8 [T, H, W, 3] RGB.
        actions: float32 [T, A] in the world's units; the last one leads past the last frame.
        states: float32 [T, S] in the world's units, for planning goals and scores only; S is 0
            where a data set has none.
        meta: what a simulator needs to restore this episode (door position, block shape, ...).
        video: content of the video file that the frames were decoded from, None if they were not;
            it may hold more frames.
        cameras: of the frames, where a world or a data set knows them.

    Raises:
        DataError: a shape or dtype is wrong, lengths differ, or a value is not finite.
    """

    key: str
    frames: NDArray[np.uint8]
    actions: NDArray[np.float32]
    states: NDArray[np.float32]
    meta: Meta
    video: bytes | None = None
    cameras: Cameras | None = None

    def __post_init__(self) -> None:
        """Validate shapes, dtypes and values once, where the data enters."""
        pixels = self.frames.ndim == 4 and self.frames.shape[-1] == 3 and self.frames.size > 0
        if self.frames.dtype != np.uint8 or not pixels:
            raise DataError(
                f"episode {self.key}: frames are {self.frames.dtype} {self.frames.shape}, "
                "expected uint8 [T, H, W, 3]"
            )
        for name, values in (("actions", self.actions), ("states", self.states)):
            if values.dtype != np.float32 or values.ndim != 2:
                raise DataError(
                    f"episode {self.key}: {name} are {values.dtype} {values.shape}, "
                    "expected float32 [T, dim]"
                )
            if len(values) != len(self.frames):
                raise DataError(
                    f"episode {self.key}: {len(values)} {name} but {len(self.frames)} frames"
                )
            if not np.isfinite(values).all():
                raise DataError(f"episode {self.key}: {name} hold NaN or infinity")
        if self.cameras is not None:
            self._check_cameras(self.cameras)

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.frames)

    def _check_cameras(self, cameras: Cameras) -> None:
        if len(cameras) != len(self.frames):
            raise DataError(
                f"episode {self.key}: {len(cameras)} cameras but {len(self.frames)} frames"
            )
        if cameras.depth is not None and cameras.depth.shape != self.frames.shape[:3]:
            raise DataError(
                f"episode {self.key}: depth is {cameras.depth.shape}, frames are "
                f"{self.frames.shape[:3]}"
            )
