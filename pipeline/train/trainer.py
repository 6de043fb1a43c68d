"""The trainer: any loss of any network, one optimiser step after another, resumed exactly."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import sdpa_kernel

from pipeline.compute import compile_mode, device
from pipeline.compute.compile import compiled
from pipeline.compute.threads import threads
from pipeline.errors import DataError, RunError
from pipeline.train import TrainerOptions, full_state, optimiser
from pipeline.train.at_once import Copies
from pipeline.train.checkpoint import Checkpoint, State, add_prefix, with_prefix
from pipeline.train.data.batches import Batch, Batches, MicroBatch
from pipeline.train.data.prefetch import prefetch_batches
from pipeline.train.distributed.group import Group, single_process
from pipeline.train.interruptions import SignalCatcher, StoppedError
from pipeline.train.kernels import KERNELS, check_kernels
from pipeline.train.losses import Loss
from pipeline.train.monitoring.curve import SCALARS

MODEL, EMA, OPTIMISER, CALLBACK, CURVE = "model.", "ema.", "optimiser.", "callback.", "curve"
"""Prefixes of the names in a state, and the name of the curve."""


class Callback:
    """Observes a run without changing it; these do nothing."""

    def on_fit_start(self, trainer: "Trainer") -> None:
        """Called once the newest state is loaded."""

    def on_step_end(self, trainer: "Trainer") -> None:
        """Called after each step, before its state is saved."""

    def data_wait(self) -> AbstractContextManager[None]:
        """Entered while the next batch is awaited."""
        return nullcontext()

    def state_dict(self) -> State:
        """What belongs into the run's state."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Restore such a state."""


