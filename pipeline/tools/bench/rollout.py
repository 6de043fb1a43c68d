"""Frames of a sliding-window rollout per CPU-second, and its memory, against the reference's."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions
from pipeline.diffusion import sampling as how
from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.compiled import compile_for_sampling
from pipeline.diffusion.rollout import RolloutInputs, stream
from pipeline.errors import DataError
from pipeline.latents.cache import open_cache
from pipeline.samplers.sequential import Sequential
from pipeline.tools.bench import Setting
from pipeline.tools.bench.baseline import assert_reference_flops, baseline_network
from pipeline.tools.bench.futures import AllFrames
from pipeline.tools.bench.rates import Rates, rates
from pipeline.tools.bench.results import BASELINE, BOUNDS
from pipeline.tools.bench.sampler import relative_error
from pipeline.tools.bench.setting import network, randomised, velocity
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

CACHED, COMPILED = "K/V cache", "and compiled"
MEASURE = """import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""
"""Runs a command from a small process: a child begins with the peak of what it forks from."""
FLAT = 1.1
"""Most memory of a long rollout, as a multiple of that of a short one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling(Setting):
    """Setting of `wm bench rollout`; `compiled` is the mode of the last variant alone."""

    context: int
    """Most context frames of a window that slides."""
    steps: int
    """Denoising steps a frame."""
    new: int
    """Frames that are generated."""


def run(setting: Rolling, device: torch.device) -> Rates:
    """Time every variant in turn, after one run of each that is not timed.

    Raises:
        AssertionError: the FLOPs of the baseline are not the reference's, or frames differ.
    """
    assert_reference_flops(setting)
    variants = rollouts(setting, device)
    frames = {name: roll_out() for name, roll_out in variants.items()}
    difference = {
        name: relative_error(each, frames[BASELINE])
        for name, each in frames.items()
        if name != BASELINE
    }
    for name, each in difference.items():
        assert each <= BOUNDS[setting.precision], f"{name}: frames differ by {each:.1e}"
    timings = interleaved(variants, setting.repeats, device)
    counts = dict.fromkeys(variants, setting.batch * setting.new)
    machine = describe(device)
    return Rates("rollout", "frames", setting, machine, difference, rates(timings, counts))


def rollouts(setting: Rolling, device: torch.device) -> dict[str, Callable[[], Tensor]]:
    """The same rollout by each variant, the reference's work first."""
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device).eval().requires_grad_(False)
    networks: dict[str, Denoiser] = {BASELINE: AllFrames(baseline_network(ours)), CACHED: ours}
    if setting.compiled != "none":
        networks[COMPILED] = compile_for_sampling(ours, setting.compiled)
    history = torch.randn((setting.batch, 1, *setting.latent), generator=generator).to(device)
    shape = (setting.batch, 1 + setting.new, setting.action_dim)
    actions = torch.randn(shape, generator=generator).to(device)
    return {
        name: partial(_roll_out, setting, each, history, actions, device)
        for name, each in networks.items()
    }


@torch.inference_mode()
def _roll_out(
    setting: Rolling, denoiser: Denoiser, history: Tensor, actions: Tensor, device: torch.device
) -> Tensor:
    options = SamplingOptions(
        steps=setting.steps,
        spacing="trailing",
        eta=0,
        clip=False,
        stabilisation=0,
        context=setting.context,
        generate=None,
        compile="none",
    )
    noise = ClipNoise(0, range(setting.batch), setting.latent, stabilised=False)
    inputs = RolloutInputs(history, actions, noise)
    sampling = how.Sampling(Sequential(), options)
    windows = stream(denoiser, velocity(device), setting.frames, inputs, sampling)
    return torch.cat([*windows], 1)


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak resident memory of `wm rollout` processes, in 10^6 bytes.

    Attributes:
        short: of the short rollout.
        long: of the long one.
        short_frames: generated frames of the short one.
        long_frames: generated frames of the long one.
    """

    short: float
    long: float
    short_frames: int
    long_frames: int


def memory(model: Path, latents: Path, short: int, long: int, params: Path) -> Memory:
    """Peak memory of two rollouts of a model in its simulator, one long and one short.

    Raises:
        DataError: the model cannot be rolled out.
        AssertionError: the long one takes more than 10 % more.
    """
    peaks = [_peak(model, latents, frames, params) for frames in (short, long)]
    measured = Memory(peaks[0], peaks[1], short, long)
    assert measured.long <= FLAT * measured.short, (
        f"{long} frames take {measured.long:.0f} MB, {short} frames {measured.short:.0f} MB"
    )
    return measured


def _peak(model: Path, latents: Path, frames: int, params: Path) -> float:
    spec = open_cache(latents).spec
    rng = np.random.default_rng(0)
    low, high = (np.array(spec.actions[name]) for name in ("min", "max"))
    with TemporaryDirectory() as folder:
        actions = Path(folder, "actions.npy")
        rows = rng.uniform(low, high, (frames * spec.interval, spec.action_dim))
        np.save(actions, rows.astype(np.float32))
        words = [
            "rollout",
            model,
            latents,
            Path(folder, "out"),
            "--episode",
            "0",
            "--params",
            params,
        ]
        command = [sys.executable, "-m", "pipeline", *map(str, words), "--actions", str(actions)]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True
        )
    code, peak = map(int, done.stdout.split())
    if code:
        raise DataError(f"{model}: `wm rollout` ended with {code}; call it yourself")
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
