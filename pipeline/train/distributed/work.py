"""The frame of a stage's work in each of its processes."""

import sys
from collections.abc import Callable

from pipeline.errors import RunError
from pipeline.params import Settings
from pipeline.train.distributed.group import Group, join
from pipeline.train.distributed.options import Options
from pipeline.train.interruptions import StoppedError, is_lost_peer


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
