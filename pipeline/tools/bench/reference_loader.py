"""Load a clip as the reference's data set does at every training step.

It opens the episode's file, reads the frames of the clip, and resizes them to 256 x 256 in -1..1
 (world_model_dataset.py, `_load_slice`, and `load_visual_frames` of each data source). Where
it decodes by decord, or by lerobot a frame at a time, we decode once by PyAV, in one thread.
"""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.episodes.episode import Episode
from pipeline.episodes.resize import resize
from pipeline.errors import DataError
from pipeline.formats import Source
from pipeline.formats.csgo import CsgoSource
from pipeline.weights.pickled_arrays import ARRAYS, PickledArray

SIDE = 256
TENSORS = {
    "granular": ("{:06d}/obses.pth", False),
    "point_maze": ("obses/episode_{:03d}.pth", False),
    "rope": ("{:06d}/obses.pth", False),
    "wall": ("obses/episode_{:03d}.pth", True),
}
"""File of an episode's frames in DINO-WM's sets of tensors, and whether channels come first."""

Frames = Callable[[Sequence[int]], Tensor]
"""The frames of one episode at some rising indices, [T, 3, H, W] in 0..255, from its file."""


def clip(frames: Frames, indices: Sequence[int]) -> Tensor:
    """A clip as the reference trains on it: float32 [T, 3, SIDE, SIDE] in -1..1."""
    return resize(frames(indices), (SIDE, SIDE)) * 2 - 1


def frames_of(source: Source, dataset: str, raw: Path, index: int, episode: Episode) -> Frames:
    """How the reference reads the frames of one episode.

    Args:
        source: the data set as our reader opens it.
        dataset: a name among `pipeline.formats`.
        raw: folder of the published files.
        index: of the episode in `source`.
        episode: as our reader gives it.

    Raises:
        DataError: its frames lie in no file of their own that the reference would read.
    """
    if episode.video is not None:
        return partial(_video, episode.video)
    if dataset in TENSORS and (path := raw / TENSORS[dataset][0].format(index)).is_file():
        return partial(_tensors, path, TENSORS[dataset][1])
    if isinstance(source, CsgoSource):
        return partial(_recording, source.paths[source.numbers[index]])
    raise DataError(
        f"episode {episode.key}: its frames are in no .pth, HDF5 or video file of their own; "
        "time another data set"
    )


def _tensors(path: Path, channels_first: bool, indices: Sequence[int]) -> Tensor:
    """Frames of a clip; the whole file is read, as by the reference."""
    with torch.serialization.safe_globals(ARRAYS):
        stored = torch.load(path, map_location="cpu", weights_only=True)
    episode = torch.from_numpy(stored.values) if isinstance(stored, PickledArray) else stored
    frames: Tensor = episode[list(indices)]
    return frames if channels_first else frames.permute(0, 3, 1, 2)


def _recording(path: Path, indices: Sequence[int]) -> Tensor:
    """Frames of a clip; each is an HDF5 array [H, W, 3] in BGR."""
    import h5py

    with h5py.File(path, "r") as file:
        stored = [torch.from_numpy(file[f"frame_{index}_x"][:]) for index in indices]
    return torch.stack(stored).flip(3).permute(0, 3, 1, 2)


def _video(content: bytes, indices: Sequence[int]) -> Tensor:
    """Frames of a clip, decoded from the last keyframe; packets are indexed first, as by decord.

    The file is in memory already, so reading it is not timed.
    """
    import av

    decoded = {}
    with av.open(io.BytesIO(content), "r") as container:
        track = container.streams.video[0]
        track.thread_type = "NONE"
        times = sorted(p.pts for p in container.demux(track) if p.pts is not None)
        pts = [times[index] for index in indices]
        container.seek(pts[0], stream=track)
        for frame in container.decode(track):
            if frame.pts in pts:
                decoded[frame.pts] = frame.to_ndarray(format="rgb24")
            if len(decoded) == len(pts):
                break
    return torch.from_numpy(np.stack([decoded[time] for time in pts])).permute(0, 3, 1, 2)
