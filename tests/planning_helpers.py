"""A Wall world with known physics, for tests of planning."""

import torch
from helpers import PARAMS, default
from train_helpers import sampling

from pipeline.encoders import Encoder, Posterior
from pipeline.plan import Options
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.plan import by_name, plan
from pipeline.plan.tasks import TaskSource
from pipeline.planners import PLANNERS

INTERVAL = 5


class Position(Encoder):
    """Encodes a frame as the position of its dot, [2, 1, 1]: a latent with known physics."""

    stochastic = False
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        red = frames[:, 0].float()
        side = red.shape[-1]
        grid = (torch.arange(side) + 0.5) * 65 / side - 0.5
        total = red.sum((1, 2))
        x, y = (red.sum(1) @ grid) / total, (red.sum(2) @ grid) / total
        return Posterior(torch.stack([x, y], 1)[..., None, None], None)

    def decode(self, latents):
        return torch.zeros((len(latents), 3, 64, 64), dtype=torch.uint8)


class Physics:
    """A world model of a free dot: it moves by twice its actions."""

    device = torch.device("cpu")

    def __init__(self, spec):
        self.spec = spec
        self.config = type("Config", (), {"interval": INTERVAL, "frames": 4})

    def rollout(self, history, actions, noise, sampling, prefix=None):
        new = actions[:, history.shape[1] - 1 :]
        moves = 2 * new.sum(2).cumsum(1)[..., None, None]
        return self.spec.whiten(self.spec.unwhiten(history[:, -1:]) + moves)


class Blind(Physics):
    """A world model that ignores actions."""

    def rollout(self, history, actions, noise, sampling, prefix=None):
        new = actions.shape[1] - history.shape[1] + 1
        return history[:, -1:].expand(-1, new, -1, -1, -1)


class Reader:
    """A probe that reads the position off its latent, and proposes to go straight there."""

    def __init__(self, spec):
        self.spec = spec

    def coordinates(self, latents):
        return self.spec.unwhiten(latents)[..., 0, 0]

    def proposals(self, now, goal, frames_left):
        each = (goal - now) / (2 * INTERVAL * frames_left[:, None])
        frames = int(frames_left.max())
        std, mean = (self.spec.action(name, each) for name in ("std", "mean"))
        return ((each - mean) / std).repeat(1, INTERVAL)[:, None].expand(-1, frames, -1)


def options(count=24, frames=(2, 2), **changes):
    goals = {"count": count, "source": "dataset", "frames": frames, "detour": None}
    distance = {**PARAMS["plan"]["distance"], **changes.pop("distance", {})}
    limits = {"budget_frames": 4, "horizon": 2, "max_trivial": 1.0, "recorded": 4, "simulator": []}
    alone = {"proposals": {"nearest": 0, "inverse": 0}, "accept": 0.0}
    values = {**PARAMS["plan"], **limits, "goals": goals, **alone, **changes}
    return Options.model_validate({**values, "distance": distance})


def parts(world, cache, model, limits, **planner):
    search = {"candidates": 64, "elites": 8, "rounds": 6, **planner}
    module, cem_options = default(PLANNERS, "cem", **search)
    steps = sampling(steps=1)
    return Parts(
        *(world, cache, model(cache.spec), Position(), Reader(cache.spec)),
        *(module.build(cem_options), steps, limits),
    )


def source(world, cache, limits):
    return TaskSource(world, cache, limits.goals, INTERVAL, limits.context, limits.seed)


def run(world, cache, model, **changes):
    limits = options(**changes)
    tasks = source(world, cache, limits).draw()
    return tasks, attempted(parts(world, cache, model, limits), tasks)


def attempted(built, tasks):
    """The runs of all controllers that some parts make."""
    world, limits = built.world, built.options
    controllers = by_name(world, built.cache, tasks, build_controllers(built), limits)
    return plan(world, tasks, controllers, limits.budget_frames * INTERVAL, limits)


def rate(runs):
    return sum(run.success for run in runs) / len(runs)
