"""Forecast of a run's memory before its first step, and the settings that fit if it does not."""

import math
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, replace
from typing import Literal

from pipeline.compute import compile_mode, device
from pipeline.compute.precision import Precision
from pipeline.denoisers import DENOISERS, Size
from pipeline.diffusion.config import VariantConfig
from pipeline.errors import ParamsError
from pipeline.train import Options
from pipeline.train.memory.available import AvailableMemory
from pipeline.train.memory.cost import FLOAT, Cost, measure, parameters

LATENTS = 3
"""Tensors as large as a window that a step holds: clean latents, noise and target."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What determines the memory of a run.

    Attributes:
        denoiser: the network that is trained.
        size: of its data.
        options: of its training.
        processes: that share a batch.
        strategy: in which they do.
        stage: whose run it is; only `train` chooses the size of the network.
        others: bytes of models beside it.
        cached: bytes of keys and values that each clip of a micro-batch keeps.
        whole_batch: whether a batch cannot be cut into micro-batches.
    """

    denoiser: VariantConfig
    size: Size
    options: Options
    processes: int
    strategy: Literal["ddp", "fsdp"]
    stage: str = "train"
    others: int = 0
    cached: int = 0
    whole_batch: bool = False

    @property
    def clips(self) -> int:
        """Of a step, on each process."""
        return math.ceil(self.options.batch / self.processes)

    @property
    def micro_batch(self) -> int:
        """Clips that pass through a process's network at once."""
        return math.ceil(self.clips / self.options.accumulation)

    @property
    def streams(self) -> int:
        """Of frames in the network: noisy ones, and with teacher forcing clean ones beside them."""
        return 2 if self.options.loss == "teacher_forcing" else 1

    def with_options(self, **changes: object) -> "TrainingPlan":
        """The same plan with other options of `train`."""
        return replace(self, options=self.options.model_copy(update=changes))

    def with_size(self, name: str) -> "TrainingPlan":
        """The same plan with a named size of the network."""
        options = {**self.denoiser.options, "size": name}
        return replace(self, denoiser=self.denoiser.model_copy(update={"options": options}))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes that a process needs on its device.

    Attributes:
        weights: float32, or a shard of them.
        gradients: as large as the weights.
        optimiser: AdamW's two moments.
        ema: averaged weights, if there are any.
        activations: peak of a micro-batch's forward and backward pass.
        latents: of a micro-batch, with what is cached for them.
        others: models beside it.
    """

    weights: int
    gradients: int
    optimiser: int
    ema: int
    activations: int
    latents: int
    others: int = 0

    @property
    def total(self) -> int:
        """Sum of all."""
        return sum(astuple(self))

    def __str__(self) -> str:
        """All parts above 0.1 % of the total, in GB."""
        parts = asdict(self).items()
        return ", ".join(f"{name} {_gb(size)}" for name, size in parts if size > self.total / 1000)


def estimate(plan: TrainingPlan, activations: int) -> MemoryEstimate:
    """Memory of each process; FSDP shards everything but activations and latents."""
    weights = parameters(plan.denoiser, plan.size) * FLOAT
    window = plan.size.frames * math.prod(plan.size.latent_shape) * FLOAT
    if plan.strategy == "fsdp":
        weights = math.ceil(weights / plan.processes)
    return MemoryEstimate(
        weights=weights,
        gradients=weights,
        optimiser=2 * weights,
        ema=weights if plan.options.ema else 0,
        activations=activations,
        latents=plan.micro_batch * (LATENTS * window + plan.cached),
        others=plan.others,
    )


def report_memory(plan: TrainingPlan, available: AvailableMemory) -> str:
    """The line that a run prints before its first step.

    A compiled run keeps fewer activations than estimated, so it is refused only if all the rest
    does not fit.

    Raises:
        ParamsError: the run does not fit; the message names settings that do.
    """
    try:
        return check(plan, available)
    except ParamsError as error:
        compiled = (
            compile_mode.resolve_compile_mode(plan.options.compile, gpu=available.gpu) != "none"
        )
        if not compiled or estimate(plan, 0).total > available.memory:
            raise
        return f"{error}; trying anyway, since torch.compile needs less than this estimate"


def check(plan: TrainingPlan, available: AvailableMemory) -> str:
    """Cost and memory of a run as one line.

    Raises:
        ParamsError: the run does not fit; the message names settings that do.
    """
    cost = measure_cost(plan, available)
    needed = estimate(plan, cost.activation_bytes)
    if needed.total > available.memory:
        fixes = ", ".join(fitting_settings(plan, available))
        raise ParamsError(
            f"{plan.stage}: {plan.denoiser.name} of {cost.parameters / 1e6:.1f} M parameters with "
            f"micro-batches of {plan.micro_batch} clips needs {_gb(needed.total)} GB ({needed}), "
            f"the device has {_gb(available.memory)} GB; "
            f"{fixes or 'no setting fits, take a larger device'}"
        )
    return describe(plan, cost, needed, available)


def describe(
    plan: TrainingPlan, cost: Cost, needed: MemoryEstimate, available: AvailableMemory
) -> str:
    """Cost and memory of a run that fits, as one line."""
    return (
        f"{plan.stage}: {cost.parameters / 1e6:.3g} M parameters, "
        f"{cost.training_flops / 1e9:,.3g} GFLOP a clip; micro-batches of {plan.micro_batch} clips "
        f"in {precision(plan, available)} need {_gb(needed.total)} of "
        f"{_gb(available.memory)} GB: {needed}"
    )


def precision(plan: TrainingPlan, available: AvailableMemory) -> Precision:
    """Precision of the run's matrix products."""
    return device.resolve_training_precision(
        plan.options.precision, gpu=available.gpu, native=available.bfloat16
    )


