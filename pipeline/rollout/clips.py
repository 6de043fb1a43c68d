"""Clips to roll out: where they start, the actions that they follow, and the truth where known."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes import shards
from pipeline.episodes.cameras import Cameras
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.validation_clips import fixed_rows
from pipeline.latents.windows import Windows
from pipeline.worlds import Recorder, World

Frame = NDArray[np.uint8]
"""RGB [H, W, 3], as recorded."""
SIMULATED = 10**6
"""Between the seeds of simulated episodes of two rollouts; recording starts at a small one."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a rollout is, in frames of the model.

    Attributes:
        history: K frames that are given.
        frames: F frames that are generated.
        interval: environment steps from one frame to the next.
    """

    history: int
    frames: int
    interval: int

    @property
    def total(self) -> int:
        """Frames of the history and generated ones."""
        return self.history + self.frames

    @property
    def steps(self) -> int:
        """Environment steps from the first frame to the last."""
        return (self.total - 1) * self.interval


@dataclass(frozen=True, slots=True)
class Clip:
    """Where one rollout starts.

    Attributes:
        number: from 0; its noise depends on it.
        source: `recorded`: actions and truth are those of an episode; `simulated`: of an episode
            that was simulated for this; `actions`: actions are the user's, after a recorded frame;
            `file`: so is what they start from.
        episode: key of the episode, or name of the file.
        start: environment step in it of the first frame.
        history: frames [K, H, W, 3].
        latents: whitened posterior means [K, C, h, w] of the history; None where none are cached.
        actions: float32 [K - 1 + F, interval, A] in the world's units.
        truth: makes all K + F true frames one after the other; None where they are not known.
        states: float32 [K + F, S] of the world at these frames; None where they are not known.
        meta: of the episode.
        cameras: K + F of them, of the true frames as recorded; None where they are not known.
    """

    number: int
    source: Literal["recorded", "simulated", "actions", "file"]
    episode: str
    start: int
    history: NDArray[np.uint8]
    latents: Tensor | None
    actions: Tensor
    truth: Callable[[], Iterator[Frame]] | None
    states: NDArray[np.float32] | None
    meta: Meta
    cameras: Cameras | None = None


Load = Callable[[], Clip]
"""Reads or simulates a clip, of which few are in memory at a time."""


def fixed(
    cache: LatentCache, folder: Path, length: Length, count: int, seed: int, place: str
) -> list[Load]:
    """Clips of the validation split, drawn as evaluate draws its own.

    Those of a window of the model are evaluate's, for the same seed; fewer are the first of more.

    Args:
        cache: whitened as the model's latents are.
        folder: shards with the recorded frames.
        length: of each clip.
        count: how many.
        seed: of the draw.
        place: the option that has the count.

    Raises:
        ParamsError: there are fewer, or episodes are too short.
    """
    longest = longest_recorded(cache, length.interval)
    if length.total > longest:
        raise ParamsError(
            f"{length.total} frames of {length.interval} steps, {length.history} of them given, "
            f"but the longest validation episode in {cache.path} has {longest}; generate at most "
            f"{longest - length.history}, or simulate longer episodes"
        )
    windows = Windows(cache, "val", length.total, length.interval, every=False)
    rows = fixed_rows(windows, count, seed, place, least=1)

    def load(number: int) -> Clip:
        episode, start = map(int, windows.rows[rows[number]])
        key = cache.seal.episodes[episode].key
        return recorded(cache, episode, read_episode(folder, key), start, length, number)

    return [partial(load, number) for number in range(len(rows))]


def longest_recorded(cache: LatentCache, interval: int) -> int:
    """Frames of the longest clip of the validation split; see `windows.slices`."""
    lengths = [cache.seal.episodes[episode].length for episode in cache.episodes("val")]
    return max(lengths, default=0) // interval


def read_episode(folder: Path, key: str) -> Episode:
    """One episode of some shards.

    Raises:
        DataError: it is not in them.
    """
    for episode in shards.select(folder, [key], depth=True):
        return episode
    raise DataError(
        f"{folder}: no episode {key}, of which there are latents; name the shards that were encoded"
    )


def recorded(
    cache: LatentCache, index: int, episode: Episode, start: int, length: Length, number: int
) -> Clip:
    """A clip of an episode, which is long enough."""
    stop = start + length.steps + 1
    frames = episode.frames[start : stop : length.interval].copy()
    return Clip(
        number=number,
        source="recorded",
        episode=episode.key,
        start=start,
        history=frames[: length.history],
        latents=history_latents(cache, index, start, length),
        actions=chunks(episode.actions[start : stop - 1], length.interval),
        truth=lambda: iter(frames),
        states=states_of(episode.states[start : stop : length.interval]),
        meta=episode.meta,
        cameras=episode.cameras and episode.cameras[start : stop : length.interval],
    )


def history_latents(cache: LatentCache, index: int, start: int, length: Length) -> Tensor | None:
    """Whitened posterior means [K, C, h, w] of the first frames of a clip; None if not cached."""
    stride = cache.spec.stride
    if start % stride or length.interval % stride:
        return None
    steps = start + np.arange(length.history) * length.interval
    return cache.latents(cache.latent_starts[index] + steps // stride, None)


def simulated(world: Recorder, length: Length, count: int, seed: int) -> list[Load]:
    """Episodes that the data set's simulator records for this, by the policy that recorded it."""

    def load(number: int) -> Clip:
        of_seed = (seed + 1) * SIMULATED + number
        episode = next(iter(world.collect(1, length.steps + 1, of_seed)))
        frames = episode.frames[:: length.interval].copy()
        return Clip(
            number=number,
            source="simulated",
            episode=f"seed {of_seed}",
            start=0,
            history=frames[: length.history],
            latents=None,
            actions=chunks(episode.actions[: length.steps], length.interval),
            truth=lambda: iter(frames),
            states=states_of(episode.states[:: length.interval]),
            meta=episode.meta,
            cameras=episode.cameras and episode.cameras[:: length.interval],
        )

    return [partial(load, number) for number in range(count)]


def simulate(
    world: World, state: NDArray[np.float32], meta: Meta, actions: Tensor
) -> NDArray[np.float32]:
    """States [F, S] of the model's frames after a state [S], by actions [F, interval, A]."""
    frames, interval = actions.shape[:2]
    steps = actions.flatten(0, 1).numpy()[None]
    return world.simulate(state, meta, steps)[0].reshape(frames, interval, -1)[:, -1]


def draw(world: World, states: NDArray[np.float32], meta: Meta) -> Iterator[Frame]:
    """The frame of each of some states [F, S], drawn when it is asked for."""
    return (world.draw(state[None], meta)[0] for state in states)


def chunks(actions: NDArray[np.float32], interval: int) -> Tensor:
    """Actions [N interval, A] as [N, interval, A]."""
    return torch.from_numpy(actions.copy()).unflatten(0, (-1, interval))


def states_of(states: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """States [T, S], None if there are no numbers in them."""
    return states.copy() if states.shape[1] else None
