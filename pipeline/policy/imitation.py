"""Where a policy begins: it imitates the recorded walks that stay upright (behaviour cloning)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from pipeline.compute.generators import seeded
from pipeline.episodes.groups import POLICY, policy_observation
from pipeline.errors import DataError
from pipeline.latents.cache import LatentCache
from pipeline.policy import Imitation
from pipeline.policy.actor import Actor, ActorConfig
from pipeline.policy.starts import upright
from pipeline.policy.walking import command_of


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """Recorded rows: the group policy [N, 48], without noise, and the action chosen at it [N, 12].

    Actions are cut to the bounds of the simulator.
    """

    observations: Tensor
    actions: Tensor

    def __len__(self) -> int:
        """Number N of rows."""
        return len(self.actions)


def demonstrations(cache: LatentCache, low: Tensor, high: Tensor) -> Demonstrations:
    """The rows of the train split's episodes that do not end in a fall.

    Raises:
        DataError: each of them does.
    """
    seen, done = [], []
    for meta, rows in upright(cache):
        states, actions = cache.states[rows], cache.actions[rows]
        command = np.broadcast_to(command_of(meta).numpy(), (len(states), 3))
        last = np.concatenate([np.zeros_like(actions[:1]), actions[:-1]])
        seen.append(policy_observation(states, command, last))
        done.append(actions)
    if not seen:
        raise DataError(
            f"{cache.path}: every episode of the train split ends in a fall, so there is none to "
            "imitate; set policy.imitation.steps: 0"
        )
    chosen = torch.from_numpy(np.concatenate(done))
    return Demonstrations(torch.from_numpy(np.concatenate(seen)), chosen.clamp(low, high))


def imitate(
    shown: Demonstrations, config: ActorConfig, options: Imitation, noise: bool, seed: int
) -> Actor:
    """An actor trained on the squared error of its actions.

    Args:
        shown: what it imitates.
        config: of the actor.
        options: for how long.
        noise: whether observations carry the noise of the group policy.
        seed: from which weights and batches follow.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(config)
    generator, half = seeded(seed, 2), torch.from_numpy(POLICY.noise()) * noise
    optimiser = torch.optim.Adam(actor.parameters(), options.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    for _ in range(options.steps):
        rows = torch.randint(len(shown), (options.batch,), generator=generator)
        drawn = torch.rand((options.batch, POLICY.width), generator=generator)
        observations = shown.observations[rows] + half * (2 * drawn - 1)
        loss = mse_loss(actor.mlp(observations), shown.actions[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return actor.eval()
