"""Who acts in a recording: at random, not at all, or a function of the user's."""

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pipeline.errors import UserError

Policy = Callable[[Any, np.random.Generator], Any]
"""The action for an observation; what it draws comes from the generator, seeded by the episode."""
RANDOM, NOOP = "random", "noop"


def policy(name: str, env: gymnasium.Env[Any, Any]) -> Policy:
    """The policy of a name: `random`, `noop` or PACKAGE.MODULE:FUNCTION, a `Policy`.

    Raises:
        UserError: there is no such module or function, or no action that does nothing.
    """
    if name == RANDOM:
        return lambda _observation, _rng: env.action_space.sample()
    if name == NOOP:
        nothing = _nothing(env.action_space)
        return lambda _observation, _rng: nothing
    return _function(name)


def _nothing(space: Any) -> Any:
    """Zeros, as far as the bounds of the space allow; 0 of a Discrete one."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    if isinstance(space, spaces.Discrete):
        return space.start
    raise UserError(
        f"--policy {NOOP}: unknown for actions of {space}; choose {RANDOM}, or write one"
    )


def _function(name: str) -> Policy:
    module, _, function = name.partition(":")
    way_out = f"known: {RANDOM}, {NOOP}, PACKAGE.MODULE:FUNCTION"
    if not module or not function:
        raise UserError(f"--policy {name!r} is unknown; {way_out}")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        raise UserError(
            f"--policy {name!r}: {error}; name a module that Python finds, or set PYTHONPATH"
        ) from None
    if not callable(found):
        raise UserError(f"--policy {name!r}: {module} has no function {function!r}; {way_out}")
    return found
