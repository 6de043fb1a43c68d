"""Example episodes of each data set, for the tests that all of them must pass."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from helpers import default
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.formats import FORMATS, WritableFormat
from pipeline.testing.formats import Example, normal


def keys_and_mouse(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """CSGO's actions [T, 51]: keys and clicks, and one bin of 23 and of 15 for the mouse."""
    pressed = rng.integers(0, 2, (length, 13))
    bins = [np.eye(size)[rng.integers(0, size, length)] for size in (23, 15)]
    return np.concatenate([pressed, *bins], axis=1).astype(np.float32)


def pushed_block(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """PushT's states [T, 7]: two positions, an angle in 0..2 pi, a velocity."""
    positions, velocity = rng.uniform(0, 512, (length, 4)), rng.normal(size=(length, 2))
    angle = rng.uniform(0, 2 * np.pi, (length, 1))
    return np.concatenate([positions, angle, velocity], axis=1).astype(np.float32)


def player(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """CSGO's states [T, 5]: health, rounds, team, kill, death."""
    high = [101, 31, 2, 2, 2]
    return rng.integers(0, high, (length, 5)).astype(np.float32)


EXAMPLES = {
    "wall": Example((20, 24), normal(2), normal(2), {"door": 30.0, "wall": 32.0}),
    "point_maze": Example((20, 24), normal(2), normal(4)),
    "rope": Example((20, 24), normal(4), normal(3 * 4)),
    "granular": Example((20, 24), normal(4), normal(7 * 4)),
    "pusht": Example((48, 64), normal(2), pushed_block, {"shape": "T"}, loss=3),
    "csgo": Example((150, 280), keys_and_mouse, player),
    "rt1": Example((64, 96), normal(7), normal(8), {"task": "lift the can"}, loss=3),
}
LENGTHS = (5, 8, 6)


def example_episode(name: str, index: int, length: int) -> Episode:
    """An episode of a layout."""
    return EXAMPLES[name].episode(index, length)


def example_episodes(name: str, lengths: tuple[int, ...] = LENGTHS) -> Iterator[Episode]:
    """Episodes of a data set, generated lazily."""
    return EXAMPLES[name].episodes(lengths)


def layout(name: str) -> WritableFormat:
    """A data set with its options from params.yaml."""
    module, options = default(FORMATS, name)
    return module.build(options)


TENSORS = ("wall", "point_maze", "rope", "granular")


def write(name: str, folder: Path, lengths: tuple[int, ...] = LENGTHS) -> list[Episode]:
    """Write example episodes to a folder and return them."""
    episodes = list(example_episodes(name, lengths))
    layout(name).write(episodes, folder)
    return episodes


def read_all(name: str, folder: Path) -> list[Episode]:
    """Every episode of a folder."""
    source = layout(name).open(folder)
    return [source[index] for index in range(len(source))]


def change(path: Path, edit: Callable[[torch.Tensor], torch.Tensor | None]) -> None:
    """Replace a stored tensor by what `edit` returns, or by the tensor edited in place."""
    value = torch.load(path, weights_only=True)
    edited = edit(value)
    torch.save(value if edited is None else edited, path)


def frames_file(name: str, index: int) -> str:
    """File of an episode's frames in a data set of tensors."""
    deformable = name in ("rope", "granular")
    return f"{index:06d}/obses.pth" if deformable else f"obses/episode_{index:03d}.pth"
