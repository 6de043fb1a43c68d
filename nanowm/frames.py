"""Frames and actions as users have them: numpy or torch, one sequence or a batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError

Array = Tensor | NDArray[Any]
"""A tensor on any device, or a numpy array."""


@dataclass(frozen=True, slots=True)
class Form:
    """How frames were given, in order to return others in the same way.

    Attributes:
        batched: with a leading batch dimension.
        numpy: as a numpy array rather than a tensor.
    """

    batched: bool
    numpy: bool

    def restore(self, values: Tensor) -> Array:
        """A tensor [B, ...] as the caller would have it: without B, as numpy."""
        values = values if self.batched else values[0]
        return values.cpu().numpy() if self.numpy else values


def as_sequences(frames: Array, name: str = "frames") -> tuple[NDArray[np.uint8], Form]:
    """Frames uint8 [T, H, W, 3], [B, T, H, W, 3] or one frame [H, W, 3] as [B, T, H, W, 3].

    Raises:
        UserError: they are of another shape or dtype, or there are none.
    """
    array = pixels(frames, name)
    if array.ndim not in (3, 4, 5):
        raise UserError(
            f"{name} are {list(array.shape)}, not [T, H, W, 3], [B, T, H, W, 3] or one frame "
            "[H, W, 3]"
        )
    form = Form(batched=array.ndim == 5, numpy=not isinstance(frames, Tensor))
    return array.reshape(-1 if form.batched else 1, *_sequence(array.shape)), form


def pixels(frames: Array, name: str = "frames") -> NDArray[np.uint8]:
    """Frames uint8 [..., H, W, 3] as a numpy array.

    Raises:
        UserError: they are of another shape or dtype, or there are none.
    """
    array = frames.detach().cpu().numpy() if isinstance(frames, Tensor) else frames
    array = np.require(array, requirements="W")  # torch warns of what it may not write to
    if array.dtype != np.uint8 or array.ndim < 3 or array.shape[-1] != 3 or not array.size:
        raise UserError(
            f"{name} are {array.dtype} {list(array.shape)}, not uint8 [..., height, width, 3] "
            "with values of 0 to 255"
        )
    return array


def single(frame: Array, name: str) -> NDArray[np.uint8]:
    """One frame uint8 [H, W, 3] as a numpy array.

    Raises:
        UserError: it is of another shape or dtype.
    """
    array = pixels(frame, name)
    if array.ndim != 3:
        raise UserError(f"{name} is {list(array.shape)}, not one frame [height, width, 3]")
    return array


def as_float(actions: Array) -> Tensor:
    """Actions of any kind of number as a float32 tensor on the CPU."""
    if isinstance(actions, Tensor):
        return actions.detach().to("cpu", torch.float32)
    return torch.from_numpy(np.require(actions, np.float32, "W"))


def as_actions(
    actions: Array, batch: int, *, batched: bool, interval: int, action_dim: int
) -> Tensor:
    """Actions [N, A], or [B, N, A] of a batch, one per environment step, as [B, F, interval, A].

    Raises:
        UserError: they are of another shape, not finite, or N is no multiple of the interval.
    """
    values = as_float(actions)
    expected = f"[{batch}, N, {action_dim}]" if batched else f"[N, {action_dim}]"
    if values.ndim != (3 if batched else 2) or values.shape[-1] != action_dim:
        raise UserError(f"actions are {list(values.shape)}, not {expected}, in the data's units")
    values = values if batched else values[None]
    if len(values) != batch:
        raise UserError(f"{len(values)} sequences of actions, but {batch} of frames")
    if values.shape[1] % interval:
        raise UserError(
            f"{values.shape[1]} actions, which is no multiple of {interval}: the model's frames "
            f"are {interval} environment steps apart, so give {interval} actions for each"
        )
    if not torch.isfinite(values).all():
        raise UserError("actions hold NaN or infinity")
    return values.unflatten(1, (-1, interval))


def _sequence(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape [T, H, W, 3] of one sequence in an array of this shape."""
    return (1, *shape) if len(shape) == 3 else shape[-4:]
