"""What of a Gymnasium environment is recorded: its frames, its states, its actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pipeline.errors import UserError, did_you_mean

RENDER = "render"
"""Image key of the frames that `render()` returns."""
PIXELS, STATE = "pixels", "state"
"""Keys that Gymnasium's AddRenderObservation gives to the frame and to the original observation."""
Env = gymnasium.Env[Any, Any]


@dataclass(frozen=True, slots=True)
class View:
    """Where an environment's observations hold frames and states.

    Attributes:
        image: key of a dict observation, RENDER, or None if the observation is the frame.
        states: keys of a dict observation; None if the whole observation is the state.
    """

    image: str | None
    states: tuple[str, ...] | None

    def frame(self, env: Env, observation: Any) -> NDArray[np.uint8]:
        """The frame uint8 [H, W, 3] of what was just observed, as a copy.

        Raises:
            UserError: `render()` returns no RGB frame.
        """
        pixels = observation
        if self.image == RENDER:
            pixels = env.render()
        elif self.image is not None:
            pixels = observation[self.image]
        frame = np.array(pixels)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] not in (1, 3):
            raise UserError(
                f"{name(env)}: a frame is {frame.dtype} {list(frame.shape)}, not uint8 [H, W, 3]; "
                'give render_mode="rgb_array" to gymnasium.make'
            )
        return frame if frame.shape[2] == 3 else frame.repeat(3, 2)

    def state(self, observation: Any) -> NDArray[np.float32]:
        """The state float32 [S] of an observation."""
        if self.states is None:
            return np.array(observation, np.float32).ravel()
        parts = [np.asarray(observation[key], np.float32).ravel() for key in self.states]
        return np.concatenate([np.zeros(0, np.float32), *parts])


def view(env: Env, image_key: str | None, state_keys: Sequence[str] | None) -> View:
    """Find frames and states in the observations of an environment.

    Args:
        env: its observation is an image (Box uint8 [H, W, 3], or 1 channel), a vector, or a Dict of
            such; where it has no image, the environment renders in mode rgb_array.
        image_key: key of the image in a Dict, or RENDER; None is `pixels`, else the only image,
            else RENDER.
        state_keys: keys of the vectors in a Dict that are the state, in order; None is `state`,
            else all of them.

    Raises:
        UserError: there is no such key, several images and none was chosen, or no image at all.
    """
    space = env.observation_space
    entries = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    images = [key for key, inner in entries.items() if _is_image(inner)]
    vectors = [key for key, inner in entries.items() if _is_vector(inner)]
    if state_keys is None:
        state_keys = [STATE] if STATE in vectors else vectors
    for key in state_keys:
        if key not in vectors:
            said = did_you_mean(key, vectors)
            raise UserError(f"{name(env)}: observations have no vector {key!r}; {said}")
    states = None if _is_vector(space) else tuple(state_keys)
    if image_key is None:
        if _is_image(space):
            return View(None, states)
        image_key = _only_image(env, images)
    if image_key != RENDER and image_key not in images:
        said = did_you_mean(image_key, [*images, RENDER])
        raise UserError(f"{name(env)}: observations have no image {image_key!r}; {said}")
    if image_key == RENDER and env.render_mode != "rgb_array":
        raise UserError(
            f"{name(env)}: its observations are no images, and its render_mode is "
            f'{env.render_mode!r}; give render_mode="rgb_array" to gymnasium.make'
        )
    return View(image_key, states)


def name(env: Env) -> str:
    """The id of an environment, else the name of its class."""
    return env.unwrapped.spec.id if env.unwrapped.spec else type(env.unwrapped).__name__


def _only_image(env: Env, images: Sequence[str]) -> str:
    if PIXELS in images:
        return PIXELS
    if len(images) > 1:
        raise UserError(
            f"{name(env)}: observations have several images: {', '.join(images)}; choose one by "
            f"image_key, or {RENDER!r}"
        )
    return images[0] if images else RENDER


def _is_image(space: Any) -> bool:
    return (
        isinstance(space, spaces.Box)
        and space.dtype == np.uint8
        and len(space.shape) == 3
        and space.shape[2] in (1, 3)
    )


def _is_vector(space: Any) -> bool:
    if isinstance(space, spaces.Discrete):
        return True
    return isinstance(space, spaces.Box) and len(space.shape) <= 1
