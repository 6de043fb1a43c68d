"""How often Python looks for cycles of objects that nobody needs."""

import gc

NEW_OBJECTS = 10_000
"""Objects made since the last search that start the next one; Python's own default is 700."""


def collect_rarely() -> None:
    """Search for cycles less often, for the whole process.

    Imports make a million objects that live as long as the process, and by default Python goes
    through them over and over meanwhile: a tenth of the time until a stage begins to work.
    """
    gc.set_threshold(NEW_OBJECTS)
