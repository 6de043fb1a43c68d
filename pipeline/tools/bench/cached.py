"""Time training on cached latents against training that encodes its frames at every step."""

import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.threads import threads
from pipeline.denoisers import Size
from pipeline.denoisers.nanowm import published_options
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.make import initialised
from pipeline.encode.runner import Execution, Runner
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.objectives import v
from pipeline.tools.bench import Caching
from pipeline.tools.bench.cached_data import caches
from pipeline.tools.bench.encode_cases import autoencoder, build_case
from pipeline.tools.bench.matmul import float32_matmul, peak_flops
from pipeline.tools.bench.results import Results, rows
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.bench.train import PER_FRAME
from pipeline.tools.bench.train import work as step_work
from pipeline.tools.machine import describe
from pipeline.train import Options
from pipeline.train.memory.cost import count_flops, forward_flops
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter
from pipeline.train.setup import trainer_of
from pipeline.train.trainer import Trainer

LIBRARY, IN_LOOP = "library's encoder in the loop", "our encoder in the loop"
CACHED = "cached latents"
BOUND = 2e-3
"""Largest relative difference of latents: the cache holds float16; kernels depend on the batch."""


@dataclass(frozen=True, slots=True)
class CachedResults(Results):
    """Results of the bench; `baseline_gigaflops` counts encoder and network on one window.

    Attributes:
        loss_difference: largest relative difference between the first losses of two variants.
        data_wait: share of its time that the trainer on the cache waits for data (noise included),
            as it counts itself.
    """

    loss_difference: float
    data_wait: float


def run(setting: Caching, options: Options, device: torch.device) -> CachedResults:
    """Time a training step of each variant in turn; `options` hold what the setting does not.

    Raises:
        AssertionError: latents or first losses differ.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        threads(1),
        float32_matmul(onednn=setting.onednn),
    ):
        case = build_case("sd_vae", setting.pixels, setting.widths)
        # The reference computes the network in bfloat16 and the encoder in float32.
        execution = Execution(precision="float32", compile=setting.compiled)
        runner = Runner(case.encoder, device, execution)
        stores = caches(Path(folder) / "latents.zarr", setting, case, runner)
        trainers = {
            name: trainer(cache, setting, options, device)
            for name, cache in zip((LIBRARY, IN_LOOP, CACHED), stores, strict=True)
        }
        difference = assert_close("latents", [batch(each) for each in trainers.values()])
        steps = {name: each.advance for name, each in trainers.items()}
        for step in steps.values():
            step()
        lost = assert_close("losses", [each.curve[:1, 0] for each in trainers.values()])
        timings = interleaved(steps, setting.repeats, device)
        data_wait_share = _data_wait(trainers[CACHED], setting.repeats)
        machine, peak = describe(device), peak_flops(device, setting.precision)
    forward, counts = work(setting)
    patches = setting.latent[1] * setting.latent[2] // setting.patch**2
    clips = setting.batch * setting.frames
    return CachedResults(
        bench="cached",
        setting=setting,
        machine=machine,
        ceiling=peak,
        baseline_gigaflops=round(forward / 1e9, 2),
        difference=difference,
        variants=rows(timings, counts, clips, patches, peak),
        loss_difference=lost,
        data_wait=data_wait_share,
    )


def latent_of(pixels: int, patch: int, widths: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape of the latents of square frames with a side of `pixels`.

    Raises:
        ParamsError: they do not split into patches.
    """
    shrunk = 2 ** (len(widths) - 1)
    if pixels < 1 or patch < 1 or pixels % (shrunk * patch):
        raise ParamsError(
            f"--pixels = {pixels} must be a multiple of {shrunk} x --patch = {patch}, the side of "
            "a patch in pixels"
        )
    return 4, pixels // shrunk, pixels // shrunk


def trainer(
    cache: LatentCache, setting: Caching, options: Options, device: torch.device
) -> Trainer:
    """A trainer of a NanoWM on all windows of a cache, initialised identically for every cache."""
    objective = v.Options(schedule="squared_cosine", zero_terminal_snr=True, shift=1.0)
    config = Config(
        denoiser=_denoiser(setting),
        objective=VariantConfig(name="v", options=objective.model_dump()),
        frames=setting.frames,
        interval=1,
        spec=cache.spec,
    )
    changes = {
        "frames": setting.frames,
        "interval": 1,
        "batch": setting.batch,
        "steps": 2 * setting.repeats + 2,
        "precision": setting.precision,
        "compile": setting.compiled,
        "accumulation": 1,
        "windows": "every",
        "loss": "diffusion_forcing",
    }
    model = initialised(config, device, seed=0)
    windows = Windows(cache, "train", setting.frames, 1)
    return trainer_of(model, windows, options.model_copy(update=changes))


def batch(each: Trainer) -> Tensor:
    """Latents of all windows as a trainer gets them, with fixed noise."""
    windows = each.batches.windows
    every = np.arange(len(windows))
    return windows.latents(every, torch.Generator().manual_seed(0))


def assert_close(what: str, values: list[Tensor]) -> float:
    """Largest difference from the first tensor, relative to its largest value.

    Raises:
        AssertionError: it exceeds BOUND.
    """
    first = values[0]
    difference = float((torch.stack(values) - first).abs().max() / first.abs().max())
    assert difference <= BOUND, f"{what} differ by {difference:.1e}"
    return difference


def work(setting: Caching) -> tuple[int, dict[str, int]]:
    """FLOPs: of encoder and network on one window, and of a step of each variant."""
    with torch.device("meta"), torch.no_grad():
        pixels = torch.zeros(setting.frames, 3, setting.pixels, setting.pixels)
        encoding = count_flops(partial(autoencoder(setting.pixels, setting.widths).encode, pixels))
    latent, width = setting.latent, setting.action_dim
    size = Size(latent_shape=latent, action_dim=width, frames=setting.frames)
    forward = forward_flops(_denoiser(setting), size)
    step = step_work(setting)[PER_FRAME]
    in_loop = setting.batch * encoding + step
    return encoding + forward, {LIBRARY: in_loop, IN_LOOP: in_loop, CACHED: step}


def _denoiser(setting: Caching) -> VariantConfig:
    network = published_options(setting.size, setting.patch, setting.injection, causal=True)
    return VariantConfig(name="nanowm", options=network.model_dump())


def _data_wait(each: Trainer, steps: int) -> float:
    """Share of its time that a trainer waits for data over `steps` steps, as it counts itself."""
    meter = ThroughputMeter(ClipCost(tokens=1, flops=1.0), each.device, None)
    for _ in islice(each.steps(meter.waiting), steps):
        meter.count(each.batches.options.batch)
    return meter.total()["data_wait"]
