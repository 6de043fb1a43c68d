"""The frame of a stage's work in each of its processes."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pipeline import stage
from pipeline.errors import RunError
from pipeline.params import Settings
from pipeline.train.distributed.group import Group, join
from pipeline.train.distributed.options import Options
from pipeline.train.interruptions import StoppedError, is_lost_peer


def scratch(
    group: Group, name: str, identity: Callable[[], tuple[str, ...]]
) -> AbstractContextManager[Path]:
    """Folder for states until a run is complete; only the first process writes there.

    Args:
        group: all processes.
        name: of the stage.
        identity: all that decides the result; only the first process is asked.
    """
    if not group.first:
        return nullcontext(stage.SCRATCH)
    return stage.scratch(name, *identity())


def in_group(settings: Settings, work: Callable[[Group], None]) -> None:
    """Join the other processes and work with them.

    Raises:
        RunError: another process of the run is gone.
        SystemExit: a signal stopped the run, and its state is saved.
    """
    with join(settings.section("distributed", Options).strategy) as group:
        try:
            work(group)
        except StoppedError as error:
            if group.first:
                print(error, file=sys.stderr)
            sys.exit(error.exit_code)
        except RuntimeError as error:
            if not is_lost_peer(error):
                raise
            raise RunError(
                f"process {group.rank} of {group.size} lost contact with another one, which must "
                "have ended; run again to resume from the last state saved"
            ) from None
