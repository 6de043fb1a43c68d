"""Launches the processes of a run as torchrun does, and reports in one line how they ended."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.distributed import is_torchelastic_launched
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from pipeline import errors
from pipeline.compute.parallel import cores
from pipeline.errors import RunError, UserError
from pipeline.train.distributed.options import Options

SHUTDOWN_TIMEOUT = 3600
"""Seconds that processes have to finish a step, validate and save after a signal."""


def launch(work: Callable[..., None], options: Options, *arguments: object) -> None:
    """Call `work(*arguments)` in every process of a run: in this one if it is alone or torchrun's.

    Args:
        work: at the top level of a module; it and the arguments are pickled.
        options: number of processes.
        arguments: of `work`.

    Raises:
        UserError: raised by `work`, or a process died; the others are stopped first.
        SystemExit: a signal came; the processes have saved and ended.
    """
    processes = options.processes or max(1, torch.cuda.device_count())
    if processes == 1 or is_torchelastic_launched():
        work(*arguments)
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))
    # An environment variable, so that the user's own wins.
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SHUTDOWN_TIMEOUT))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
        start_method="spawn",
    )
    logging.disable(logging.CRITICAL)  # torchrun's own report of a failure is much longer
    try:
        elastic_launch(config, work)(*arguments)
    except SignalException as error:
        sys.exit(128 + error.sigval)
    except ChildFailedError as error:
        raise _failure(*error.get_first_failure(), processes) from None
    finally:
        logging.disable(logging.NOTSET)


def _failure(rank: int, failure: ProcessFailure, processes: int) -> UserError:
    """The UserError that a process raised, or one that says how it died."""
    message: Any = failure.message  # a dict with the exception, or a sentence without one
    line = message["message"] if isinstance(message, dict) else message
    kind, _, text = line.partition(": ")
    raised = vars(errors).get(kind)
    if isinstance(raised, type) and issubclass(raised, UserError):
        return raised(text)
    if isinstance(message, dict):
        print(message["extraInfo"]["py_callstack"], file=sys.stderr)
    killed = f"was killed by {failure.signal_name()}"
    return RunError(
        f"process {rank} of {processes} {killed if failure.exitcode < 0 else f'failed: {line}'}; "
        "the others were stopped; run again to resume from the last state saved"
    )
