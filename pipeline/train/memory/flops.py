"""Floating-point operations of a computation, counted by torch's formulas."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

ON_CPU = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    ON_CPU: flop_registry[torch.ops.aten._scaled_dot_product_flash_attention],
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        torch.ops.aten._scaled_dot_product_flash_attention_backward
    ],
}
"""By operation; torch has none for its attention on a CPU."""


class Flops(TorchDispatchMode):
    """Adds up operations, 2 a multiply-add; those of matrix products, convolutions and attention.

    As torch's FlopCounterMode does, without importing torch.compile's front end.

    Attributes:
        total: operations so far.
    """

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: keeping torch.compile out of a mode imports it."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation, or the parts that it is made of, and count it."""
        kwargs = kwargs or {}
        formula = FORMULAS.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        output = func(*args, **kwargs)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=output)
        return output
