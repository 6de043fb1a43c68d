"""A worker process: its number, its start, and tasks and results that travel as bytes."""

import io
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.compute.allocator import keep_freed_memory
from pipeline.compute.garbage import collect_rarely

Task = TypeVar("Task")
_own_number = 0


def number() -> int:
    """Number of this worker process, constant over its tasks.

    Processes count from 0; on Ray, where they come and go, numbers are arbitrary.
    """
    return _own_number


def start(started: Any) -> None:
    """Begin a worker process of this machine: the `started`-th, by a counter that all share.

    Ctrl-C ends it at once, and so does the end of its parent, however that comes.
    """
    global _own_number
    with started.get_lock():
        _own_number = started.value
        started.value += 1
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    keep_freed_memory()
    collect_rarely()
    _die_with_parent()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Views of a tensor are sent without the rest of its storage."""
        torch = sys.modules.get("torch")
        if torch is None or type(value) is not torch.Tensor:
            return NotImplemented
        is_whole = value.untyped_storage().nbytes() == value.nbytes
        return NotImplemented if is_whole else value.clone().__reduce_ex__(pickle.HIGHEST_PROTOCOL)


def pack(value: object) -> bytes:
    """A task or a result, pickled."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()


def call(function: Callable[[Task], Any], packed: bytes) -> bytes:
    """`function` of a pickled task, pickled.

    Multiprocessing would hand tensors over as open files of shared memory, of which a process may
    have some hundreds; as bytes they are as many as memory holds.
    """
    return pack(function(pickle.loads(packed)))


def call_on_ray(function: Callable[[Task], Any], packed: bytes, folder: str) -> bytes:
    """The same in a process of Ray, in a folder that all machines share."""
    global _own_number
    _own_number = os.getpid()
    os.chdir(folder)
    return call(function, packed)


def _die_with_parent() -> None:
    """Exit when the parent is killed: a worker would otherwise wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
