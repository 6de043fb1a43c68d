"""Devices as users name them."""

import torch

from pipeline.errors import UserError


def check_device(device: str | torch.device) -> None:
    """Check that this machine has a device.

    Raises:
        UserError: it has none of this name, or its torch cannot use it.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"device = {str(device)!r} cannot be used here ({reason})") from None
