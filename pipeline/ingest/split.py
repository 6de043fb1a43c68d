"""Which episodes train and which validate, by the rule of the Nano World Models reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def split(episodes: int, train_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Train and validation episodes, each in the order in which the reference visits them.

    The reference seeds numpy's global generator, shuffles the indices, and cuts once
    (world_model_dataset.py, `split_traj_datasets`).
    """
    order = np.arange(episodes)
    np.random.RandomState(seed).shuffle(order)
    cut = int(train_share * episodes)
    return order[:cut].tolist(), order[cut:].tolist()


@dataclass(slots=True)
class ActionStatistics:
    """Running mean, spread and range of actions [T, A], per dimension, in float64."""

    count: int = 0
    total: NDArray[np.float64] | float = 0.0
    squares: NDArray[np.float64] | float = 0.0
    low: NDArray[np.float64] | float = np.inf
    high: NDArray[np.float64] | float = -np.inf

    def add(self, actions: NDArray[np.float32]) -> None:
        """Count the actions [T, A] of one training episode."""
        values = actions.astype(np.float64)
        self.count += len(values)
        self.total = self.total + values.sum(0)
        self.squares = self.squares + (values**2).sum(0)
        self.low, self.high = (
            np.minimum(self.low, values.min(0)),
            np.maximum(self.high, values.max(0)),
        )

    def summary(self) -> dict[str, list[float]]:
        """Mean, unbiased standard deviation + 1e-6 as in the reference, minimum and maximum."""
        mean = self.total / self.count
        variance = (self.squares - self.count * mean**2) / max(self.count - 1, 1)
        std = np.sqrt(np.maximum(variance, 0)) + 1e-6
        named = {"mean": mean, "std": std, "min": self.low, "max": self.high}
        return {name: np.asarray(value).tolist() for name, value in named.items()}
