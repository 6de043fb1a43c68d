"""The train and validation split, drawn as the Nano World Models reference draws it."""

import numpy as np

from pipeline.episodes.manifest import Split
from pipeline.formats import Source


def split(source: Source, train_share: float, seed: int) -> dict[Split, list[int]]:
    """Indices of the train and validation episodes, in the order in which the reference has them.

    The reference shuffles the episodes even of an official split (world_model_dataset.py,
    `create_train_val_datasets`); the order decides which clips a fixed subset holds.
    """
    official = source.split
    if official is None:
        train, val = split_by_share(len(source), train_share, seed)
        return {"train": train, "val": val}
    return {
        "train": [official.train[i] for i in shuffled(len(official.train), seed)],
        "val": [official.val[i] for i in shuffled(len(official.val), seed)],
    }


def split_by_share(episodes: int, train_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Shuffle 0..episodes - 1; the first `train_share` train (`_split_trajectories_indices`)."""
    order = shuffled(episodes, seed)
    cut = int(train_share * episodes)
    return order[:cut], order[cut:]


def shuffled(count: int, seed: int) -> list[int]:
    """0..count - 1 in the order of the reference: numpy's legacy generator, seeded each time."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)
    return order.tolist()
