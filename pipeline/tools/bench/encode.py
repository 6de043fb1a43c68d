"""Timing the encoding of frames: our runner against the plain call of the network's library."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Precision
from pipeline.encode.runner import Execution, Runner
from pipeline.episodes.resize import Preprocessing
from pipeline.tools.bench.encode_cases import made
from pipeline.tools.bench.rates import Rates, rates
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 5e-2}
"""Largest scaled difference from the plain call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which frames pass through which architecture, of random weights."""

    encoder: str
    """`sd_vae`, against diffusers, or `web_dino`, against transformers."""
    size: int
    """Side of a frame in pixels."""
    batch: int
    batches: int
    """Encoded in a run."""
    widths: tuple[int, ...]
    """As in `pipeline.tools.bench.encode_cases.PUBLISHED`."""
    repeats: int
    compiled: Mode
    """By which mode of torch.compile ours are; the library's is called as it is."""


def run(setting: Setting, device: torch.device) -> Rates:
    """Encode the same recorded frames in every way, by turns.

    Raises:
        AssertionError: latents differ.
    """
    works = variants(setting, device)
    (plain, truth), *others = ((name, torch.cat(work())) for name, work in works.items())
    difference = {}
    for (name, answer), bound in zip(others, BOUNDS.values(), strict=True):
        difference[name] = float((answer - truth).abs().max() / truth.abs().max())
        assert difference[name] <= bound, f"{name}: differs from {plain} by {difference[name]:.1e}"
    counts = dict.fromkeys(works, setting.batch * setting.batches)
    found = rates(interleaved(works, setting.repeats, device), counts)
    return Rates("encode", "frames", setting, describe(device), difference, found)


def variants(setting: Setting, device: torch.device) -> dict[str, Callable[[], list[Tensor]]]:
    """Ways of encoding by name, the library's first: each gives latents by the batch [B, ...]."""
    rng = np.random.default_rng(0)
    shape = (setting.batch, setting.size, setting.size, 3)
    recorded = [rng.integers(256, size=shape, dtype=np.uint8) for _ in range(setting.batches)]
    case = made(setting.encoder, setting.size, setting.widths)
    works: dict[str, Callable[[], list[Tensor]]] = {
        f"{case.library}, float32": partial(_plain, case.on(device), recorded)
    }
    view = Preprocessing(height=setting.size, width=setting.size, antialias=True)
    for precision in BOUNDS:
        options = Execution(precision=precision, compile=setting.compiled)
        runner = Runner(case.encoder, device, options)
        works[f"ours, {precision}"] = partial(_ours, runner, recorded, view)
    return works


def _plain(call: Callable[[Tensor], Tensor], recorded: list[NDArray[np.uint8]]) -> list[Tensor]:
    return [call(torch.from_numpy(frames).permute(0, 3, 1, 2)) for frames in recorded]


def _ours(runner: Runner, recorded: list[NDArray[np.uint8]], view: Preprocessing) -> list[Tensor]:
    raws = runner.run(view.apply(frames) for frames in recorded)
    return [raw.mean if raw.std is None else torch.stack([raw.mean, raw.std], 1) for raw in raws]
