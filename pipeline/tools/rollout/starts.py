"""The clips that a request asks for."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.diffusion.world_model import WorldModel
from pipeline.episodes.cameras import Cameras, read_cameras
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.params import read
from pipeline.probe.support import plannable
from pipeline.rollout import clips
from pipeline.rollout.clips import Clip, Length, Load
from pipeline.tools.rollout.inputs import read_actions, read_frames
from pipeline.tools.rollout.request import Start
from pipeline.worlds import WORLDS, Recorder

FRAMES = 50
"""Generated frames, unless there is less truth, or actions."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where clips come from.

    Attributes:
        cache: whitened as the model's latents are.
        shards: folder with the recorded frames.
        params: params.yaml, which describes the simulator.
    """

    cache: LatentCache
    shards: Path
    params: Path

    def simulator(self) -> Recorder | None:
        """The simulator of the data set, None if params.yaml has none for it."""
        if not self.params.is_file():
            return None
        settings = read(self.params)
        name = self.cache.spec.dataset
        if name not in settings.values["datasets"]:
            return None
        world = settings.of_dataset(name).optional(WORLDS)
        return world.build() if world else None


def clips_of(start: Start, model: WorldModel, place: Place, seed: int) -> list[Load]:
    """The clips of a request.

    Raises:
        ParamsError: options contradict each other, or ask for clips that there are not.
        DataError: a file is missing or damaged, or holds too little.
    """
    start.check()
    if start.cameras is not None and model.spec.camera_scale is None:
        raise ParamsError(
            f"--cameras {start.cameras}: no cameras condition this model (denoisers.nanowm.camera "
            "when it was trained); leave it out"
        )
    if start.begin is not None:
        return [_from_file(start, start.begin, model)]
    if start.episode is not None:
        return [_in_episode(start, start.episode, model, place)]
    interval = model.config.interval
    if start.simulate:
        length = Length(start.history, start.frames or FRAMES, interval)
        return clips.simulated(_recorder(place), length, start.clips, seed)
    longest = clips.longest_recorded(place.cache, interval)
    frames = start.frames or min(FRAMES, max(1, longest - start.history))
    length = Length(start.history, frames, interval)
    return clips.fixed(place.cache, place.shards, length, start.clips, seed, "--clips")


def _recorder(place: Place) -> Recorder:
    if (simulator := place.simulator()) is None:
        raise ParamsError(
            f"--simulate: {place.params} has no simulator of {place.cache.spec.dataset}; name the "
            "params.yaml of its workspace by --params"
        )
    return simulator


def _in_episode(start: Start, name: str, model: WorldModel, place: Place) -> Load:
    """A clip of one episode, with its own actions or the user's."""
    index, interval = _index(place.cache, name), model.config.interval
    episode = clips.read_episode(place.shards, place.cache.seal.episodes[index].key)
    after = len(episode) - 1 - start.start  # steps
    there = after // interval + 1  # frames, if any
    if after < 0 or there < start.history:
        raise ParamsError(
            f"--start {start.start}: {episode.key} has {len(episode)} frames, so there are "
            f"{max(there, 0)} of --history = {start.history} from there on, {interval} steps "
            "apart; lower one of them"
        )
    if start.actions is not None:
        return lambda: _continued(start, episode, index, model, place)
    frames = start.frames or min(FRAMES, there - start.history)
    if not 0 < frames <= there - start.history:
        raise ParamsError(
            f"--frames {frames}: {episode.key} has {there - start.history} frames after --start "
            f"{start.start} and --history {start.history}, {interval} steps apart; lower one of "
            "them, or give --actions"
        )
    length = Length(start.history, frames, interval)
    return lambda: clips.recorded(place.cache, index, episode, start.start, length, 0)


def _index(cache: LatentCache, name: str) -> int:
    """Index of an episode in the cache, by its key or its number in the val split."""
    keys = {entry.key: index for index, entry in enumerate(cache.seal.episodes)}
    if name in keys:
        return keys[name]
    val = cache.episodes("val")
    if name.isdecimal() and int(name) < len(val):
        return val[int(name)]
    raise ParamsError(
        f"--episode {name}: {cache.path} has no such episode; give a key, such as "
        f"{next(iter(keys))}, or a number of the val split, 0 to {len(val) - 1}"
    )


def _continued(start: Start, episode: Episode, index: int, model: WorldModel, place: Place) -> Clip:
    """A recorded history, and the user's actions after it; truth is simulated where it can be."""
    actions, interval = _actions(start, model, 0), model.config.interval
    length = Length(start.history, len(actions), interval)
    steps = (start.history - 1) * interval
    own = episode.actions[start.start : start.start + steps]
    rows = slice(start.start, start.start + steps + 1, interval)
    history = episode.frames[rows].copy()
    world, last = plannable(place.simulator(), place.cache.spec), episode.states[rows][-1]
    truth, states = None, None
    if cameras := _cameras(start, length):
        print("no truth is known, because cameras are given")
    elif isinstance(world, str):
        print(f"no truth is known, because {world}")
    else:
        after = clips.simulate(world, last, episode.meta, actions)
        states = np.concatenate([episode.states[rows], after])
        cameras = world.cameras(states, episode.meta)
        drawn = partial(clips.draw, world, after, episode.meta)
        truth = lambda: chain(history, drawn())  # noqa: E731
    return Clip(
        number=0,
        source="actions",
        episode=episode.key,
        start=start.start,
        history=history,
        latents=clips.history_latents(place.cache, index, start.start, length),
        actions=torch.cat([clips.chunks(own, interval), actions]),
        truth=truth,
        states=states,
        meta=episode.meta,
        cameras=cameras,
    )


def _from_file(start: Start, path: Path, model: WorldModel) -> Load:
    """A clip that starts from an image or a video of the user's."""
    interval = model.config.interval

    def load() -> Clip:
        frames = read_frames(path, start.history, interval)
        actions = _actions(start, model, start.history - 1)
        length = Length(start.history, len(actions) + 1 - start.history, interval)
        known = frames[: len(actions) + 1]
        return Clip(
            number=0,
            source="file",
            episode=path.name,
            start=0,
            history=frames[: start.history],
            latents=None,
            actions=actions,
            truth=(lambda: iter(known)) if len(known) > start.history else None,
            states=None,
            meta={},
            cameras=_cameras(start, length),
        )

    return load


def _cameras(start: Start, length: Length) -> Cameras | None:
    """The user's cameras of all frames of a clip, K + F; None where none are given."""
    if start.cameras is None:
        return None
    wanted = f"give `intrinsics` and `poses` of {length.total} frames, those given included"
    return read_cameras(start.cameras, length.total, wanted)


def _actions(start: Start, model: WorldModel, given: int) -> torch.Tensor:
    """The user's actions [given + F, interval, A], for `given` frames and those to generate."""
    assert start.actions is not None
    interval = model.config.interval
    actions: NDArray[np.float32] = read_actions(start.actions, model.spec.action_dim)
    frames = len(actions) // interval - given
    wanted = start.frames or frames
    if wanted < 1 or wanted > frames:
        needed = (given + max(wanted, 1)) * interval
        raise DataError(
            f"{start.actions}: has {len(actions)} actions, but {max(wanted, 1)} frames to generate "
            f"need {needed}, {interval} for each"
            + (f" and {given * interval} between those given" if given else "")
            + "; add some, or lower --frames"
        )
    return clips.chunks(actions[: (given + wanted) * interval], interval)
