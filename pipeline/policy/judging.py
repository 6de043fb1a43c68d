"""Which of a run's policies is kept: the best in imagined episodes of histories it never saw."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from pipeline.imagination.environments import Environments
from pipeline.policy.actor import Actor
from pipeline.train.checkpoint import State, add_prefix, with_prefix

PREFIX, VALUE = "kept.", "kept"
Judge = Callable[[State], float]
"""Weights of an actor to what it is rewarded in an episode."""


def imagined_return(begin: Callable[[], Environments], actor: Actor) -> Judge:
    """Judges the actions of an actor, without noise of their own, by its mean imagined return.

    Args:
        begin: makes the same environments each time.
        actor: gets the weights.
    """

    @torch.no_grad()
    def judge(weights: State) -> float:
        actor.load_state_dict(weights)
        environments = begin()
        first = torch.ones(len(environments))  # 1 until an episode ends, then 0
        total = torch.zeros(len(environments))
        seen = environments.observation()
        for _ in range(environments.options.steps):
            stepped = environments.step(actor(seen))
            seen = stepped.observation
            total += first * stepped.reward
            first *= ~(stepped.terminated | stepped.timed_out)
        return float(total.mean())

    return judge


@dataclass(slots=True)
class Kept:
    """The best policy so far; without a judge the latest."""

    judge: Judge | None
    weights: State = field(default_factory=dict)
    iteration: int = 0
    value: float = -float("inf")

    def offer(self, actor: Any, iteration: int) -> None:
        """Keep rsl-rl's actor, as it is after some iterations, if it is better."""
        names = actor.state_dict()
        weights = {k: v.detach().clone() for k, v in names.items() if k.startswith("mlp.")}
        value = float(iteration) if self.judge is None else self.judge(weights)
        if value > self.value:
            self.weights, self.iteration, self.value = weights, iteration, value

    def state(self) -> State:
        """For a checkpoint."""
        own = torch.tensor([self.iteration, self.value], dtype=torch.float64)
        return {VALUE: own, **add_prefix(PREFIX, self.weights)}

    def load(self, state: State) -> None:
        """What `state` gave."""
        iteration, self.value = state[VALUE].tolist()
        self.iteration = int(iteration)
        self.weights = with_prefix(PREFIX, state)
