"""Will it fit? What a run needs of its device's memory, found before its first step."""

import math
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, replace
from typing import Literal

from pipeline.compute import compile_mode as compilation
from pipeline.compute import device
from pipeline.compute.precision import Precision
from pipeline.denoisers import Size
from pipeline.diffusion.config import VariantConfig
from pipeline.errors import ParamsError
from pipeline.families import DENOISERS
from pipeline.train import Options
from pipeline.train.memory.available import AvailableMemory
from pipeline.train.memory.cost import FLOAT, Cost, measure, parameters

LATENTS = 3
"""Windows that a step holds beside the network's own: the clean, its noise, what is regressed."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A run, as params.yaml asks for it."""

    denoiser: VariantConfig
    size: Size
    options: Options
    processes: int
    strategy: Literal["ddp", "fsdp"]

    @property
    def clips(self) -> int:
        """Of a step and a process."""
        return math.ceil(self.options.batch / self.processes)

    @property
    def piece(self) -> int:
        """Clips that a process passes through its network at once."""
        return math.ceil(self.clips / self.options.accumulation)

    def having(self, **changes: object) -> "TrainingPlan":
        """The same run with other options of `train`."""
        return replace(self, options=self.options.model_copy(update=changes))

    def sized(self, name: str) -> "TrainingPlan":
        """The same run of a network whose size has this name."""
        options = {**self.denoiser.options, "size": name}
        return replace(self, denoiser=self.denoiser.model_copy(update={"options": options}))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes that a process needs on its device.

    Attributes:
        weights: float32, or a share of them.
        gradients: as many.
        optimiser: AdamW's two moments.
        average: of the weights, if there is one.
        activations: the most that passing one piece forward and backward holds beside.
        latents: of a piece.
    """

    weights: int
    gradients: int
    optimiser: int
    average: int
    activations: int
    latents: int

    @property
    def total(self) -> int:
        """All together."""
        return sum(astuple(self))

    def __str__(self) -> str:
        """The parts that count, in GB."""
        parts = asdict(self).items()
        return ", ".join(f"{name} {_gb(size)}" for name, size in parts if size > self.total / 1000)


def need(asked: TrainingPlan, activations: int) -> MemoryEstimate:
    """What a run needs on each device: FSDP spreads all but what a piece leaves behind."""
    weights = parameters(asked.denoiser, asked.size) * FLOAT
    window = asked.size.frames * math.prod(asked.size.latent_shape) * FLOAT
    if asked.strategy == "fsdp":
        weights = math.ceil(weights / asked.processes)
    return MemoryEstimate(
        weights=weights,
        gradients=weights,
        optimiser=2 * weights,
        average=weights if asked.options.ema else 0,
        activations=activations,
        latents=asked.piece * LATENTS * window,
    )


def report_memory(asked: TrainingPlan, room: AvailableMemory) -> str:
    """The line that a run prints before its first step.

    Compiled, it keeps fewer activations than is said: it is tried unless all else is too much.

    Raises:
        ParamsError: it will not fit; the settings that do are named.
    """
    try:
        return check(asked, room)
    except ParamsError as error:
        compiled = compilation.chosen(asked.options.compile, gpu=room.gpu) != "none"
        if not compiled or need(asked, 0).total > room.memory:
            raise
        return f"{error}; that is without torch.compile, so it is tried"


def check(asked: TrainingPlan, room: AvailableMemory) -> str:
    """What a run will cost, on one line.

    Raises:
        ParamsError: it will not fit; the settings that do are named.
    """
    cost = cost_of(asked, room)
    needed = need(asked, cost.activation_bytes)
    if needed.total > room.memory:
        fitting = ", ".join(remedies(asked, room))
        raise ParamsError(
            f"train: {asked.denoiser.name} of {cost.parameters / 1e6:.1f} M parameters with pieces "
            f"of {asked.piece} clips needs {_gb(needed.total)} GB ({needed}), the device has "
            f"{_gb(room.memory)} GB; {fitting or 'no setting makes it fit, take a larger device'}"
        )
    return describe(asked, cost, needed, room)


def describe(asked: TrainingPlan, cost: Cost, needed: MemoryEstimate, room: AvailableMemory) -> str:
    """What training costs, on one line."""
    return (
        f"train: {cost.parameters / 1e6:.3g} M parameters, {cost.training_flops / 1e9:,.3g} GFLOP "
        f"a clip; pieces of {asked.piece} clips in {precision(asked, room)} need "
        f"{_gb(needed.total)} of {_gb(room.memory)} GB: {needed}"
    )


def precision(asked: TrainingPlan, room: AvailableMemory) -> Precision:
    """In what the run computes its products."""
    return device.trained_in(asked.options.precision, gpu=room.gpu, native=room.bfloat16)


def cost_of(asked: TrainingPlan, room: AvailableMemory) -> Cost:
    """What its network costs."""
    again, products = asked.options.checkpointing, precision(asked, room)
    return measure(
        asked.denoiser, asked.size, clips=asked.piece, checkpointing=again, precision=products
    )


def remedies(asked: TrainingPlan, room: AvailableMemory) -> list[str]:
    """Settings that make a run fit that does not, each with what is needed then."""
    smaller = _smaller(asked)
    found = _savings("", asked, room)
    if not found:
        found = _first(
            _tried(words, run, room) or _savings(f"{words} with ", run, room)[:1]
            for words, run in smaller.items()
        )
    plain = _first(_tried(words, run, room) for words, run in smaller.items())
    return list(dict.fromkeys(found + plain))


def _savings(before: str, asked: TrainingPlan, room: AvailableMemory) -> list[str]:
    """Settings that make a network of this size fit; their words follow on those `before`."""
    again = asked.having(checkpointing=True)
    both = f"{before}train.checkpointing: true"
    found = _in_pieces(before, asked, room) + _tried(both, again, room)
    found = found or _in_pieces(f"{both} with ", again, room)
    if room.bfloat16:
        words, narrow = f"{before}train.precision: bfloat16", asked.having(precision="bfloat16")
        found += _tried(words, narrow, room)
    return found


def _in_pieces(before: str, asked: TrainingPlan, room: AvailableMemory) -> list[str]:
    """The fewest further pieces that fit, or as many clips as those hold."""
    tried = []
    for count in range(asked.options.accumulation + 1, asked.clips + 1):
        if asked.clips % count == 0:
            cut = asked.having(accumulation=count)
            batch = cut.piece * asked.processes * asked.options.accumulation
            words = f"{before}train.accumulation: {count} or train.batch: {batch}"
            tried.append((words, cut))
    return _first(_tried(words, cut, room) for words, cut in tried)


def _smaller(asked: TrainingPlan) -> dict[str, TrainingPlan]:
    """The run of each named size below this one, the largest first."""
    name, most = asked.denoiser.name, parameters(asked.denoiser, asked.size)
    sizes = reversed(DENOISERS.load(name, "denoiser").SIZES)
    runs = {f"denoisers.{name}.size: {label}": asked.sized(label) for label in sizes}
    return {words: run for words, run in runs.items() if parameters(run.denoiser, run.size) < most}


def _first(tried: Iterable[list[str]]) -> list[str]:
    """The first that fits, if there is one; those after it are not tried."""
    return next(filter(None, tried), [])


def _tried(words: str, asked: TrainingPlan, room: AvailableMemory) -> list[str]:
    """The setting with what it needs, if that fits."""
    if need(asked, 0).total > room.memory:  # spares the search for its activations
        return []
    total = need(asked, cost_of(asked, room).activation_bytes).total
    return [f"{words} needs {_gb(total)} GB"] if total <= room.memory else []


def _gb(size: int) -> str:
    return f"{size / 1e9:.3g}"
