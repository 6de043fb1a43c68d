"""Time sampling by the published protocol: one frame after the other, given clean context."""

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
from pipeline.diffusion.sample import Renew, ddim_timesteps, sample
from pipeline.objectives import Objective
from pipeline.samplers.sequential import Sequential
from pipeline.tools.bench import Sampling
from pipeline.tools.bench.baseline import assert_reference_flops, baseline_network
from pipeline.tools.bench.matmul import peak_flops
from pipeline.tools.bench.results import BASELINE, BOUNDS, Results, rows
from pipeline.tools.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe
from pipeline.train.memory.cost import count_flops

PER_FRAME, CACHED = "modulation per frame", "and K/V cache"


class CountingDenoiser(Denoiser):
    """A denoiser that counts its forwards and their frames."""

    def __init__(self, network: NanoWM, mode: Mode) -> None:
        """Wrap a network, compiled by a mode of torch.compile."""
        super().__init__()
        self.causal, self.denoiser = network.causal, compile_for_sampling(network, mode)
        self.forwards = self.frames = 0

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
        clean: Tensor | None = None,
        dropped: Tensor | None = None,
    ) -> Tensor:
        """As `Denoiser.forward`, counted."""
        self.forwards += 1
        self.frames += noisy.shape[1]
        return self.denoiser(noisy, level, actions, positions, kv_cache, clean, dropped)

    def kv_cache(self, batch: int) -> KVCache:
        """The KV cache of the wrapped network."""
        return self.denoiser.kv_cache(batch)


def run(setting: Sampling, device: torch.device) -> Results:
    """Time every variant of the sampler, in turn.

    Raises:
        AssertionError: the FLOPs of the baseline are not the reference's, the forwards of a variant
            are not those expected, or samples differ.
    """
    forward_work = assert_reference_flops(setting)
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device)
    batch = inputs(setting, generator, device)
    samples, networks = variants(setting, ours, batch, device)
    outputs = {name: draw_() for name, draw_ in samples.items()}
    for name, forwards in forward_counts(setting).items():
        counts = (networks[name].forwards, networks[name].frames)
        assert counts == forwards, f"{name}: {counts} forwards and frames, not {forwards}"
    # Python's max may ignore NaN.
    difference = (
        torch.tensor([relative_error(a, outputs[BASELINE]) for a in outputs.values()]).max().item()
    )
    assert difference <= BOUNDS[setting.precision], f"samples differ by {difference:.1e}"
    peak, work = peak_flops(device, setting.precision), _work(setting)
    timings = interleaved(samples, setting.repeats, device)
    generated = setting.batch * (setting.frames - setting.context)
    patches = ours.grid[0] * ours.grid[1]
    figures = rows(timings, work, generated, patches, peak)
    gigaflops = round(forward_work / 1e9, 2)
    return Results("sampler", setting, describe(device), peak, gigaflops, difference, figures)


def variants(
    setting: Sampling, ours: NanoWM, batch: Inputs, device: torch.device
) -> tuple[dict[str, Callable[[], Tensor]], dict[str, CountingDenoiser]]:
    """Samplers by name, the baseline first, and the counting network of each."""
    plain = {BASELINE: baseline_network(ours), PER_FRAME: ours, CACHED: ours}
    networks = {name: CountingDenoiser(each, setting.compiled) for name, each in plain.items()}
    sampled = partial(draw, setting, batch, velocity(device), device)
    return {name: partial(sampled, net, name == CACHED) for name, net in networks.items()}, networks


def draw(
    setting: Sampling,
    batch: Inputs,
    objective: Objective,
    device: torch.device,
    network: Denoiser,
    use_kv_cache: bool,
    renew: Renew | None = None,
) -> Tensor:
    """Sample a window [B, T, C, h, w]; see `sample`."""
    timesteps = ddim_timesteps(setting.steps, objective.levels)
    matrix = Sequential().matrix(setting.frames, setting.context, timesteps)
    window = torch.cat([batch.clean[:, : setting.context], batch.noise[:, setting.context :]], 1)
    with autocast(device.type, setting.precision):
        return sample(
            network,
            objective,
            matrix,
            window,
            batch.actions,
            use_kv_cache=use_kv_cache,
            renew=renew,
        )


def forward_counts(setting: Sampling) -> dict[str, tuple[int, int]]:
    """Expected forwards of each variant, and frames in them, for one window.

    Without the KV cache every step of every generated frame computes all frames. With it a step
    computes only the frame that is denoised; finished frames are run once more to fill the cache:
    the context in one forward, and each generated frame but the last.
    """
    generated = setting.frames - setting.context
    denoising = generated * setting.steps
    all_frames = (denoising, denoising * setting.frames)
    return {
        BASELINE: all_frames,
        PER_FRAME: all_frames,
        CACHED: (denoising + generated, denoising + setting.frames - 1),
    }


def _work(setting: Sampling) -> dict[str, int]:
    """FLOPs of each variant."""
    device, plain = torch.device("meta"), replace(setting, compiled="none", precision="float32")
    with device:
        ours = network(plain)
    batch = inputs(plain, torch.Generator(), device)
    samples, _ = variants(plain, ours, batch, device)
    return {name: count_flops(draw_) for name, draw_ in samples.items()}


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference relative to the largest value of `theirs`."""
    return float((ours - theirs).abs().max() / theirs.abs().max())
