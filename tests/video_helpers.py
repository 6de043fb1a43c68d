"""Small videos, and networks of random weights in the files of the published ones."""

import warnings
from pathlib import Path

import numpy as np
import torch

from pipeline.episodes import video


def random_i3d(module: torch.nn.Module) -> None:
    """Give every weight and statistic a value that is neither 0 nor 1."""
    generator = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith(("running_var", "bn.weight")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.ndim == 5:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        else:
            value.normal_(0, 0.1, generator=generator)


def archive(module: torch.nn.Module, path: Path) -> None:
    """Save a network of videos as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module, torch.zeros(1, 3, 10, 224, 224), check_trace=False)
        torch.jit.save(traced, str(path))


def moving(count: int, size: tuple[int, int] = (24, 32), seed: int = 0) -> np.ndarray:
    """Frames uint8 [count, H, W, 3] of noise that moves to the right."""
    base = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    base = np.repeat(np.repeat(base[::4, ::4], 4, 0), 4, 1)[: size[0], : size[1]]
    return np.stack([np.roll(base, step, 1) for step in range(count)])


def write_mp4(path: Path, frames: np.ndarray) -> Path:
    """A lossless mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video.encode(frames, 8, video.LOSSLESS))
    return path


def write_png(folder: Path, frames: np.ndarray) -> Path:
    """A folder of PNG files."""
    from PIL import Image

    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:06d}.png")
    return folder
