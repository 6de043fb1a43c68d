"""A model that can be played, and where it can start."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline import encoders
from pipeline.compute import device
from pipeline.diffusion.config import FORMAT as CONFIGS
from pipeline.diffusion.config import Config
from pipeline.diffusion.sampling import default_steps
from pipeline.diffusion.world_model import CONFIG, WorldModel
from pipeline.encoders import Encoder
from pipeline.episodes.controls import Controls, generic
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import read_manifest
from pipeline.errors import ParamsError, UserError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.metadata import METADATA
from pipeline.params import read
from pipeline.probe.support import plannable
from pipeline.rollout.clips import Length, chunks, history_latents, read_episode
from pipeline.tools.rollout.write import parts
from pipeline.worlds import WORLDS, Recorder, World


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a model, its data and its parameters are.

    Attributes:
        folder: holds `codec` and `world_model`.
        latents: cache of the data set; need not be there.
        shards: recorded episodes.
        params: params.yaml of the workspace, which describes simulator and planner; need not be.
    """

    folder: Path
    latents: Path
    shards: Path
    params: Path


@dataclass(frozen=True, slots=True)
class Start:
    """Where a dream begins.

    Attributes:
        episode: of the validation split.
        clip: its number there.
        step: environment step of the last frame of the history.
        history: whitened latents [K, C, h, w].
        actions: [K - 1, interval, A] between them.
    """

    episode: Episode
    clip: int
    step: int
    history: Tensor
    actions: Tensor

    @property
    def frame(self) -> NDArray[np.uint8]:
        """The recorded frame [H, W, 3] at the step."""
        return self.episode.frames[self.step]

    @property
    def state(self) -> NDArray[np.float32]:
        """The recorded state [S] at the step."""
        return self.episode.states[self.step]


