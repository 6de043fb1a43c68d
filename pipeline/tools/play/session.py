"""A session: what a page asks for, and frames, paced to its display.

The event loop takes messages; one thread computes. Between the two is no queue: the newest action
wins, and of everything else that is asked for the latest counts.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pipeline.errors import UserError
from pipeline.tools.play import messages, pictures
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.engine import Engine, Moment
from pipeline.tools.play.messages import ImageFormat
from pipeline.tools.play.playable import Playable

AHEAD = 2
"""Frames that are on their way to a page at most."""
LATE = 1.0
"""Seconds after which a frame counts as shown, lest one that is lost stops everything."""
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(slots=True)
class Wish:
    """What the page has asked for, and the session has not yet done."""

    reset: messages.Reset | None = None
    goal: messages.Goal | bytes | None = None
    take_over: bool = False
    record: bool | None = None
    single_step: bool = False


@dataclass
class Session:
    """One page.

    Attributes:
        number: of the session.
        playable: the model.
        folder: for recordings.
        send: a text or a binary message to the page.
        fps: most frames a second.
        form: of its images.
        paused: whether it stands still.
        planning: whether the planner drives.
        steps: denoising steps of a frame; None for the model's own.
    """

    number: int
    playable: Playable
    folder: Path
    send: Callable[[dict[str, Any] | bytes], Awaitable[None]]
    fps: float
    form: ImageFormat = "webp"
    paused: bool = False
    planning: bool = False
    steps: int | None = None
    _wish: Wish = field(default_factory=Wish)
    _action: messages.Action | None = None
    _sent: int = 0
    _shown: int = 0

    def __post_init__(self) -> None:
        """Nothing is computed yet: see `run`."""
        self._thread = ThreadPoolExecutor(1, f"session-{self.number}")
        self._changed = asyncio.Event()
        self._answered: float | None = None
        self._recordings = 0

    def take(self, message: messages.Message) -> None:
        """What the page says; done before the next frame.

        Raises:
            UserError: the action has another size than the model's.
        """
        match message:
            case messages.Action():
                size = self.playable.model.spec.action_dim
                if len(message.action) != size:
                    raise UserError(f"action: {len(message.action)} numbers, not {size}")
                self._action = message
            case messages.Shown():
                self._shown = min(max(self._shown, message.number), self._sent)
            case messages.Settings():
                self._set(message)
            case messages.Pause():
                self.paused = message.paused
            case messages.SingleStep():
                self._wish.single_step = True
            case messages.Reset():
                self._wish.reset = message
            case messages.TakeOver():
                self._wish.take_over = True
            case messages.Goal():
                self._wish.goal = message
            case messages.Plan():
                self.planning = message.on
            case messages.Record():
                self._wish.record = message.on
        self._changed.set()

    def take_picture(self, content: bytes) -> None:
        """A picture of a goal."""
        self._wish.goal = content
        self._changed.set()

    async def run(self) -> None:
        """Send frames until it is cancelled."""
        try:
            self._engine = await self._compute(Engine, self.playable)
            await self._start(messages.Reset(type="reset"))
            due = time.monotonic()
            while True:
                await self._do_what_is_wished()
                if not await self._may_go_on(due):
                    continue
                due = max(due + 1 / self.fps, time.monotonic())
                await self._advance()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _may_go_on(self, due: float) -> bool:
        """Wait until it is time for a frame; False if something else is to be done first."""
        waits = self.paused and not self._wish.single_step
        crowded = self._sent - self._shown >= AHEAD
        rest = None if waits else LATE if crowded else due - time.monotonic()
        if rest is not None and rest <= 0:
            return True
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), rest)
        except TimeoutError:
            if crowded:
                self._shown = self._sent
        return False

    async def _do_what_is_wished(self) -> None:
        wish, self._wish = self._wish, replace(Wish(), single_step=self._wish.single_step)
        try:
            if wish.reset is not None:
                await self._end_recording()
                await self._start(wish.reset)
            if wish.goal is not None:
                await self._aim(wish.goal)
            if wish.take_over:
                await self._show(await self._compute(self._engine.take_over), None)
            if wish.record is True:
                await self._end_recording()
                await self._begin_recording()
            elif wish.record is False:
                await self._end_recording()
        except UserError as error:
            await self.complain(str(error))

    async def _start(self, reset: messages.Reset) -> None:
        moment = await self._compute(self._engine.reset, reset.clip, reset.start, reset.seed)
        self._action = None
        await self.tell_state()
        await self._show(moment, None)

    async def _advance(self) -> None:
        self._wish.single_step = False
        self._engine.dream.steps = self.steps or self.playable.steps
        action = self._action
        values = self.playable.idle() if action is None else action.action
        wanted = None if self.planning else np.array(values, np.float32)
        try:
            moment = await self._compute(self._engine.advance, wanted)
        except UserError as error:
            self.planning, self.paused = False, self.paused or not self.planning
            await self.complain(str(error))
            await self.tell_state()
            return
        asked = None if action is None or action.time == self._answered else action.time
        self._answered = None if action is None else action.time
        await self._show(moment, asked)
        recording = self._engine.recording
        if recording is not None and recording.full:
            await self._end_recording()
            await self.complain("the recording is full, and was written")

    async def _show(self, moment: Moment, asked: float | None) -> None:
        """Send a frame; `asked` is the time of the action that it answers, if it is the first."""
        plan = moment.plan
        self._sent += 1
        named: list[tuple[str, Frame]] = [("imagined", moment.imagined)]
        if moment.real is not None:
            named.append(("real", moment.real))
        named += [(f"plan {number}", frame) for number, frame in enumerate(plan)]
        began = time.perf_counter()
        images = await self._compute(self._encode, named)
        spent = {**moment.milliseconds, "encode": round(1000 * (time.perf_counter() - began), 2)}
        header = {
            "type": "frame",
            "number": self._sent,
            "step": self._engine.start.step,
            "action": None if moment.actions is None else moment.actions[0].tolist(),
            "time": asked,
            "milliseconds": spent,
            "latent_error": moment.latent_error,
            "pixel_error": moment.pixel_error,
            "planned": bool(plan),
        }
        await self.send(messages.pack(header, images))

    async def _aim(self, goal: messages.Goal | bytes) -> None:
        frame = await self._compute(self._goal_frame, goal)
        seen = await self._compute(self._engine.aim, frame)
        images = await self._compute(self._encode, [("goal", seen)])
        await self.send(messages.pack({"type": "goal"}, images))

    def _goal_frame(self, goal: messages.Goal | bytes) -> Frame:
        if isinstance(goal, bytes):
            height, width = self._engine.start.frame.shape[:2]
            return pictures.decode(goal, (height, width))
        return self.playable.frame(goal.clip, goal.start)

    async def _begin_recording(self) -> None:
        self._recordings += 1
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{self.number}-{self._recordings}"
        moment = await self._compute(self._engine.record, name, max(1, round(self.fps)))
        self._action = None
        await self.tell_state()
        await self._show(moment, None)

    async def _end_recording(self) -> None:
        if self._engine.recording is None:
            return
        frames = len(self._engine.recording.actions)
        written = await self._compute(self._engine.finish, self.folder)
        await self.tell_state()
        if written is None:
            await self.complain("nothing happened in the recording, so it was not written")
            return
        place = {"folder": str(written), "url": f"recordings/{written.name}.zip"}
        await self.send({"type": "recording", "frames": frames, **place})

    async def tell_state(self) -> None:
        """Send what stands."""
        engine = self._engine
        await self.send(
            {
                "type": "state",
                "clip": engine.start.clip,
                "episode": engine.start.episode.key,
                "start": engine.first_step,
                "seed": engine.seed,
                "steps": self.steps or self.playable.steps,
                "format": self.form,
                "fps": self.fps,
                "paused": self.paused,
                "planning": self.planning,
                "recording": engine.recording is not None,
            }
        )

    async def complain(self, line: str) -> None:
        """Say what is wrong; the session goes on."""
        await self.send({"type": "error", "message": line})

    def _set(self, settings: messages.Settings) -> None:
        self.steps = settings.steps or self.steps
        self.form = settings.format or self.form
        self.fps = settings.fps or self.fps

    def _encode(self, named: list[tuple[str, Frame]]) -> list[tuple[str, str, bytes]]:
        return [pictures.encode(frame, name, self.form) for name, frame in named]

    async def _compute(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """Call a function in the session's thread."""
        call = functools.partial(function, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
