"""How many bytes of tensors a computation holds at once, counted as they come and go."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class Footprint(TorchDispatchMode):
    """Within it every new tensor counts, each storage once, until nothing refers to it any more.

    Attributes:
        now: bytes that are alive.
        peak: most bytes that were alive at once.
    """

    def __init__(self, spared: Iterable[Tensor] = ()) -> None:
        """Count nothing of what is `spared`, or shares its storage."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        # A storage keeps its Python object, so an id is that of one storage while it is alive.
        self.known = {id(tensor.untyped_storage()) for tensor in spared}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation and count what it made."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_iter(made):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if id(storage) not in self.known:
            self.known.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, id(storage), storage.nbytes())

    def _forget(self, storage: int, size: int) -> None:
        self.known.discard(storage)
        self.now -= size
