"""Load a model, whichever kind it is."""

from pathlib import Path

import torch

from nanowm import folder as folders
from nanowm.devices import check_device
from nanowm.state_model import StateModel
from nanowm.world_model import WorldModel
from pipeline.diffusion.config import is_of_states
from pipeline.diffusion.model_folder import CONFIG


def load(
    name: str | Path, *, revision: str | None = None, device: str | torch.device = "cpu"
) -> WorldModel | StateModel:
    """A world model of frames with its codec, or a state model, from a folder or the hub.

    Arguments and errors are those of `WorldModel.from_pretrained`.
    """
    check_device(device)
    folder, world_model, _ = folders.find(name, revision)
    way_out = "get the model again from where it comes"
    kind = StateModel if is_of_states(world_model / CONFIG, way_out) else WorldModel
    return kind.from_pretrained(folder, device=device)
