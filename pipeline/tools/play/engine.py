"""One person's dream beside the simulator: all that is computed for a session, in one thread."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError
from pipeline.tools.play.dream import Dream, Frame
from pipeline.tools.play.planning import Planner, planner
from pipeline.tools.play.playable import Playable, Start
from pipeline.tools.play.recording import Recording
from pipeline.tools.play.truth import Truth


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of a session.

    Attributes:
        imagined: the dream, [H, W, 3] of the size that the model sees.
        real: the simulator, the same; None without one.
        actions: [interval, A] that led to it; None at a start.
        plan: frames that the planner expected before it acted; empty if it did not.
        latent_error: mean squared error of the dream's whitened latent; None without a simulator.
        pixel_error: mean squared error of its pixels, 0..1; None without a simulator.
        milliseconds: that each part of it took.
    """

    imagined: Frame
    real: Frame | None
    actions: Tensor | None
    plan: list[Frame]
    latent_error: float | None
    pixel_error: float | None
    milliseconds: dict[str, float]


@dataclass
class Engine:
    """Computes moments; nothing here is shared between threads but the model's weights.

    Attributes:
        playable: the model.
        dream: of this session.
        truth: the simulator of this session; None without one.
        start: where it began.
        seed: of the noise.
        recording: under way.
    """

    playable: Playable
    dream: Dream = field(init=False)
    truth: Truth | None = field(init=False, default=None)
    start: Start = field(init=False)
    seed: int = field(init=False, default=0)
    recording: Recording | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Make what belongs to this session alone; `reset` comes next."""
        playable = self.playable
        self.dream = Dream(playable.model, playable.encoder, playable.steps)
        self._world = playable.simulator()
        self._planner: Planner | None = None
        statistics = playable.model.spec.actions
        self._low, self._high = (
            torch.tensor(statistics[name], dtype=torch.float32) for name in ("min", "max")
        )
        kept = playable.model.config.frames
        self._frames: deque[Frame] = deque(maxlen=kept)
        self._actions: deque[Tensor] = deque(maxlen=kept - 1)

    def reset(self, clip: int, step: int, seed: int) -> Moment:
        """Begin anew.

        Raises:
            UserError: there is no such start.
        """
        start = self.playable.start(clip, step)
        self.start, self.seed = start, seed
        imagined = self.dream.begin(start.history, start.actions, seed)
        real = None
        if self._world is not None:
            self.truth = Truth(self._world, start.episode.meta)
            real = self.truth.begin(start.state)
        if self._planner is not None:
            self._planner.run = None
        shown = None if real is None else self.dream.seen(real)
        self._frames.clear()
        self._actions.clear()
        self._frames.append(start.frame)
        latent, pixels = self._errors(real, imagined)
        return Moment(imagined, shown, None, [], latent, pixels, {})

    def advance(self, action: NDArray[np.float32] | None) -> Moment:
        """The next frame.

        Args:
            action: [A] in the data's units, done at each of its environment steps and held within
                the range that was recorded; None if the planner is to decide.

        Raises:
            UserError: the dream has diverged.
        """
        times: dict[str, float] = {}
        plan: list[Frame] = []
        began = time.perf_counter()
        if action is None:
            actions, plan = self._planned()
            times["plan"] = _since(began)
        else:
            held = torch.from_numpy(action).clamp(self._low, self._high)
            actions = held.expand(self.playable.interval, -1).contiguous()
        began = time.perf_counter()
        imagined = self.dream.step(actions)
        times["model"] = _since(began)
        began = time.perf_counter()
        happened = None if self.truth is None else self.truth.step(actions.numpy())
        latent, pixels = self._errors(None if happened is None else happened[0], imagined)
        times["simulator"] = _since(began)
        shown = None if happened is None else self.dream.seen(happened[0])
        self._frames.append(imagined if happened is None else happened[0])
        self._actions.append(actions)
        if self.recording is not None:
            self._record(self.recording, actions, imagined, happened, shown)
        return Moment(imagined, shown, actions, plan, latent, pixels, times)

    def take_over(self) -> Moment:
        """Let the dream go on from the simulator's frames.

        Raises:
            UserError: there is no simulator.
        """
        if self.truth is None:
            raise UserError(f"nothing to take over from, because {self.playable.no_simulator}")
        known = min(self.playable.history, len(self._frames))
        frames = list(self._frames)[-known:]
        history = self.dream.encode(np.stack(frames))
        imagined = self.dream.begin(history, self._past(known), self.seed)
        if self.recording is not None:
            self.recording.repeatable = False
        real = frames[-1]
        latent, pixels = self._errors(real, imagined)
        return Moment(imagined, self.dream.seen(real), None, [], latent, pixels, {})

    def aim(self, goal: Frame) -> Frame:
        """Set what the planner drives to; returns it as the model sees it.

        Raises:
            UserError: nothing can be planned here.
        """
        if self._planner is None:
            self._planner = planner(self.playable)
        self._planner.aim(goal)
        return self.dream.seen(goal)

    def record(self, name: str, fps: int) -> Moment:
        """Begin a recording, from the start on."""
        moment = self.reset(self.start.clip, self.first_step, self.seed)
        real = [] if moment.real is None else [moment.real]
        self.recording = Recording(name, self.start, self.seed, fps, [moment.imagined], real)
        return moment

    def finish(self, folder: Path) -> Path | None:
        """End the recording and write it; None if nothing happened in it."""
        recording, self.recording = self.recording, None
        if recording is None or not recording.actions:
            return None
        draw = None if self.truth is None else self.truth.draw
        return recording.write(folder, self.playable.paths, draw)

    @property
    def first_step(self) -> int:
        """Environment step at which the history begins."""
        return self.start.step - (self.playable.history - 1) * self.playable.interval

    def _planned(self) -> tuple[Tensor, list[Frame]]:
        if self._planner is None or self._planner.goal is None:
            raise UserError("there is no goal to plan to; choose one")
        context = min(self._planner.mpc.options.context, len(self._frames))
        step = self._planner.act(list(self._frames)[-context:], self._past(context))
        return step.actions, [self.dream.decode(latent) for latent in step.imagined]

    def _past(self, frames: int) -> Tensor:
        """Actions [frames - 1, interval, A] between the latest frames."""
        if frames == 1:
            return torch.zeros(0, self.playable.interval, len(self._low))
        return torch.stack(list(self._actions)[1 - frames :])

    def _errors(self, real: Frame | None, imagined: Frame) -> tuple[float | None, float | None]:
        if real is None:
            return None, None
        latent = self.dream.encode(real[None])[0]
        seen = self.dream.seen(real).astype(np.float32)
        apart = float((latent - self.dream.latent.cpu()).square().mean())
        return apart, float(np.square((seen - imagined) / 255).mean())

    def _record(
        self,
        recording: Recording,
        actions: Tensor,
        imagined: Frame,
        happened: tuple[Frame, NDArray[np.float32]] | None,
        shown: Frame | None,
    ) -> None:
        recording.actions.append(actions)
        recording.steps.append(self.dream.steps)
        recording.imagined.append(imagined)
        if happened is not None and shown is not None:
            recording.real.append(shown)
            recording.states.append(happened[1])


def _since(began: float) -> float:
    return round(1000 * (time.perf_counter() - began), 2)
