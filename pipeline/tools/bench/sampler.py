"""Timing samples of the published protocol: one frame after the other, on clean predecessors."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from pipeline.compute.compile_mode import Mode
from pipeline.compute.device import autocast
from pipeline.denoisers import Denoiser, KVCache
from pipeline.denoisers.nanowm import NanoWM
from pipeline.diffusion.compiled import compile_for_sampling
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.objectives import Objective
from pipeline.samplers.sequential import Sequential
from pipeline.tools.bench import Sampling
from pipeline.tools.bench.baseline import assert_published_work, wasteful
from pipeline.tools.bench.matmul import peak_flops
from pipeline.tools.bench.results import BASELINE, BOUNDS, Results, rows
from pipeline.tools.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe
from pipeline.train.memory.cost import count_flops

PER_FRAME, CACHED = "modulation per frame", "and K/V cache"


class Counting(Denoiser):
    """A network that counts its forwards, and the frames in them."""

    def __init__(self, network: NanoWM, mode: Mode) -> None:
        """Nothing counted yet."""
        super().__init__()
        self.causal, self.answer = network.causal, compile_for_sampling(network, mode)
        self.forwards = self.frames = 0

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
    ) -> Tensor:
        """See `Denoiser.forward`."""
        self.forwards += 1
        self.frames += noisy.shape[1]
        return self.answer(noisy, level, actions, positions, kv_cache)

    def kv_cache(self, batch: int) -> KVCache:
        """See `Denoiser.kv_cache`."""
        return self.answer.kv_cache(batch)


def run(setting: Sampling, device: torch.device) -> Results:
    """Time the sampler with and without its savings.

    Raises:
        AssertionError: the baseline does other work than the reference, a sampler passes other
            frames through the network than it should, or the samples differ.
    """
    forward_work = assert_published_work(setting)
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device)
    fed = inputs(setting, generator, device)
    samples, networks = variants(setting, ours, fed, device)
    answers = {name: drawn() for name, drawn in samples.items()}
    for name, forwards in passes(setting).items():
        found = (networks[name].forwards, networks[name].frames)
        assert found == forwards, f"{name}: {found} forwards and frames, not {forwards}"
    # Not Python's max, which may pass over NaN.
    difference = torch.tensor([scaled(a, answers[BASELINE]) for a in answers.values()]).max().item()
    assert difference <= BOUNDS[setting.precision], f"samples differ by {difference:.1e}, scaled"
    peak, work = peak_flops(device, setting.precision), _work(setting)
    timings = interleaved(samples, setting.repeats, device)
    generated = setting.batch * (setting.frames - setting.context)
    patches = ours.grid[0] * ours.grid[1]
    figures = rows(timings, work, generated, patches, peak)
    gigaflops = round(forward_work / 1e9, 2)
    return Results("sampler", setting, describe(device), peak, gigaflops, difference, figures)


def variants(
    setting: Sampling, ours: NanoWM, fed: Inputs, device: torch.device
) -> tuple[dict[str, Callable[[], Tensor]], dict[str, Counting]]:
    """Samplers by name, slowest first, and the network that each of them counts with."""
    plain = {BASELINE: wasteful(ours), PER_FRAME: ours, CACHED: ours}
    networks = {name: Counting(each, setting.compiled) for name, each in plain.items()}
    draw = partial(_draw, setting, fed, velocity(device), device)
    return {name: partial(draw, net, name == CACHED) for name, net in networks.items()}, networks


def _draw(
    setting: Sampling,
    fed: Inputs,
    objective: Objective,
    device: torch.device,
    network: Counting,
    use_kv_cache: bool,
) -> Tensor:
    timesteps = ddim_timesteps(setting.steps, objective.levels)
    matrix = Sequential().matrix(setting.frames, setting.context, timesteps)
    window = torch.cat([fed.clean[:, : setting.context], fed.noise[:, setting.context :]], 1)
    with autocast(device.type, setting.precision):
        return sample(network, objective, matrix, window, fed.actions, use_kv_cache=use_kv_cache)


def passes(setting: Sampling) -> dict[str, tuple[int, int]]:
    """Forwards of each sampler, and frames in them all, for one window.

    Without the cache all frames pass at every step of every generated frame. With it only the frame
    that moves does, and each frame passes once more when at rest: the context in one forward, and
    all generated ones but the last.
    """
    generated = setting.frames - setting.context
    moves = generated * setting.steps
    whole = (moves, moves * setting.frames)
    return {
        BASELINE: whole,
        PER_FRAME: whole,
        CACHED: (moves + generated, moves + setting.frames - 1),
    }


def _work(setting: Sampling) -> dict[str, int]:
    """Floating-point operations of each sampler."""
    device, plain = torch.device("meta"), replace(setting, compiled="none", precision="float32")
    with device:
        imagined = network(plain)
    fed = inputs(plain, torch.Generator(), device)
    samples, _ = variants(plain, imagined, fed, device)
    return {name: count_flops(drawn) for name, drawn in samples.items()}


def scaled(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference relative to the largest value of `theirs`."""
    return float((ours - theirs).abs().max() / theirs.abs().max())
