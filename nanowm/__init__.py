"""World models from Python: load one with its codec, roll it out, step it, plan with it.

    model = nanowm.load("models/wall/tiny_vae")  # or an id on the Hugging Face hub
    future = model.rollout(frames, actions)  # uint8 pixels in, uint8 pixels out

Importing it loads no torch: each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nanowm._pipeline import claim

claim()

from pipeline import __version__  # noqa: E402 - once it is known which `pipeline` that is

if TYPE_CHECKING:
    from nanowm.dataset import Clip, Dataset
    from nanowm.env import DreamEnv, make_env
    from nanowm.load import load
    from nanowm.state_model import StateModel
    from nanowm.stepping import State
    from nanowm.world_model import WorldModel
    from pipeline.gym.record import Recorder

__all__ = [
    "Clip",
    "Dataset",
    "DreamEnv",
    "Recorder",
    "State",
    "StateModel",
    "WorldModel",
    "__version__",
    "load",
    "make_env",
]

HOMES = {
    "Clip": "nanowm.dataset",
    "Dataset": "nanowm.dataset",
    "DreamEnv": "nanowm.env",
    "Recorder": "pipeline.gym.record",
    "State": "nanowm.stepping",
    "StateModel": "nanowm.state_model",
    "WorldModel": "nanowm.world_model",
    "load": "nanowm.load",
    "make_env": "nanowm.env",
}
"""The module of each public name."""


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module 'nanowm' has no attribute {name!r}")
    value = getattr(import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
