"""Starting the processes of a run, as torchrun does, and saying in one line how they ended."""

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
from pipeline.errors import RunError, UserError
from pipeline.train.distributed.options import Options

PATIENCE = 3600
"""Seconds that processes have to finish a step, and look, and save, once a signal came."""


def launch(work: Callable[..., None], options: Options, *arguments: object) -> None:
    """Do `work(*arguments)` in every process of a run: here, if that is one or torchrun's own.

    Args:
        work: at the top level of a module; it and the arguments are pickled.
        options: how many processes.
        arguments: of the work.

    Raises:
        UserError: what the work raised, or that a process died; the others are stopped first.
        SystemExit: the processes saved and ended, as a signal had asked.
    """
    processes = options.processes or max(1, torch.cuda.device_count())
    if processes == 1 or is_torchelastic_launched():
        work(*arguments)
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    # Not as an option of LaunchConfig, which torch 2.11 does not have.
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(PATIENCE))
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
    logging.disable(logging.CRITICAL)  # torchrun's account of the end is longer than ours
    try:
        elastic_launch(config, work)(*arguments)
    except SignalException as error:
        sys.exit(128 + error.sigval)
    except ChildFailedError as error:
        raise _ended(*error.get_first_failure(), processes) from None
    finally:
        logging.disable(logging.NOTSET)


def _ended(rank: int, failure: ProcessFailure, processes: int) -> UserError:
    """The user's error that a process raised, or that it died."""
    told: Any = failure.message  # what was raised, and where; a sentence if nothing was
    said = told["message"] if isinstance(told, dict) else told
    kind, _, text = said.partition(": ")
    raised = vars(errors).get(kind)
    if isinstance(raised, type) and issubclass(raised, UserError):
        return raised(text)
    if isinstance(told, dict):
        print(told["extraInfo"]["py_callstack"], file=sys.stderr)
    killed = f"was killed by {failure.signal_name()}"
    return RunError(
        f"process {rank} of {processes} {killed if failure.exitcode < 0 else f'failed: {said}'}; "
        "the others were stopped: run it again to go on from the last state saved"
    )
