"""What a page does: its newest action, and which of that a frame has done already."""

from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.tools.play.engine import Act
from pipeline.tools.play.messages import Action, Impulse


@dataclass(slots=True)
class Acting:
    """The newest action wins; an impulse is done once.

    Attributes:
        idle: action [A] of a person who does nothing.
        newest: what the page has said last.
    """

    idle: list[float]
    newest: Action | None = None
    _answered: Action | None = None
    _impulses: int = 0

    def take(self, action: Action) -> None:
        """The page does something else.

        Raises:
            UserError: it has another size than the model's actions.
        """
        for said in (action, action.impulse) if action.impulse else (action,):
            if len(said.action) != (size := len(self.idle)):
                raise UserError(f"action: {len(said.action)} numbers, not {size}")
        self.newest = action

    @property
    def impulse(self) -> Impulse | None:
        """What no frame has done yet."""
        impulse = None if self.newest is None else self.newest.impulse
        return impulse if impulse is not None and impulse.number > self._impulses else None

    def act(self) -> tuple[Act, float | None]:
        """What the next frame does, and the action's time if it is the first to follow it."""
        if (action := self.newest) is None:
            return Act(np.array(self.idle, np.float32)), None
        time = None if action is self._answered else action.time
        self._answered = action
        if (impulse := self.impulse) is None:
            return Act(np.array(action.action, np.float32), action.place), time
        self._impulses = impulse.number
        return Act(np.array(impulse.action, np.float32)), time
