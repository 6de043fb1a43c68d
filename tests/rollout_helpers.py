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


def precise(model: WorldModel) -> WorldModel:
    """The randomised model in float64, where rounding is no excuse."""
    denoiser = randomised(model).denoiser.double()
    # Levels are embedded in float32.
    denoiser.t_embedder.register_forward_pre_hook(lambda _, levels: levels[0].double())
    model.objective.table = model.objective.table.double()
    return model


def planning_inputs(
    model: WorldModel,
    generator: torch.Generator,
    history_len: int = 1,
    new: int = 3,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor, Noise]:
    """Two histories, the actions in them, three sequences of actions from each, and noise."""

    def normal(*sizes: int) -> Tensor:
        return torch.randn(sizes, generator=generator, dtype=dtype)

    shape, action = model.spec.latent_shape, (2, 2)
    return (
        normal(2, history_len, *shape),
        normal(2, history_len - 1, *action),
        normal(2, 3, new, *action),
        Noise(normal(2, new, *shape), fresh=normal(2, 1, new, *shape)),
    )