class Playable:
    """A model with its codec, its validation episodes and its simulator.

    Attributes:
        paths: of all.
        model: the world model.
        encoder: its codec.
        steps: denoising steps of a frame, unless a session changes them.
        history: frames that a dream is given.
    """

    def __init__(self, paths: Paths, steps: int | None, history: int) -> None:
        """Load everything that sessions share.

        Raises:
            UserError: something is missing or damaged, or does not belong together.
        """
        world_model, codec = parts(paths.folder)
        self.paths, self.history = paths, history
        self.model = WorldModel.from_pretrained(world_model, device=device.pick())
        self.encoder: Encoder = encoders.load_for(self.model.spec, codec).to(device.pick())
        self.steps = steps or default_steps(self.model.config.objective.name)
        if self.cache is not None:
            self.model.check_cache(self.cache)
        if history >= self.model.config.frames:
            raise ParamsError(
                f"--history {history}: windows of this model have {self.model.config.frames} "
                f"frames, so that none is left to dream; choose at most "
                f"{self.model.config.frames - 1}"
            )
        self.episodes = self._validation_episodes()
        self.no_simulator = self._no_simulator()
        self._read = lru_cache(8)(lambda key: read_episode(paths.shards, key))

    @property
    def interval(self) -> int:
        """Environment steps from frame to frame."""
        return self.model.config.interval

    @cached_property
    def cache(self) -> LatentCache | None:
        """The latent cache, whitened for the model; None where there is none."""
        if not (self.paths.latents / METADATA).is_file():
            return None
        return open_cache(self.paths.latents).whitened_by(self.model.spec)

    def simulator(self) -> World | None:
        """A simulator of the caller's own; None where there is none (`no_simulator` says why)."""
        world = plannable(self._recorder(), self.model.spec)
        return None if isinstance(world, str) else world

    def start(self, clip: int, step: int) -> Start:
        """Where to begin.

        Args:
            clip: number in the validation split.
            step: environment step of the first frame of the history.

        Raises:
            UserError: there is no such clip, or it is too short.
        """
        key, length = self._entry(clip)
        span = (self.history - 1) * self.interval
        if step + span >= length:
            raise UserError(
                f"start {step}: {key} has {length} frames; choose at most {length - 1 - span}"
            )
        episode: Episode = self._read(key)
        actions = chunks(episode.actions[step : step + span], self.interval)
        return Start(episode, clip, step + span, self._history(episode, step), actions)

    def frame(self, clip: int, step: int) -> NDArray[np.uint8]:
        """A recorded frame [H, W, 3].

        Raises:
            UserError: there is none.
        """
        key, length = self._entry(clip)
        if step >= length:
            raise UserError(f"start {step}: {key} has {length} frames, counted from 0")
        episode: Episode = self._read(key)
        return episode.frames[step]

    def _entry(self, clip: int) -> tuple[str, int]:
        if clip >= len(self.episodes):
            raise UserError(f"clip {clip}: there are {len(self.episodes)}, counted from 0")
        return self.episodes[clip]

    def _history(self, episode: Episode, step: int) -> Tensor:
        """Latents [K, C, h, w] of the frames from a step on: the cached ones, as rollouts use."""
        if (cache := self.cache) is not None:
            keys = [each.key for each in cache.seal.episodes]
            length = Length(self.history, 0, self.interval)
            latents = history_latents(cache, keys.index(episode.key), step, length)
            if latents is not None:
                return latents
        steps = step + np.arange(self.history) * self.interval
        spec = self.model.spec
        return spec.whiten(
            self.encoder.encode(spec.view.apply(episode.frames[steps])).mean.float()
        ).cpu()

    @cached_property
    def controls(self) -> Controls:
        """How a person acts: as the data set's world says, else by a slider for each component."""
        recorder, names = self._recorder(), range(self.model.spec.action_dim)
        own = None if recorder is None else recorder.controls
        return own or generic([f"action {number}" for number in names])

    def idle(self) -> list[float]:
        """The action [A] of a person who does nothing."""
        statistics = self.model.spec.actions
        return self.controls.idle_action(statistics["min"], statistics["max"])

    def no_planner(self) -> str | None:
        """Why nothing can be planned; None if something can."""
        if self.cache is None:
            return f"there is no latent cache {self.paths.latents}"
        if not (self.paths.folder / "probe").is_dir():
            return f"there is no probe in {self.paths.folder}"
        return None if self.paths.params.is_file() else f"there is no {self.paths.params}"

    def _validation_episodes(self) -> list[tuple[str, int]]:
        """Key and length of each episode of the validation split, or of all if there is none."""
        manifest = read_manifest(self.paths.shards)
        named = [
            (shard.split, key, length)
            for shard in manifest.shards
            for key, length in zip(shard.episodes, shard.lengths, strict=True)
        ]
        listed = [(key, length) for split, key, length in named if split == "val"]
        return listed or [(key, length) for _, key, length in named]

    def _recorder(self) -> Recorder | None:
        """What params.yaml says of the data set's simulator; None if it says nothing."""
        path, name = self.paths.params, self.model.spec.dataset
        settings = read(path) if path.is_file() else None
        if settings is None or name not in settings.values["datasets"]:
            return None
        world = settings.of_dataset(name).optional(WORLDS)
        return world.build() if world else None

    def _no_simulator(self) -> str | None:
        if not self.paths.params.is_file():
            return f"there is no {self.paths.params}, which describes it; name one by --params"
        world = plannable(self._recorder(), self.model.spec)
        return world if isinstance(world, str) else None


def paths_of(folder: Path, latents: Path | None, shards: Path | None, params: Path) -> Paths:
    """The paths of a model: those that are given, else those of its workspace.

    Raises:
        DataError: the model's config is missing or damaged.
    """
    world_model, _ = parts(folder)
    spec = CONFIGS.read(world_model / CONFIG, Config, "`dvc checkout` restores it").spec
    data = params.parent / "data" / spec.dataset
    return Paths(
        world_model.parent,
        latents or data / "latents" / f"{spec.encoder}.zarr",
        shards or data / "shards",
        params,
    )


@torch.inference_mode()
def warmed(playable: Playable) -> Playable:
    """The same, after one frame: the first one takes longer than all others."""
    from pipeline.tools.play.dream import Dream

    start = playable.start(0, 0)
    dream = Dream(playable.model, playable.encoder, playable.steps)
    dream.begin(start.history, start.actions, 0)
    dream.step(torch.zeros(playable.interval, playable.model.spec.action_dim))
    return playable
