"""Objectives in float64, by the levels of a reference."""

import torch
from train_helpers import part

from pipeline.objectives import OBJECTIVES


def objective_of(name, **changes):
    module = OBJECTIVES.load(name, "objective")
    built = module.build(module.Options.model_validate(part(OBJECTIVES, name, **changes).options))
    built.table = built.table.double()
    return built


def with_sigmas(sigmas):
    """A flow with these noise levels, descending, and without noise after the last."""
    flow = objective_of("flow")
    sigma = torch.cat([sigmas.flip(0), torch.zeros(1, dtype=torch.float64)])
    flow.table = torch.stack([1 - sigma, sigma])
    return flow
