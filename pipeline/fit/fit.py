"""Frames for fitting an encoder, and how well the fitted one gives frames back."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import shards
from pipeline.encoders import Encoder, to_tensor
from pipeline.image_metrics import psnr


def sample_frames(folder: Path, split: shards.Split, count: int, stride: int) -> NDArray[np.uint8]:
    """At most `count` frames [N, H, W, 3]: every `stride`-th one, episode after episode."""
    taken: list[NDArray[np.uint8]] = []
    for episode in shards.read(folder, split):
        taken.append(episode.frames[::stride])
        if sum(map(len, taken)) >= count:
            break
    return np.concatenate(taken)[:count]


def reconstruction_psnr(encoder: Encoder, frames: NDArray[np.uint8], batch: int = 64) -> float:
    """Mean PSNR in dB of decoded against true frames [N, H, W, 3], in 8-bit pixels."""
    values = []
    for start in range(0, len(frames), batch):
        truth = to_tensor(frames[start : start + batch])
        values.append(psnr(encoder.decode(encoder.encode(truth).mean), truth))
    return float(torch.cat(values).mean())
