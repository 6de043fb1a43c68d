"""A model that can be played, and where it can start."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.compute import device
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import Encoder, load_for_model
from pipeline.episodes.controls import generic
from pipeline.episodes.episode import Episode
from pipeline.errors import ParamsError, UserError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.metadata import METADATA
from pipeline.latents.spec import UNRECORDED
from pipeline.params import read
from pipeline.plan.measure import Codec
from pipeline.probe import probe as probes
from pipeline.probe.support import plannable
from pipeline.rollout.clips import Length, chunks, history_latents, read_episode
from pipeline.tools.play.dream import Frame, as_frame
from pipeline.tools.play.sources import Paths, adopted, recordings
from pipeline.tools.rollout.write import parts
from pipeline.worlds import WORLDS, Recorder, World

BATCH = 64
"""Frames that the codec is handed at a time."""
EPISODES = 8
"""Recorded episodes that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a dream begins.

    Attributes:
        episode: of the validation split.
        clip: its number there.
        first_step: environment step of the first frame of the history.
        step: environment step of its last frame.
        history: whitened latents [K, C, h, w].
        actions: [K - 1, interval, A] between them.
        seen: the last frame [H, W, 3] as the model sees it.
    """

    episode: Episode
    clip: int
    first_step: int
    step: int
    history: Tensor
    actions: Tensor
    seen: Frame

    @property
    def state(self) -> NDArray[np.float32]:
        """The recorded state [S] at the step."""
        return self.episode.states[self.step]


class Playable:
    """A model with its codec, its validation episodes and its simulator.

    Attributes:
        paths: of all.
        settings: of params.yaml as it was at the start; None where there is none.
        model: the world model.
        codec: its own.
        steps: denoising steps of a frame, unless a session changes them.
        history: frames that a dream is given.
        cache: latents of the data set, whitened for the model; None where there are none.
        episodes: key and length of each episode of the validation split.
        low: least recorded value of each component of an action, [A].
        high: largest one, [A].
        recorded_size: height and width of recorded frames.
        no_simulator: why there is no simulator; None if there is one.
        controls: how a person acts: as the world says, else by a slider for each component.
    """

    def __init__(self, paths: Paths, steps: int | None, history: int) -> None:
        """Load everything that sessions share.

        Raises:
            UserError: something is missing or damaged, or does not belong together.
        """
        world_model, codec = parts(paths.folder)
        found = recordings(paths.shards)
        self.paths, self.history, self.episodes = paths, history, found.validation
        # Once: to check all of it takes longer than to open a page.
        self.settings = read(paths.params) if paths.params.is_file() else None
        self.model = WorldModel.from_pretrained(world_model, device=device.pick())
        self.model.spec.refuse_cameras("wm play")
        encoder: Encoder = load_for_model(self.model.spec, codec).to(device.pick())
        self.cache = self._open_cache()
        self.model.spec = adopted(self.model.spec, found.manifest, paths.shards)
        self.codec = Codec(encoder, self.model.spec, BATCH)
        self.steps = steps or self.model.config.default_steps
        if history >= (frames := self.model.config.frames):
            raise ParamsError(
                f"--history {history}: windows of this model have {frames} frames, so that none is "
                f"left to dream; choose at most {frames - 1}"
            )
        statistics = self.model.spec.actions
        height, width, _ = found.manifest.frame_shape
        self.recorded_size = height, width
        self.low, self.high = (np.array(statistics[name], np.float32) for name in ("min", "max"))
        recorder = self._recorder()  # made once: a scene may take seconds to compile
        self.no_simulator = self._no_simulator(recorder)
        own = None if recorder is None else recorder.controls
        controls = own or generic([f"action {number}" for number in range(len(self.low))])
        # A pointer leads from where the simulator's agent is.
        self.controls = controls if self.simulator else replace(controls, pointer=None)
        self._read = lru_cache(EPISODES)(lambda key: read_episode(paths.shards, key))

    @property
    def interval(self) -> int:
        """Environment steps from frame to frame."""
        return self.model.config.interval

    @property
    def simulator(self) -> Callable[[], World] | None:
        """Makes a simulator of the caller's own; None where there is none."""
        return None if self.no_simulator is not None else self._world

    @cached_property
    def idle(self) -> list[float]:
        """The action [A] of a person who does nothing."""
        return self.controls.idle_action(self.low.tolist(), self.high.tolist())

    @cached_property
    def no_planner(self) -> str | None:
        """Why nothing can be planned; None if something can."""
        if self.cache is None:
            return f"there is no latent cache {self.paths.latents}"
        folder = self.paths.probe
        if not folder.is_dir():
            return f"there is no probe {folder}"
        try:
            probes.load(folder, self.model.spec, self.interval)
        except UserError as error:
            return str(error)
        return None if self.settings is not None else f"there is no {self.paths.params}"

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
        last = step + span
        seen = as_frame(self.codec.pixels(episode.frames[last][None])[0])
        return Start(episode, clip, step, last, self._latents(episode, step), actions, seen)

    def frame(self, clip: int, step: int) -> Frame:
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

    def _latents(self, episode: Episode, step: int) -> Tensor:
        """Latents [K, C, h, w] of the frames from a step on: the cached ones, as rollouts use."""
        if (cache := self.cache) is not None:
            keys = [each.key for each in cache.seal.episodes]
            length = Length(self.history, 0, self.interval)
            cached = history_latents(cache, keys.index(episode.key), step, length)
            if cached is not None:
                return cached
        return self.codec.encode(episode.frames[step + np.arange(self.history) * self.interval])

    def _open_cache(self) -> LatentCache | None:
        """None too if nobody knows whether a published model was trained on such latents."""
        known = self.model.spec.codec != UNRECORDED
        if not known or not (self.paths.latents / METADATA).is_file():
            return None
        cache = open_cache(self.paths.latents)
        self.model.check_cache(cache)
        return cache.whitened_by(self.model.spec)

    def _world(self) -> World:
        world = self._recorder()
        assert isinstance(world, World)
        return world

    def _recorder(self) -> Recorder | None:
        """What params.yaml says of the data set's simulator; None if it says nothing."""
        settings, name = self.settings, self.model.spec.dataset
        if settings is None or name not in settings.values["datasets"]:
            return None
        world = settings.of_dataset(name).optional(WORLDS)
        return world.build() if world else None

    def _no_simulator(self, recorder: Recorder | None) -> str | None:
        if self.settings is None:
            return f"there is no {self.paths.params}, which describes it; name one by --params"
        world = plannable(recorder, self.model.spec)
        return world if isinstance(world, str) else None
