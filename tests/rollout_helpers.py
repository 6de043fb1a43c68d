"""A small untrained world model, and inputs for its rollouts."""

import torch
from torch import Tensor

from pipeline.diffusion.sampling import Noise
from pipeline.diffusion.world_model import WorldModel


def randomised(model: WorldModel) -> WorldModel:
    """The model with weights that make every part of the network matter."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    model.denoiser.requires_grad_(False)
    return model


def rollout_inputs(
    model: WorldModel, generator: torch.Generator, history_len: int = 1, new: int = 3
) -> tuple[Tensor, Tensor, Noise]:
    """History, actions and noise of two rollouts."""
    shape = model.spec.latent_shape
    history = torch.randn((2, history_len, *shape), generator=generator)
    actions = torch.randn((2, history_len - 1 + new, 2, 2), generator=generator)
    start = torch.randn((2, new, *shape), generator=generator)
    return history, actions, Noise(start)
