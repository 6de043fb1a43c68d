"""Load a model for inference, whichever kind it is."""

from pathlib import Path

import torch

from pipeline.diffusion.config import is_of_states
from pipeline.diffusion.model_folder import CONFIG, find
from pipeline.diffusion.world_model import WorldModel
from pipeline.dynamics.state_model import StateModel
from pipeline.latents.cache import LatentCache


def load_model(
    name: str | Path, *, revision: str | None = None, device: str | torch.device = "cpu"
) -> WorldModel | StateModel:
    """Load a world model or a state model; see `WorldModel.from_pretrained`."""
    folder, remedy = find(name, revision)
    loaded = StateModel if is_of_states(folder / CONFIG, remedy) else WorldModel
    return loaded.from_pretrained(name, revision=revision, device=device)


def load_for(folder: Path, device: torch.device, cache: LatentCache) -> WorldModel | StateModel:
    """Load a model for inference on the latents of a cache.

    Raises:
        DataError: it cannot be loaded, or was trained on latents unlike those of the cache.
    """
    model = load_model(folder, device=device)
    model.check_cache(cache)
    return model
