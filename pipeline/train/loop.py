"""The training loop: one optimiser step after another, each a pure function of seed and step."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline import imports, stage
from pipeline.compute import compile_mode as compilation
from pipeline.compute import device
from pipeline.compute.compile import compiled
from pipeline.compute.compile_mode import CAPTURING
from pipeline.compute.precision import Precision
from pipeline.diffusion.loss import frame_errors, weighted
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import ParamsError, RunError
from pipeline.families import DENOISERS, ENCODERS, OBJECTIVES
from pipeline.latents.windows import Windows
from pipeline.train import Options, optimiser
from pipeline.train.data.batches import Batch, Batches, MicroBatch
from pipeline.train.data.feed import fed
from pipeline.train.distributed.group import Group, alone
from pipeline.train.monitoring.curve import BINS, COLUMNS, binned

KERNELS = {
    "flash": [SDPBackend.FLASH_ATTENTION],
    "efficient": [SDPBackend.EFFICIENT_ATTENTION],
    "math": [SDPBackend.MATH],
    "auto": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
}


class Trainer:
    """A world model, its optimiser, the average of its weights, and what was seen so far.

    Attributes:
        curve: rows of `monitoring.curve`, [steps, COLUMNS]; those after `done` are zero.
        looks: rows of `monitoring.validation.Validation`.
        done: steps so far.
    """

    def __init__(
        self,
        model: WorldModel,
        windows: Windows,
        options: Options,
        group: Group | None = None,
    ) -> None:
        """Start before the first step; `group` is this process alone if not given.

        Raises:
            ParamsError: the batch cannot be cut evenly, the device has no such kernel, or graphs
                cannot be captured.
        """
        if options.attention == "efficient" and model.device.type == "cpu":
            raise ParamsError(
                "train.attention = 'efficient' has no kernel on a CPU; choose auto, flash or math"
            )
        self.model, self.windows, self.options = model, windows, options
        self.group = group or alone(model.device)
        if self.group.sharded and options.compile in CAPTURING:
            raise ParamsError(
                f"train.compile = {options.compile!r} captures CUDA graphs, but the weights of "
                "distributed.strategy = 'fsdp' never stay in place; choose default, or ddp"
            )
        self.batches = Batches(windows, options, model.objective.levels, self.group)
        self.average = None if options.ema is None else WorldModel(model.config, model.device)
        self.precision = _precision(options, self.group)
        self._place()
        self.optimiser = optimiser.build(model.denoiser, options)
        self.curve = torch.zeros(options.steps, COLUMNS)
        self.looks = torch.zeros(0, 2 + BINS, dtype=torch.float64)
        self.done = 0

    @property
    def kept(self) -> WorldModel:
        """The model whose weights are the result."""
        return self.average or self.model

    def identity(self) -> tuple[str, ...]:
        """All that decides the result; what it has in common with a stale run is not enough."""
        config, options, seal = self.model.config, self.options, self.windows.cache.seal
        texts = (part.model_dump_json() for part in (config, options, seal))
        members = (
            f"{DENOISERS.package}.{config.denoiser.name}",
            f"{OBJECTIVES.package}.{config.objective.name}",
            f"{ENCODERS.package}.{config.spec.encoder}",
        )
        return (*texts, imports.digest(["pipeline.train.__main__", *members]))

    def step(self) -> None:
        """One optimiser step."""
        self.take(self.batches.draw(self.done))

    def take(self, batch: Batch) -> None:
        """One optimiser step on the next batch.

        Raises:
            RunError: the loss or the gradient is not finite; nothing has moved.
        """
        rate = optimiser.learning_rate(self.done, self.options)
        optimiser.set_rate(self.optimiser, rate)
        optimiser.clear(self.optimiser, len(batch.pieces))
        sums = torch.zeros(1 + 2 * BINS, device=self.model.device)
        for number, piece in enumerate(batch.pieces, 1):
            last = number == len(batch.pieces)
            with self.group.averaging(self.network, last):
                sums += self._backward(piece.to(self.model.device), batch.scored)
        norm = optimiser.clip(self.model.denoiser, self.options.clip)
        self.group.add_up(sums)
        # Fetched at once, before the optimiser: a GPU moves the weights while the host goes on.
        loss, gradient, *errors = torch.cat([sums[:1], norm[None], sums[1:]]).tolist()
        self._check(batch, loss, gradient)
        self.optimiser.step()
        if self.average is not None:
            assert self.options.ema is not None
            here = (self.average.denoiser, self.model.denoiser)
            optimiser.follow(*here, self.options.ema, self.done)
        self.curve[self.done] = torch.tensor([loss, rate, gradient, *errors])
        self.done += 1

    def _place(self) -> None:
        """Give every process the same weights, then what it is to hold and to call of them."""
        self.model.denoiser.activation_checkpointing = self.options.checkpointing
        if self.average is not None:
            self.average.denoiser.load_state_dict(self.model.denoiser.state_dict())
            self.group.share(self.average.denoiser.requires_grad_(False))
        self.group.share(self.model.denoiser)
        self.network = self.group.joined(self.model.denoiser)
        # For steps alone: a look at the model has other shapes, and few of each.
        mode = compilation.chosen(self.options.compile, gpu=self.model.device.type == "cuda")
        self.answer = compiled(self.network, mode, "train.compile")

    def _backward(self, piece: MicroBatch, scored: int) -> Tensor:
        """Add a piece's gradient; its part of the batch's loss, then of the errors by level."""
        model, weighting = self.model, self.options.weighting
        actions, level = model.model_actions(piece.actions), piece.level
        noisy = model.objective.noised(piece.clean, piece.noise, level)
        target = model.objective.target(piece.clean, piece.noise, level)
        mixed = device.products(model.device.type, self.precision)
        with mixed, sdpa_kernel(KERNELS[self.options.attention]):
            output = self.answer(noisy, level.clamp(min=0), actions).float()
        error = frame_errors(output, target)
        loss = weighted(model.objective, error, level, weighting).sum() / scored
        (loss * self.group.size).backward()
        return torch.cat([loss.detach()[None], binned(error, level, model.objective.levels)])

    def _check(self, batch: Batch, loss: float, norm: float) -> None:
        if torch.tensor([loss, norm]).isfinite().all():
            return
        windows, episodes = self.windows.rows[batch.rows], self.windows.cache.seal.episodes
        named = sorted({episodes[episode].key for episode, _ in windows})
        raise RunError(
            f"step {self.done + 1}: loss {loss}, norm of the gradient {norm}; its clips are of "
            f"episodes {', '.join(named)}"
        )


def _precision(options: Options, group: Group) -> Precision:
    """That of the products; says so where it is not what was asked for."""
    found = device.in_training(options.precision, group.device)
    if group.first:
        device.tell_of_emulation("train", options.precision, found, group.device)
    return found


def train(
    trainer: Trainer, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[int]:
    """Take the steps that remain, and yield the number of those done; for `waiting` see `fed`."""
    steps = range(trainer.done, trainer.options.steps)
    with closing(fed(trainer.batches.draw, steps, trainer.model.device, waiting)) as batches:
        for _ in stage.track(steps, "train"):
            trainer.take(next(batches))
            yield trainer.done
