"""Runs an encoder on a device: precision, compilation, and batches in flight."""

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
from pipeline.compute.prefetch import prefetch
from pipeline.encoders import Encoder, Posterior

AHEAD = 2
"""Batches of frames prepared while the device is busy."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Precision and compilation of an encoder, the same in every process.

    Attributes:
        precision: of its matrix products; devices without bfloat16 emulate it.
        compile: mode of torch.compile; None for the default of the device.
    """

    precision: Precision
    compile: Mode | None


class Runner:
    """Encodes frames on one device; latents are float32 on the CPU."""

    def __init__(self, encoder: Encoder, device: torch.device, execution: Execution) -> None:
        """Move the encoder to the device, and compile it there."""
        self.encoder, self.device = encoder.to(device), device
        self.precision = execution.precision
        mode = compilation.resolve_compile_mode(execution.compile, gpu=device.type == "cuda")
        self._encode = compiled(self.encoder.encode, mode, "encode.compile")

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to raw latents [B, C, h, w]."""
        return self._launch(self._pinned(frames)).fetch()

    def run(self, batches: Iterator[Tensor]) -> Iterator[Posterior]:
        """Encode batches in their order.

        Further batches are prepared in a thread, and a batch is queued on the device before the
        results of the previous one are fetched.
        """
        pending: PendingBatch | None = None
        with closing(prefetch(map(self._pinned, batches), AHEAD)) as pinned:
            for frames in pinned:
                previous, pending = pending, self._launch(frames)
                if previous is not None:
                    yield previous.fetch()
        if pending is not None:
            yield pending.fetch()

    def _pinned(self, frames: Tensor) -> Tensor:
        """Frames in pinned memory, from which a GPU copies asynchronously."""
        return frames.pin_memory() if self.device.type == "cuda" else frames

    def _launch(self, frames: Tensor) -> "PendingBatch":
        with devices.autocast(self.device.type, self.precision):
            posterior = self._encode(frames.to(self.device, non_blocking=True))
        mean = self._to_cpu(posterior.mean)
        std = None if posterior.std is None else self._to_cpu(posterior.std)
        event = _record_event(self.device) if self.device.type == "cuda" else None
        return PendingBatch(Posterior(mean, std), event)

    def _to_cpu(self, latents: Tensor) -> Tensor:
        """Latents as float32 on the CPU; a GPU may still be writing them."""
        if self.device.type != "cuda":
            return latents.float()
        pinned = torch.empty(latents.shape, dtype=torch.float32, pin_memory=True)
        return pinned.copy_(latents.float(), non_blocking=True)


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch queued on a device.

    Attributes:
        posterior: its latents, on the CPU; a GPU may still be writing them.
        event: recorded behind the last copy on a GPU; None on the CPU.
    """

    posterior: Posterior
    event: torch.cuda.Event | None

    def fetch(self) -> Posterior:
        """The latents, after the device has written them."""
        if self.event is not None:
            self.event.synchronize()
        return self.posterior


def _record_event(device: torch.device) -> torch.cuda.Event:
    """An event behind all work queued on a GPU until now."""
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(device))
    return event
