"""Which episodes train and which validate, by the rule of the Nano World Models reference."""

import numpy as np

from pipeline.datasets import Source
from pipeline.episodes.manifest import Split


def split(source: Source, train_share: float, seed: int) -> dict[Split, list[int]]:
    """Train and validation episodes, each in the order in which the reference visits them.

    The reference shuffles episodes even where they come split (world_model_dataset.py,
    `create_train_val_datasets`): the order decides which clips a fixed subset picks.
    """
    published = source.split
    if published is None:
        train, val = split_by_share(len(source), train_share, seed)
        return {"train": train, "val": val}
    return {
        "train": [published.train[i] for i in shuffled(len(published.train), seed)],
        "val": [published.val[i] for i in shuffled(len(published.val), seed)],
    }


def split_by_share(episodes: int, train_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Shuffle all episodes, and cut once (`_split_trajectories_indices`)."""
    order = shuffled(episodes, seed)
    cut = int(train_share * episodes)
    return order[:cut], order[cut:]


def shuffled(count: int, seed: int) -> list[int]:
    """0..count - 1 as the reference shuffles them: numpy's global generator, freshly seeded."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)
    return order.tolist()
