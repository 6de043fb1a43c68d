"""An encoder at work on a device: in which precision, compiled or not, its next frames at hand."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.compute import compile_mode as compilation
from pipeline.compute import device as devices
from pipeline.compute.compile import compiled
from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Precision
from pipeline.compute.prefetch import prefetched
from pipeline.encoders import Encoder, Posterior

AHEAD = 2
"""Batches of frames that are made ready while the device is busy."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How an encoder computes, wherever it does.

    Attributes:
        precision: of its products; bfloat16 is emulated where the device does not compute in it.
        compile: as in `compilation.chosen`.
    """

    precision: Precision
    compile: Mode | None


class Runner:
    """Encodes frames on one device; what comes out is float32 on the CPU."""

    def __init__(self, encoder: Encoder, device: torch.device, execution: Execution) -> None:
        """Move the encoder to the device; it stays there."""
        self.encoder, self.device = encoder.to(device), device
        self.precision = execution.precision
        mode = compilation.chosen(execution.compile, gpu=device.type == "cuda")
        self._encode = compiled(self.encoder.encode, mode, "encode.compile")

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to raw latents [B, C, h, w]."""
        return self._begin(self._staged(frames)).finished()

    def run(self, batches: Iterator[Tensor]) -> Iterator[Posterior]:
        """Encode batches one after the other.

        The next batches are made meanwhile, in a thread; and the device is given a batch before the
        one before it is handed out.
        """
        begun: PendingBatch | None = None
        with closing(prefetched(map(self._staged, batches), AHEAD)) as staged:
            for frames in staged:
                last, begun = begun, self._begin(frames)
                if last is not None:
                    yield last.finished()
        if begun is not None:
            yield begun.finished()

    def _staged(self, frames: Tensor) -> Tensor:
        """Frames where the device can fetch them by itself."""
        return frames.pin_memory() if self.device.type == "cuda" else frames

    def _begin(self, frames: Tensor) -> "PendingBatch":
        with devices.products(self.device.type, self.precision):
            raw = self._encode(frames.to(self.device, non_blocking=True))
        mean, std = self._fetched(raw.mean), None if raw.std is None else self._fetched(raw.std)
        return PendingBatch(
            Posterior(mean, std), _mark(self.device) if self.device.type == "cuda" else None
        )

    def _fetched(self, latents: Tensor) -> Tensor:
        """Latents as float32 on the CPU; a GPU may still be writing them."""
        if self.device.type != "cuda":
            return latents.float()
        there = torch.empty(latents.shape, dtype=torch.float32, pin_memory=True)
        return there.copy_(latents.float(), non_blocking=True)


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch that a device was given, and what marks the end of the work on it."""

    raw: Posterior
    landed: torch.cuda.Event | None

    def finished(self) -> Posterior:
        """The latents, once they are all there."""
        if self.landed is not None:
            self.landed.synchronize()
        return self.raw


def _mark(device: torch.device) -> torch.cuda.Event:
    """The end of what a GPU was given until now."""
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(device))
    return event
