"""Environments by their Gymnasium ids, with whatever makes them show frames."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import yaml

from pipeline.errors import UserError
from pipeline.gym.view import RENDER, view


def make(
    env_id: str, arguments: Sequence[str], steps: int, image_key: str | None
) -> gymnasium.Env[Any, Any]:
    """Make an environment; where it has no images in its observations, one that renders.

    Args:
        env_id: id, or MODULE:ID to import a module that registers it.
        arguments: KEY=VALUE for gymnasium.make; values are YAML.
        steps: steps after which an episode is truncated.
        image_key: as for `view`.

    Raises:
        UserError: there is no such environment, or it cannot be made or shows no frames.
    """
    keywords = dict(_argument(text) for text in arguments)
    env = _make(env_id, keywords, steps)
    modes = env.metadata.get("render_modes") or []
    if "render_mode" not in keywords and "rgb_array" in modes and _lacks_image(env, image_key):
        env.close()  # type: ignore[no-untyped-call]
        env = _make(env_id, {**keywords, "render_mode": "rgb_array"}, steps)
    return env


def _argument(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UserError(f"--arg {text!r}: give KEY=VALUE")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"--arg {text!r}: the value is no YAML; put quotes around it") from None


def _lacks_image(env: gymnasium.Env[Any, Any], image_key: str | None) -> bool:
    if image_key == RENDER:
        return True
    try:
        view(env, image_key, ())
    except UserError:
        return True
    return False


def _make(env_id: str, keywords: dict[str, Any], steps: int) -> gymnasium.Env[Any, Any]:
    import pipeline.gym  # noqa: F401  (registers the worlds)

    try:
        return gymnasium.make(env_id, max_episode_steps=steps, **keywords)
    except UserError:
        raise
    except (gymnasium.error.Error, ImportError, TypeError) as error:
        said = " ".join(str(error).split())
        raise UserError(
            f"{env_id}: cannot be made ({said}); give an id that is registered, or MODULE:ID of "
            "the module that registers it, and its arguments by --arg KEY=VALUE"
        ) from None
