"""How a person acts in a world: which components of an action each input drives.

Values are in the units of the data set's actions. Places on a frame are fractions of its width and
height, from the top left corner. Keys are named as by `KeyboardEvent.code` in a browser; `Mouse0`
and `Mouse2` are the left and the right button.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Code = str
"""Name of a key or a button."""


@dataclass(frozen=True, slots=True)
class Stick:
    """Two components that a stick, a drag, the keys W, A, S, D or the arrows push.

    Attributes:
        right: component that is pushed to the right, and `down` the one that is pushed downwards.
        reach: their values where the stick is pushed all the way; the way is a circle.
        arrows: whether the arrows push too; else they look.
    """

    right: int
    down: int
    reach: tuple[float, float]
    arrows: bool = True


@dataclass(frozen=True, slots=True)
class Pointer:
    """Two components that lead the agent to the place under the pointer.

    Attributes:
        components: of the action, x and y.
        state: components of the state that hold the agent's place.
        side: of the world that a frame shows, in the units of the state.
        unit: distance to the target that is an action of 1.
    """

    components: tuple[int, int]
    state: tuple[int, int]
    side: float
    unit: float

    def action(
        self, action: NDArray[np.float32], state: NDArray[np.float32], place: Sequence[float]
    ) -> NDArray[np.float32]:
        """An action [A] like the given one, but from the state [S] towards a place [2]."""
        agent = np.asarray(state, np.float64)[list(self.state)]
        led = action.copy()
        led[list(self.components)] = (self.side * np.asarray(place) - agent) / self.unit
        return led


@dataclass(frozen=True, slots=True)
class Push:
    """Four components, a line on the ground that is drawn on a frame: x and y of both ends.

    Attributes:
        components: of the action, x and y of the start and of the end.
        plane: homography [3, 3], row by row, from a place on the frame to the ground.
    """

    components: tuple[int, int, int, int]
    plane: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A key that gives a component a value while it is down.

    Attributes:
        code: of the key or the button.
        component: of the action.
        label: what it does.
        value: of the component.
        pad: button of a standard gamepad that does the same; 12 to 15 are also the left stick.
    """

    code: Code
    component: int
    label: str
    value: float = 1.0
    pad: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """How a movement of the pointer turns the view along one axis.

    Attributes:
        component: of the action; the first one of `bins`, if there are any.
        scale: value of a pixel of movement, to the right or downwards.
        key: value, to the right or downwards, of an arrow that is held for a frame.
        bins: values that one-hot components stand for, of which the nearest is 1.
    """

    component: int
    scale: float
    key: float
    bins: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Mouse look: a drag, the captured pointer, the right stick, or the arrows."""

    right: Turn
    down: Turn


@dataclass(frozen=True, slots=True)
class Slider:
    """A component on a slider, over the range that was recorded.

    Attributes:
        component: of the action.
        name: what it is, with its unit.
        keys: that go to the lower and to the upper end.
        stays: whether it stays where it was left; else it returns to the idle action.
    """

    component: int
    name: str
    keys: tuple[Code, Code] | None = None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Controls:
    """All inputs of a world; what none of them drives is as in the idle action.

    Attributes:
        idle: action [A] of a person who does nothing; None is zero, or what of the recorded range
            is nearest to it.
    """

    stick: Stick | None = None
    pointer: Pointer | None = None
    push: Push | None = None
    keys: tuple[Key, ...] = ()
    look: Look | None = None
    sliders: tuple[Slider, ...] = ()
    idle: tuple[float, ...] | None = None

    @property
    def by_turns(self) -> bool:
        """Whether nothing happens until a person acts: an action is a whole push."""
        return self.push is not None

    def idle_action(self, low: Sequence[float], high: Sequence[float]) -> list[float]:
        """The idle action [A] of actions recorded between `low` and `high`, [A] each."""
        return list(self.idle) if self.idle else np.clip(0.0, low, high).tolist()

    def described(self, low: Sequence[float], high: Sequence[float]) -> dict[str, Any]:
        """What a page has to know, as JSON; the recorded range is `low` to `high`, [A] each."""
        return {**asdict(self), "idle": self.idle_action(low, high)}


def generic(names: Sequence[str]) -> Controls:
    """A slider for each component of actions that nothing else is known of."""
    return Controls(
        sliders=tuple(Slider(index, name, stays=True) for index, name in enumerate(names))
    )
