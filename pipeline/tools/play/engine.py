"""One person's dream beside the simulator: all that is computed for a session, in one thread."""

import math
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError
from pipeline.tools.play.dream import Dream, Frame, as_frame
from pipeline.tools.play.planning import Planner, Planning
from pipeline.tools.play.playable import Playable, Start
from pipeline.tools.play.recording import Recording
from pipeline.tools.play.truth import Sight, Truth


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does until the next frame.

    Attributes:
        values: action [A] of each environment step, in the data's units.
        place: under the pointer, as fractions of a frame's width and height; see `Pointer`.
    """

    values: NDArray[np.float32]
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the planner is about to do.

    Attributes:
        actions: [interval, A] up to the next frame.
        expected: frames [H, W, 3] that the model expects of the whole plan.
        milliseconds: that planning took.
    """

    actions: Tensor
    expected: list[Frame]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of a session.

    Attributes:
        imagined: the dream, [H, W, 3] of the size that the model sees.
        real: the simulator, the same; None without one.
        actions: [interval, A] that led to it; None at a start.
        latent_error: mean squared error of the dream's whitened latent; None without a simulator,
            or if it is infinite.
        pixel_error: mean squared error of its pixels, 0..1; None without a simulator.
        milliseconds: that the model and the simulator took, one beside the other.
    """

    imagined: Frame
    real: Frame | None
    actions: Tensor | None
    latent_error: float | None
    pixel_error: float | None
    milliseconds: dict[str, float]


class Engine:
    """Computes moments; sessions share nothing but the model's weights.

    Attributes:
        playable: the model.
        dream: of this session.
        truth: the simulator of this session; None without one.
        start: where it began.
        seed: of the noise.
        frames: generated since.
        recording: under way.
    """

    def __init__(self, playable: Playable, planning: Planning) -> None:
        """Make what belongs to a session alone; `reset` comes next."""
        self.playable = playable
        self.dream = Dream(playable.model, playable.codec, playable.steps)
        build = playable.simulator
        self.truth = None if build is None else Truth(build, playable.codec)
        self.start: Start | None = None
        self.seed, self.frames = 0, 0
        self.recording: Recording | None = None
        self._adding = threading.Lock()
        self._planning = planning
        self._planner: Planner | None = None
        self._left = threading.Event()
        kept = playable.model.config.frames
        self._shown: deque[Frame] = deque(maxlen=kept)
        self._taken: deque[Tensor] = deque(maxlen=kept - 1)

    @property
    def step(self) -> int:
        """Environment step of the current frame, counted from the start of the clip."""
        assert self.start is not None
        return self.start.step + self.frames * self.playable.interval

    def leave(self) -> None:
        """Begin no plan any more, not even one that waits for its turn; from any thread."""
        self._left.set()

    def close(self) -> None:
        """Let go of everything, at once: it is large."""
        if self.truth is not None:
            self.truth.close()
        vars(self).clear()

    def reset(self, clip: int, step: int, seed: int) -> Moment:
        """Begin anew, `step` environment steps into a validation clip.

        Raises:
            UserError: there is no such start.
        """
        start = self.playable.start(clip, step)
        truth, meta = self.truth, start.episode.meta
        sight = None if truth is None else truth.begin(start.state, meta)
        imagined = self.dream.begin(start.history, start.actions, seed)
        self.start, self.seed, self.frames, self.recording = start, seed, 0, None
        if self._planner is not None:
            self._planner.forget()
        self._taken.clear()
        self._shown.clear()
        self._shown.append(start.seen)
        return self._moment(imagined, sight, None, {})

    def advance(self, act: Act | Tensor) -> Moment:
        """The next frame.

        Args:
            act: of a person, or actions [interval, A] of the planner.

        Raises:
            UserError: the dream has diverged.
        """
        began = time.perf_counter()
        actions, states = self._take(act)
        acted = since(began)
        sight = None if self.truth is None else self.truth.look()
        began = time.perf_counter()
        imagined = self.dream.step(actions)
        self.frames += 1
        times = {"model": since(began), "simulator": acted}
        moment = self._moment(imagined, sight, actions, times)
        self._taken.append(actions)
        self._shown.append(imagined if sight is None else sight.result().frame)
        with self._adding:
            if self.recording is not None:
                self.recording.add(actions, self.dream.steps, moment.imagined, moment.real, states)
        return moment

    def take_over(self) -> Moment:
        """Let the dream go on from the simulator's frames.

        Raises:
            UserError: there is no simulator.
        """
        if self.truth is None:
            raise UserError(f"nothing to take over from: {self.playable.no_simulator}")
        known = min(self.playable.history, len(self._shown))
        history = self.playable.codec.encode(np.stack(list(self._shown)[-known:]))
        imagined = self.dream.begin(history, self._past(known), self.seed)
        if self.recording is not None:
            self.recording.repeatable = False
        return self._moment(imagined, self.truth.look(), None, {})

    def aim(self, goal: Frame) -> Frame:
        """Set what the planner drives to; returns it as the model sees it.

        Raises:
            UserError: nothing can be planned here, or the page has left.
        """
        seen = as_frame(self.playable.codec.pixels(goal[None])[0])
        self._planner = self._planning.aim(seen, self._left)
        return seen

    def plan(self) -> Plan:
        """What the planner would do now.

        Raises:
            UserError: there is no goal, or the page has left.
        """
        if self._planner is None:
            raise UserError("there is no goal to plan to; choose one")
        began = time.perf_counter()
        known = min(self._planner.context, len(self._shown))
        actions, latents = self._planner.act(list(self._shown)[-known:], self._past(known))
        expected = [self.dream.decode(latent) for latent in latents]
        return Plan(actions, expected, since(began))

    def record(self, name: str) -> Moment:
        """Begin a recording, from the start on."""
        assert self.start is not None
        moment = self.reset(self.start.clip, self.start.first_step, self.seed)
        cached = self.playable.cache is not None
        first = moment.imagined, moment.real
        self.recording = Recording(name, self.start, self.seed, *first, repeatable=cached)
        return moment

    def finish(self, folder: Path) -> Path | None:
        """End the recording and write it, in any thread; None if nothing happened in it.

        Raises:
            DataError: the folder cannot be written to.
        """
        with self._adding:
            recording, self.recording = self.recording, None
        if recording is None or not recording.actions:
            return None
        film = None if self.truth is None else self.truth.film
        return recording.write(folder, self.playable.paths, film)

    def _take(self, act: Act | Tensor) -> tuple[Tensor, NDArray[np.float32] | None]:
        """Actions [interval, A] within the recorded range, and states [interval, S] after them."""
        low, high = self.playable.low, self.playable.high
        pointer = self.playable.controls.pointer

        def decide(step: int, state: NDArray[np.float32] | None) -> NDArray[np.float32]:
            if isinstance(act, Tensor):
                return act[step].numpy().clip(low, high)
            led = act.values
            if pointer is not None and act.place is not None and state is not None:
                led = pointer.action(led, state, act.place)
            return led.clip(low, high)

        if self.truth is None:
            actions = [decide(step, None) for step in range(self.playable.interval)]
            return torch.from_numpy(np.stack(actions)), None
        taken, states = self.truth.act(decide, self.playable.interval)
        return torch.from_numpy(taken), states

    def _past(self, frames: int) -> Tensor:
        """Actions [frames - 1, interval, A] between the latest frames."""
        if frames == 1:
            return torch.zeros(0, self.playable.interval, len(self.playable.low))
        return torch.stack(list(self._taken)[1 - frames :])

    def _moment(
        self,
        imagined: Frame,
        sight: Future[Sight] | None,
        actions: Tensor | None,
        times: dict[str, float],
    ) -> Moment:
        if sight is None:
            return Moment(imagined, None, actions, None, None, times)
        real = sight.result()
        apart = float((real.latent - self.dream.latent.cpu()).square().mean())
        colours = np.square((real.frame.astype(np.float32) - imagined) / 255)
        spent = round(times.get("simulator", 0) + real.milliseconds, 2)
        times = {**times, "simulator": spent}
        pixels = float(colours.mean())
        known = apart if math.isfinite(apart) else None
        return Moment(imagined, real.frame, actions, known, pixels, times)


def since(began: float) -> float:
    """Milliseconds since a moment of `time.perf_counter`."""
    return round(1000 * (time.perf_counter() - began), 2)
