"""Timing the encoding of frames: our runner against the plain call of diffusers."""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.bench.machine import describe
from pipeline.bench.rates import Rates, rates
from pipeline.bench.timing import interleaved
from pipeline.encode import Execution
from pipeline.encode.runner import Runner
from pipeline.encoders import sd_vae
from pipeline.encoders._pretrained import Weights
from pipeline.latents import Precision
from pipeline.torchvision_shim import make_importable
from pipeline.view import View

PLAIN = "diffusers, float32"
BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 5e-2}
"""Largest scaled difference from the plain call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which frames pass through an autoencoder of Stable Diffusion's architecture."""

    size: int
    """Side of a frame in pixels."""
    batch: int
    batches: int
    """Encoded in a run."""
    channels: tuple[int, ...]
    """Widths of the autoencoder."""
    repeats: int
    compiled: bool
    """Whether ours are compiled; diffusers' is called as it is."""


def run(setting: Setting, device: torch.device) -> Rates:
    """Encode the same recorded frames in every way, by turns.

    Raises:
        AssertionError: posteriors differ.
    """
    works = variants(setting, device)
    answers = {name: torch.cat(work()) for name, work in works.items()}
    truth, difference = answers.pop(PLAIN), {}
    for (name, answer), bound in zip(answers.items(), BOUNDS.values(), strict=True):
        difference[name] = float((answer - truth).abs().max() / truth.abs().max())
        assert difference[name] <= bound, f"{name}: differs by {difference[name]:.1e}"
    counts = dict.fromkeys(works, setting.batch * setting.batches)
    found = rates(interleaved(works, setting.repeats, device), counts)
    return Rates("encode", "frames", setting, describe(device), difference, found)


def variants(setting: Setting, device: torch.device) -> dict[str, Callable[[], list[Tensor]]]:
    """Ways of encoding by name, diffusers' first: each gives means and spreads [2, B, C, h, w]."""
    rng = np.random.default_rng(0)
    shape = (setting.batch, setting.size, setting.size, 3)
    recorded = [rng.integers(256, size=shape, dtype=np.uint8) for _ in range(setting.batches)]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), setting)
        weights = Weights(source=folder, file=None, revision=None, sha256=None)
        sized = torch.zeros(1, 3, setting.size, setting.size)
        encoder = sd_vae.fit(sized, sd_vae.Options(weights=weights), seed=0)
    plain = copy.deepcopy(encoder.vae).to(device)
    plain.disable_slicing()
    works: dict[str, Callable[[], list[Tensor]]] = {PLAIN: partial(_plain, plain, recorded, device)}
    view = View(height=setting.size, width=setting.size, antialias=True)
    for precision in BOUNDS:
        options = Execution(precision=precision, compile=setting.compiled)
        runner = Runner(encoder, device, options)
        works[f"ours, {precision}"] = partial(_ours, runner, recorded, view)
    return works


def _plain(vae: Any, recorded: list[NDArray[np.uint8]], device: torch.device) -> list[Tensor]:
    found = []
    for frames in recorded:
        pixels = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            posterior = vae.encode(pixels).latent_dist
        found.append(torch.stack([posterior.mean, posterior.std]).cpu())
    return found


def _ours(runner: Runner, recorded: list[NDArray[np.uint8]], view: View) -> list[Tensor]:
    raws = runner.run(view.of(frames) for frames in recorded)
    return [torch.stack([raw.mean, raw.std]) for raw in raws if raw.std is not None]


def _write(folder: Path, setting: Setting) -> None:
    """An autoencoder with random weights in Stable Diffusion's architecture."""
    make_importable()
    from diffusers import AutoencoderKL

    levels = len(setting.channels)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # diffusers initialises from the global generator
        vae: Any = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=setting.channels,
            layers_per_block=2,
            latent_channels=4,
            sample_size=setting.size,
        )
    vae.save_pretrained(folder)
