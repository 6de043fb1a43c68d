"""The training loop: one optimiser step after another, each a pure function of seed and step."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline import stage
from pipeline.train import Options
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.curve import BINS, COLUMNS, SCALARS, binned
from pipeline.train.levels import CLEAN, draw_levels
from pipeline.train.loss import frame_errors, weighted
from pipeline.train.windows import Windows
from pipeline.train.world_model import WorldModel


class Trainer:
    """A world model, its optimiser, and the curve so far."""

    def __init__(self, model: WorldModel, windows: Windows, options: Options) -> None:
        """Start before the first step."""
        self.model, self.windows, self.options = model, windows, options
        self.optimiser = torch.optim.AdamW(
            model.denoiser.parameters(),
            options.learning_rate,
            betas=options.betas,
            weight_decay=options.weight_decay,
        )
        self.curve = torch.zeros(options.steps, COLUMNS)
        self.done = 0
        self.looks = torch.zeros(0, 2 + BINS, dtype=torch.float64)  # hook: validation's rows
        self.waiting: Callable[[], AbstractContextManager[None]] = nullcontext  # hook: the meter's

    def identity(self) -> tuple[str, ...]:
        """All that decides the result; what it has in common with a stale run is not enough."""
        config, options = self.model.config, self.options
        return config.model_dump_json(), options.model_dump_json(), stage.code_digest()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue from the state that a checkpoint holds, if it holds a readable one."""
        state = checkpoint.read()
        if state is not None:
            self.done = checkpoint.restore(state, self.model.denoiser, self.optimiser)
            self.curve[: self.done], self.looks = state["curve"], state["looks"]
            print(f"train: resuming after step {self.done} of {self.options.steps}", flush=True)

    def step(self) -> None:
        """One optimiser step; everything random in it comes from the seed and the step's number."""
        generator = _generator(self.options.seed, "step", self.done)
        rate = learning_rate(self.done, self.options)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._loss(batch_rows(self.done, len(self.windows), self.options), generator)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(
            self.model.denoiser.parameters(), self.options.clip or math.inf
        )
        self.optimiser.step()
        self.curve[self.done, : len(SCALARS)] = torch.tensor([loss.item(), rate, norm.item()])
        self.done += 1

    def _loss(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Mean loss of the frames that carry noise."""
        model, device = self.model, self.model.device
        with self.waiting():
            clean, actions = self.windows.latents(rows, generator), self.windows.actions(rows)
        clean, actions = clean.to(device), model.fed_actions(actions)
        batch, frames = clean.shape[:2]
        levels, weighting = self.options.levels, self.options.weighting
        level = draw_levels(levels, batch, frames, model.objective.levels, generator).to(device)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        noisy = model.objective.noised(clean, noise, level)
        output = model.denoiser(noisy, level.clamp(min=0), actions)
        target = model.objective.target(clean, noise, level)
        error = frame_errors(output, target)
        by_level = binned(error, level, model.objective.levels)
        self.curve[self.done, len(SCALARS) :] = by_level.to(self.curve.device)
        losses = weighted(model.objective, error, level, weighting)
        return losses.sum() / (level != CLEAN).sum()


def train(
    trainer: Trainer, checkpoint: Checkpoint, after: Callable[[], None] = lambda: None
) -> Iterator[int]:
    """Run the steps that remain, checkpointing now and then; yields the number of steps done."""
    options = trainer.options
    for _ in stage.track(range(trainer.done, options.steps), "train"):
        trainer.step()
        after()  # hook: before the state after this step is saved
        if trainer.done % options.save_every == 0 and trainer.done < options.steps:
            curve = trainer.curve[: trainer.done]
            checkpoint.write(trainer.model.denoiser, trainer.optimiser, curve, trainer.looks)
        yield trainer.done


def learning_rate(step: int, options: Options) -> float:
    """Linear warm-up, then half a cosine down to `final_rate` of the peak."""
    if step < options.warmup:
        return options.learning_rate * (step + 1) / options.warmup
    progress = (step - options.warmup) / max(options.steps - options.warmup, 1)
    share = options.final_rate + (1 - options.final_rate) * (1 + math.cos(math.pi * progress)) / 2
    return options.learning_rate * share


def batch_rows(step: int, count: int, options: Options) -> NDArray[np.int64]:
    """Windows [B] of one step: epoch after epoch, each a new permutation of all windows."""
    positions = np.arange(step * options.batch, (step + 1) * options.batch)
    epochs = positions // count
    rows = np.empty(options.batch, np.int64)
    for epoch in np.unique(epochs):
        order = torch.randperm(count, generator=_generator(options.seed, "epoch", int(epoch)))
        chosen = epochs == epoch
        rows[chosen] = order.numpy()[positions[chosen] % count]
    return rows


def _generator(seed: int, what: str, number: int) -> torch.Generator:
    entropy = [seed, *what.encode(), number]
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
