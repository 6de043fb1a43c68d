"""What is read of every step, where a format names its arrays, columns or features."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """Names of what is read: frames, actions and states; and how many discrete actions there are.

    `discrete_actions` is None where actions are continuous.
    """

    cameras: tuple[str, ...]
    actions: tuple[str, ...]
    states: tuple[str, ...]
    discrete_actions: int | None = None