def measure_cost(plan: TrainingPlan, available: AvailableMemory) -> Cost:
    """Cost of its network."""
    return measure(
        plan.denoiser,
        plan.size,
        clips=plan.micro_batch,
        streams=plan.streams,
        checkpointing=plan.options.checkpointing,
        precision=precision(plan, available),
    )


def fitting_settings(plan: TrainingPlan, available: AvailableMemory) -> list[str]:
    """Settings with which a run fits that does not, each with the memory it needs."""
    smaller = _smaller_sizes(plan)
    settings = _savings("", plan, available)
    if not settings:
        settings = _first(
            _if_fits(size, other, available) or _savings(f"{size} with ", other, available)[:1]
            for size, other in smaller.items()
        )
    size_alone = _first(_if_fits(size, other, available) for size, other in smaller.items())
    return list(dict.fromkeys(settings + size_alone))


def ways_out(plan: TrainingPlan, available: AvailableMemory) -> str:
    """What to do where memory has run out, as the end of a line."""
    return ", ".join(fitting_settings(plan, available)) or "take a larger device"


def _savings(prefix: str, plan: TrainingPlan, available: AvailableMemory) -> list[str]:
    """Settings with which a network of this size fits, each after `prefix`."""
    checkpointing = plan.with_options(checkpointing=True)
    setting = f"{prefix}train.checkpointing: true"
    settings = _accumulation(prefix, plan, available) + _if_fits(setting, checkpointing, available)
    settings = settings or _accumulation(f"{setting} with ", checkpointing, available)
    if available.bfloat16:
        half = plan.with_options(precision="bfloat16")
        settings += _if_fits(f"{prefix}train.precision: bfloat16", half, available)
    return settings


def _accumulation(prefix: str, plan: TrainingPlan, available: AvailableMemory) -> list[str]:
    """The fewest more micro-batches that fit, or a batch that fits in the present number."""
    plans = {}
    for count in range(plan.options.accumulation + 1, plan.clips + 1):
        if plan.clips % count == 0:
            other = plan.with_options(accumulation=count)
            batch = other.micro_batch * plan.processes * plan.options.accumulation
            either = "" if plan.whole_batch else f"train.accumulation: {count} or "
            plans[f"{prefix}{either}train.batch: {batch}"] = other
    return _first(_if_fits(setting, other, available) for setting, other in plans.items())


def _smaller_sizes(plan: TrainingPlan) -> dict[str, TrainingPlan]:
    """The plan with each named size below this one, the largest first."""
    if plan.stage != "train":
        return {}
    name, limit = plan.denoiser.name, parameters(plan.denoiser, plan.size)
    sizes = reversed(DENOISERS.load(name, "denoiser").SIZES)
    plans = {f"denoisers.{name}.size: {label}": plan.with_size(label) for label in sizes}
    return {
        setting: other
        for setting, other in plans.items()
        if parameters(other.denoiser, other.size) < limit
    }


def _first(candidates: Iterable[list[str]]) -> list[str]:
    """The first that fits, if any; later ones are not measured."""
    return next(filter(None, candidates), [])


def _if_fits(setting: str, plan: TrainingPlan, available: AvailableMemory) -> list[str]:
    """The setting with the memory it needs, or nothing."""
    if estimate(plan, 0).total > available.memory:  # spares the measurement of activations
        return []
    total = estimate(plan, measure_cost(plan, available).activation_bytes).total
    return [f"{setting} needs {_gb(total)} GB"] if total <= available.memory else []


def _gb(size: int) -> str:
    return f"{size / 1e9:.3g}"
