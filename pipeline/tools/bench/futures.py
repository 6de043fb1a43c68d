"""Time a round of a search: rolling out all candidates as the reference does, and as we do."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.compute.device import autocast, computes_bfloat16
from pipeline.compute.precision import Precision
from pipeline.denoisers import Denoiser, KVCache
from pipeline.denoisers.nanowm import NanoWM
from pipeline.diffusion import rollout
from pipeline.diffusion.sampling import Sampling
from pipeline.encode.runner import Execution, Runner
from pipeline.tools.bench import Searching
from pipeline.tools.bench.baseline import assert_reference_flops
from pipeline.tools.bench.encode_cases import build_case
from pipeline.tools.bench.futures_inputs import Round, random_round
from pipeline.tools.bench.futures_results import Results, Variant, assert_same, rows
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

LIBRARY = "encode, each candidate's frame by the library"
"""Time of the reference's encoding; ours are named by `_encode`."""

Work = Callable[[], Tensor]


class AllFrames(Denoiser):
    """A network that sampling passes all frames through at every step, as the reference does."""

    def __init__(self, network: NanoWM) -> None:
        """Wrap a network."""
        super().__init__()
        self.causal, self.network = False, network

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
        """As `Denoiser.forward`."""
        return self.network(noisy, level, actions, positions, kv_cache, clean, dropped)


def run(setting: Searching, device: torch.device) -> Results:
    """Time every variant in turn, after one run of each that is not timed.

    Raises:
        AssertionError: the FLOPs of the reference's network are not those published, or rollouts
            that should be the same differ.
    """
    assert_reference_flops(setting)
    inputs = random_round(setting, device)
    variants = {variant.name: variant for variant in _variants(setting, inputs, device)}
    encoders = dict(_encoders(setting, device)) if setting.pixels else {}
    for encode in encoders.values():
        encode()
    differences = assert_same(variants)
    works = {**encoders, **{name: variant.roll_out for name, variant in variants.items()}}
    timings = interleaved(works, setting.repeats, device)
    figures = rows(setting, variants, timings, differences)
    return Results("futures", setting, describe(device), figures)


def _variants(setting: Searching, inputs: Round, device: torch.device) -> Iterator[Variant]:
    """Every way of rolling out the candidates: the reference's, and ours."""
    model, full = inputs.model, partial(inputs.model.sampling, "full_sequence", context=1)
    published = full(setting.reference_steps, generate=setting.frames - 1)
    roll_out = partial(_reference, inputs, published)
    reference = Variant("reference", roll_out, LIBRARY, None, "float32")
    yield reference
    exact = partial(inputs.futures, full(setting.reference_steps))
    name = f"shared context, {setting.reference_steps} steps at once"
    yield Variant(name, exact, _encode("float32"), reference.name, "float32")
    for steps in setting.steps:
        sampling, name = model.sampling("sequential", steps, context=1), f"{steps} steps a frame"
        plain = f"context for each, {name}"
        roll_out = partial(inputs.rollouts, sampling)
        yield Variant(plain, roll_out, _encode("float32"), None, "float32")
        for precision in _precisions(device):
            work = partial(_in_precision, precision, device, partial(inputs.futures, sampling))
            shared = f"shared context, {name}, {precision}"
            yield Variant(shared, work, _encode(precision), plain, precision)


def _reference(inputs: Round, sampling: Sampling) -> Tensor:
    """Frames [N, H, C, h, w] as the reference computes them, in whole windows."""
    model, horizon = inputs.model, inputs.actions.shape[2]
    scaled = model.model_actions(inputs.actions[0])  # [N, H, A]
    frames = inputs.noise.start.shape[1]
    actions = functional.pad(scaled, (0, 0, 0, 1 + frames - horizon))  # [N, 1 + F, A]
    history = inputs.history.expand(len(scaled), -1, -1, -1, -1)
    start = rollout.RolloutInputs(history, actions, inputs.noise)
    network, length = AllFrames(inputs.reference), model.config.frames
    return rollout.rollout(network, model.objective, length, start, sampling)[:, :horizon]


def _in_precision(precision: Precision, device: torch.device, work: Work) -> Tensor:
    with autocast(device.type, precision):
        return work()


def _precisions(device: torch.device) -> list[Precision]:
    return ["float32", "bfloat16"] if computes_bfloat16(device) else ["float32"]


def _encode(precision: Precision) -> str:
    return f"encode, one frame, {precision}"


def _encoders(setting: Searching, device: torch.device) -> Iterator[tuple[str, Work]]:
    """Encoding for all timed candidates: of a copy of the frame for each, and of one frame."""
    case = build_case("sd_vae", setting.pixels, setting.widths)
    generator = torch.Generator().manual_seed(0)
    shape = (1, 3, setting.pixels, setting.pixels)
    frame = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    yield LIBRARY, partial(case.on(device), frame.expand(setting.batch, -1, -1, -1))
    for precision in _precisions(device):
        runner = Runner(case.encoder, device, Execution(precision=precision, compile="none"))
        yield _encode(precision), partial(_latent, runner, frame)


def _latent(runner: Runner, frame: Tensor) -> Tensor:
    return runner.encode(frame).mean
