"""World models, untrained or loaded for the latents of a cache."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from pipeline.diffusion.config import Config
from pipeline.diffusion.world_model import WorldModel
from pipeline.latents.cache import LatentCache


def initialised(config: Config, device: torch.device, seed: int) -> WorldModel:
    """An untrained model: the same weights for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # layers initialise from the global generator
        return WorldModel(config, device)


def with_weights(config: Config, weights: Mapping[str, Tensor]) -> WorldModel:
    """A model with these weights, on the CPU."""
    model = WorldModel(config, torch.device("cpu"))
    model.denoiser.load_state_dict(weights)
    return model


def load(folder: Path, device: torch.device, cache: LatentCache) -> WorldModel:
    """Load a world model for inference on the latents of a cache.

    Raises:
        DataError: it cannot be loaded, or was trained on latents unlike those of the cache.
    """
    model = WorldModel.from_pretrained(folder, device=device)
    model.check_cache(cache)
    return model