class Trainer:
    """Trains a network with AdamW: gradient accumulation, DDP or FSDP2, clipping, EMA, resuming.

    A step is a pure function of the weights, the seed and its number.

    Attributes:
        step: steps taken so far.
        resumed_from: steps that were taken before this process started.
        curve: rows of `monitoring.curve`, [steps, 3 + K]; those after `step` are zero.
        ema: the averaged weights; None without EMA.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        batches: Batches,
        options: TrainerOptions,
        group: Group | None = None,
        *,
        stage: str = "train",
        at_once: bool = False,
    ) -> None:
        """Start before the first step.

        Args:
            network: trained in place.
            loss: what is minimised.
            batches: training data by step.
            options: of optimiser, precision and states.
            group: the processes that train together; this one alone if not given.
            stage: that what is printed begins with.
            at_once: whether a step's micro-batches are computed at once, as on a CPU.

        Raises:
            ParamsError: the device has no such attention kernel, or FSDP2 is to be captured in
                CUDA graphs.
        """
        self.device = device.device_of(network)
        self.group = group or single_process(self.device)
        check_kernels(options, self.group)
        self.network, self.loss, self.batches, self.options = network, loss, batches, options
        self.precision = device.training_precision(options.precision, self.device)
        if self.group.first:
            device.report_emulation("train", options.precision, self.precision, self.device)
        self.ema = None if options.ema is None else optimiser.averaged(network, options.ema)
        if self.ema is not None:
            self.group.shard(self.ema.module)
        self.group.shard(network)
        self._parallel = self.group.data_parallel(network)
        # For steps alone: validation has other shapes, and few of each.
        mode = compile_mode.resolve_compile_mode(options.compile, gpu=self.device.type == "cuda")
        self._compiled = compiled(self._parallel, mode, "train.compile")
        self.optimiser = optimiser.build(network, options)
        self.curve = torch.zeros(options.steps, len(SCALARS) + loss.num_logs)
        self.callback, self.stage, self._at_once = Callback(), stage, at_once
        self._copies: Copies | None = None
        self.step = self.resumed_from = 0

    @property
    def updates(self) -> int:
        """Steps that its optimiser has taken."""
        return self.step

    @property
    def result(self) -> nn.Module:
        """The network whose weights are the result: the EMA if there is one."""
        return self.network if self.ema is None else self.ema.module

    def result_weights(self) -> dict[str, Tensor]:
        """Weights of `result` on the CPU; to be called by all processes, empty but on the first."""
        return full_state.weights(self.result, self.group)

    def fit(self, folder: Path, callback: Callback | None = None) -> None:
        """Take the remaining steps, starting from the newest readable state in `folder`.

        The last step is saved as well: if the result cannot be written, it can be from that state.

        Args:
            folder: for states; only this run's.
            callback: observes the run.

        Raises:
            RunError: loss or gradient of a step is not finite; the state before it is saved.
            StoppedError: a signal came; the state is saved.
            DataError: the latents changed, or no state can be saved.
        """
        self.callback = callback or Callback()
        checkpoint, signals = Checkpoint(folder, self.options.keep_every), SignalCatcher()
        self._resume(checkpoint)
        self.callback.on_fit_start(self)
        with signals.installed():
            try:
                for step in self.steps(self.callback.data_wait):
                    self.callback.on_step_end(self)
                    signal = self.group.all_reduce_max(signals.caught)
                    if step == self.options.steps:
                        self._save_last(checkpoint)
                    elif signal or self._save_due():
                        self._save(checkpoint)
                    if signal and step < self.options.steps:
                        raise StoppedError(signal, step, self.stage)
            except RunError as error:
                self._save(checkpoint)
                raise RunError(
                    f"{error}; a state before it is saved, so running again repeats this step; "
                    "lower train.learning_rate or train.clip, or look at these latents with "
                    "`wm inspect`"
                ) from None
        self.batches.check_unchanged()

    def steps(
        self, data_wait: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[int]:
        """Take the remaining steps; yields the number taken. `data_wait` surrounds each wait."""
        remaining = range(self.step, self.options.steps)
        draw = self.batches.draw
        with closing(prefetch_batches(draw, remaining, self.device, data_wait)) as batches:
            for _ in remaining:
                self.train_step(next(batches))
                yield self.step

    def advance(self) -> None:
        """Take one step."""
        self.train_step(self.batches.draw(self.step))

    def train_step(self, batch: Batch) -> None:
        """One optimiser step on the next batch.

        Raises:
            RunError: the loss or the gradient is not finite; no weight was changed.
        """
        if self._at_once and self._copies is None and torch.get_num_threads() > 1:
            self._copies = Copies(self.network, len(batch.micro_batches))
        with nullcontext() if self._copies is None else threads(self._copies.threads):
            self._step(batch)

    def _step(self, batch: Batch) -> None:
        micro_batches = batch.micro_batches
        rate = optimiser.learning_rate(self.step, self.options)
        optimiser.set_rate(self.optimiser, rate)
        optimiser.zero_grad(self.optimiser, len(micro_batches))
        sums = torch.zeros(1 + self.loss.num_logs, device=self.device)
        if self._copies is not None:
            with sdpa_kernel(KERNELS[self.options.attention]):  # of all threads
                sums += self._copies.backward(micro_batches, self._backward)
        else:
            for number, micro_batch in enumerate(micro_batches, 1):
                with self.group.gradient_sync(self._parallel, number == len(micro_batches)):
                    sums += self.backward(micro_batch.to(self.device))
        norm = self.group.whole(optimiser.clip_grad_norm(self.network, self.options.clip))
        self.group.all_reduce_sum(sums)
        # Fetched at once, before the optimiser: the GPU updates the weights while the host goes on.
        loss, gradient, *logs = torch.cat([sums[:1], norm[None], sums[1:]]).tolist()
        self._check_finite(batch, loss, gradient)
        self.optimiser.step()
        if self.ema is not None:
            self.ema.update_parameters(self.network)
        self.curve[self.step] = torch.tensor([loss, rate, gradient, *logs])
        self.step += 1

    def backward(self, batch: MicroBatch) -> Tensor:
        """Accumulate the gradient of a micro-batch; its loss and logs, float32 [1 + K]."""
        return self._backward(self._compiled, batch)

    def _backward(self, network: Callable[..., Tensor], batch: MicroBatch) -> Tensor:
        loss, logs = self.loss(partial(self._forward, network), batch)
        (loss * self.group.size).backward()
        return torch.cat([loss.detach()[None], logs])

    def state_dict(self) -> State:
        """The state after the steps so far; every process must call this, the first one gets it.

        Data order and noise are functions of seed and step. The state is of the whole model,
        however many processes hold it, and can be resumed by another number of them. It is to be
        written before the next step: see `full_state`.
        """
        state: State = {}
        for prefix, network in self._networks().items():
            state |= add_prefix(prefix, full_state.weights(network, self.group))
        if self.updates:  # before that, reading it would take an optimiser step
            moments = full_state.moments(self.network, self.optimiser, self.group)
            state |= add_prefix(OPTIMISER, moments)
        state |= add_prefix(CALLBACK, self.callback.state_dict())
        return {**state, CURVE: self.curve[: self.step].contiguous()}

    def load_state_dict(self, state: State | None) -> None:
        """Resume from a state; every process must call this, those after the first with None.

        If the first one has None too, the run starts from the beginning.
        """
        group, tensors = self.group, state or {}
        step = torch.tensor(len(tensors.get(CURVE, ())), device=self.device)
        self.step = self.resumed_from = int(group.broadcast(step))
        if not self.step:
            return
        for prefix, network in self._networks().items():
            full_state.load_weights(network, with_prefix(prefix, tensors), group)
        if self.ema is not None:
            optimiser.count_averaged(self.ema, self.updates)
        if self.updates:
            moments = with_prefix(OPTIMISER, tensors)
            full_state.load_moments(self.network, self.optimiser, moments, group)
        self.callback.load_state_dict(with_prefix(CALLBACK, tensors))
        curve = tensors.get(CURVE, self.curve[: self.step])
        self.curve[: self.step] = group.broadcast(curve.to(self.device)).cpu()

    def _forward(self, network: Callable[..., Tensor], *inputs: object) -> Tensor:
        mixed = device.autocast(self.device.type, self.precision)
        with mixed, sdpa_kernel(KERNELS[self.options.attention]):
            return network(*inputs).float()

    def _networks(self) -> dict[str, nn.Module]:
        """Networks whose weights are part of a state, by prefix."""
        ema = {} if self.ema is None else {EMA: self.ema.module}
        return {MODEL: self.network, **ema}

    def _check_finite(self, batch: Batch, loss: float, norm: float) -> None:
        if not torch.tensor([loss, norm]).isfinite().all():
            raise RunError(
                f"step {self.step + 1}: loss {loss}, gradient norm {norm}; its clips are from "
                f"episodes {', '.join(self.batches.episodes(batch))}"
            )

    def _resume(self, checkpoint: Checkpoint) -> None:
        self.load_state_dict(checkpoint.read() if self.group.first else None)
        for path in checkpoint.damaged:
            print(f"{self.stage}: {path} is damaged, ignored", flush=True)
        if self.step and self.group.first:
            steps = self.options.steps
            print(f"{self.stage}: resuming after step {self.step} of {steps}", flush=True)

    def _save_due(self) -> bool:
        periods = (self.options.save_every, self.options.keep_every)
        return any(period is not None and self.step % period == 0 for period in periods)

    def _save_last(self, checkpoint: Checkpoint) -> None:
        """Save; a model may find room where a state, three times as large, does not."""
        try:
            self._save(checkpoint)
        except DataError as error:
            self.batches.check_unchanged()
            print(f"{self.stage}: writing the model without a last state ({error})", flush=True)

    def _save(self, checkpoint: Checkpoint) -> None:
        state = self.state_dict()
        if self.group.first:
            self.batches.check_unchanged()
            checkpoint.write(state, self.step)
