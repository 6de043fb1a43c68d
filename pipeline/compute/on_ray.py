"""Parallel map over a Ray cluster, whose machines share the folder of this process."""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from pipeline.compute import worker
from pipeline.compute.in_order import as_ended
from pipeline.errors import MachineError, ParamsError

Task = TypeVar("Task")
Result = TypeVar("Result")


def map_on_ray(
    function: Callable[[Task], Result], tasks: Sequence[Task], address: str, *, on_gpu: bool
) -> Iterator[tuple[int, Result]]:
    """See `parallel.parallel_unordered`; Ray itself does lost tasks again."""
    ray = _connected(address)
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0)) if on_gpu else 0
    remote: Any = ray.remote(num_gpus=1 if gpus else 0)(worker.call_on_ray)
    folder = os.getcwd()

    def submit(task: Task) -> Any:
        return remote.remote(function, worker.pack(task), folder)

    def ended(running: list[Any]) -> list[Any]:
        finished: list[Any] = ray.wait(running)[0]
        return finished

    def result(reference: Any) -> Result:
        unpacked: Result = pickle.loads(ray.get(reference))
        return unpacked

    try:
        limit = 2 * max(1, gpus or int(resources.get("CPU", 1)))
        yield from as_ended(enumerate(tasks), submit, ended, result, limit)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, FileNotFoundError) and error.cause.filename == folder:
            raise MachineError(
                f"{folder}: not on every machine of cluster.ray = {address!r}; work in a folder "
                "that they share"
            ) from None
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise MachineError(
            f"cluster.ray = {address!r}: a machine or process was lost again and again ({reason}); "
            "give tasks more memory, or set it to null"
        ) from None
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    """The module ray, connected.

    Raises:
        ParamsError: it is not installed, or nothing answers at the address.
    """
    try:
        import ray
    except ImportError:
        raise ParamsError(
            "cluster.ray is set, but ray is missing; pip install -e '.[ray]' or set it to null"
        ) from None
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray.init(
            address=None if address == "local" else address,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
        )
    except (ConnectionError, ValueError) as error:
        raise ParamsError(
            f"cluster.ray = {address!r}: {error}; start it or set it to null"
        ) from None
    return ray
