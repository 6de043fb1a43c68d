"""Peak memory of a computation: bytes of live tensors, counted as they come and go."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class Footprint(TorchDispatchMode):
    """Counts the storage of every tensor made within it, as long as the storage lives.

    Attributes:
        current: live bytes.
        peak: most bytes that were live at once.
    """

    def __init__(self, excluded: Iterable[Tensor] = ()) -> None:
        """Do not count tensors that are `excluded`, or share their storage."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.current = self.peak = 0
        # An id is unique while its storage lives, since a storage keeps its Python object.
        self.counted = {id(tensor.untyped_storage()) for tensor in excluded}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: keeping torch.compile out of a mode imports it."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation and count its outputs."""
        outputs = func(*args, **(kwargs or {}))
        for tensor in tree_iter(outputs):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return outputs

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if id(storage) not in self.counted:
            self.counted.add(id(storage))
            self.current += storage.nbytes()
            self.peak = max(self.peak, self.current)
            weakref.finalize(storage, self._forget, id(storage), storage.nbytes())

    def _forget(self, storage: int, size: int) -> None:
        self.counted.discard(storage)
        self.current -= size
