"""What many tasks have in common, sent to worker processes with each and made there once."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Shared(Generic[Value]):
    """A part of several tasks; each process that is sent them in turn unpickles it once.

    An opened data set is pickled as the path of its folder: without this, every task would open it
    again, and list all of its episodes for the few that are asked for.
    """

    value: Value

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(self.value)

    def __reduce__(self) -> "tuple[Callable[[bytes], Shared[Value]], tuple[bytes]]":
        """Pickle the value as bytes, by which a process recognises it."""
        return _unpacked, (self._packed,)


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Shared[Value]:
    return Shared(pickle.loads(packed))
