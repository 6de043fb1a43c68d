"""Time the encoding of frames: our runner against a plain call of the network's library."""

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
from pipeline.tools.bench.encode_cases import build_case
from pipeline.tools.bench.rates import Rates, rates
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 5e-2}
"""Largest relative difference from the plain call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The frames, and the architecture, with random weights, that encodes them."""

    encoder: str
    """`sd_vae`, against diffusers, or `web_dino`, against transformers."""
    size: int
    """Side of a frame in pixels."""
    batch: int
    batches: int
    """Batches a run."""
    widths: tuple[int, ...]
    """As in `pipeline.tools.bench.encode_cases.PUBLISHED`."""
    repeats: int
    compiled: Mode
    """torch.compile mode of ours; the library's network is not compiled."""


def run(setting: Setting, device: torch.device) -> Rates:
    """Encode the same frames in every way, in turn.

    Raises:
        AssertionError: latents differ.
    """
    works = variants(setting, device)
    (plain, reference), *others = ((name, torch.cat(work())) for name, work in works.items())
    difference = {}
    for (name, latents), bound in zip(others, BOUNDS.values(), strict=True):
        difference[name] = float((latents - reference).abs().max() / reference.abs().max())
        assert difference[name] <= bound, f"{name}: differs from {plain} by {difference[name]:.1e}"
    counts = dict.fromkeys(works, setting.batch * setting.batches)
    figures = rates(interleaved(works, setting.repeats, device), counts)
    return Rates("encode", "frames", setting, describe(device), difference, figures)


def variants(setting: Setting, device: torch.device) -> dict[str, Callable[[], list[Tensor]]]:
    """Ways of encoding by name, the library's first; each returns latents [B, ...] a batch."""
    rng = np.random.default_rng(0)
    shape = (setting.batch, setting.size, setting.size, 3)
    batches = [rng.integers(256, size=shape, dtype=np.uint8) for _ in range(setting.batches)]
    case = build_case(setting.encoder, setting.size, setting.widths)
    works: dict[str, Callable[[], list[Tensor]]] = {
        f"{case.library}, float32": partial(_plain, case.on(device), batches)
    }
    view = Preprocessing(height=setting.size, width=setting.size, antialias=True)
    for precision in BOUNDS:
        options = Execution(precision=precision, compile=setting.compiled)
        runner = Runner(case.encoder, device, options)
        works[f"ours, {precision}"] = partial(_ours, runner, batches, view)
    return works


def _plain(call: Callable[[Tensor], Tensor], batches: list[NDArray[np.uint8]]) -> list[Tensor]:
    return [call(torch.from_numpy(frames).permute(0, 3, 1, 2)) for frames in batches]


def _ours(runner: Runner, batches: list[NDArray[np.uint8]], view: Preprocessing) -> list[Tensor]:
    raws = runner.run(view.apply(frames) for frames in batches)
    return [raw.mean if raw.std is None else torch.stack([raw.mean, raw.std], 1) for raw in raws]
