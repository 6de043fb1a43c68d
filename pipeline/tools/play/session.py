"""A session: what a page asks for, and frames, paced to its display.

The event loop takes messages; one thread computes. Between the two is no queue: the newest action
wins, and of everything else that is asked for the latest counts.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from torch import Tensor

from pipeline.errors import UserError
from pipeline.tools.play import messages, pictures, replies
from pipeline.tools.play.acting import Acting
from pipeline.tools.play.drawing import Drawn, draw, goal_message, plan_message
from pipeline.tools.play.engine import Act, Engine, Moment
from pipeline.tools.play.messages import ImageFormat

LOG = logging.getLogger("wm.play")
AHEAD = 2
"""Frames that are on their way to a page at most."""
LATE = 1.0
"""Seconds after which a frame counts as shown, lest one that is lost stops everything."""
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
Send = Callable[[replies.Reply | bytes], Awaitable[None]]
"""Sends a text or a binary message to the page."""


@dataclass(slots=True)
class Wish:
    """What the page has asked for, and the session has not yet done."""

    state: bool = False
    reset: messages.Reset | None = None
    goal: messages.Goal | bytes | None = None
    take_over: bool = False
    record: bool | None = None


class Session:
    """One page.

    Attributes:
        number: of the session.
        fps: most frames a second.
        form: of its images.
        steps: denoising steps of a frame.
        paused: whether it stands still.
        planning: whether the planner drives.
        records: whether a recording is under way, or being written.
    """

    def __init__(self, number: int, engine: Engine, folder: Path, send: Send, fps: float) -> None:
        """Nothing is computed yet: see `run`. Recordings go to `folder`."""
        playable = engine.playable
        self.number, self.fps, self.steps = number, fps, playable.steps
        self.form: ImageFormat = "webp"
        self.paused = self.planning = self.records = False
        self._playable, self._folder, self._send = playable, folder, send
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, f"session-{number}")
        self._writer = ThreadPoolExecutor(1, f"recordings-{number}")
        self._changed = asyncio.Event()
        self._wish = Wish()
        self._single_step = False
        self._acting = Acting(playable.idle)
        self._sent = self._shown = self._recordings = 0

    def take(self, message: messages.Message | bytes) -> None:
        """What the page says; done before the next frame. Bytes are a picture of a goal.

        Raises:
            UserError: the action has another size than the model's, or the model is a student of
                fewer steps.
        """
        wish = self._wish
        match message:
            case messages.Action():
                self._acting.take(message)
            case messages.Shown(number=number):
                self._shown = min(max(self._shown, number), self._sent)
            case messages.Settings():
                if message.steps:
                    self._playable.model.sampling(steps=message.steps)  # a student knows but a few
                    self.steps = message.steps
                self.form = message.format or self.form
                self.fps = message.fps or self.fps
                wish.state = True
            case messages.Pause():
                self.paused, wish.state = message.paused, True
            case messages.Plan():
                self.planning, wish.state = message.on, True
            case messages.SingleStep():
                self._single_step = True
            case messages.Reset():
                wish.reset = message
            case messages.TakeOver():
                wish.take_over = True
            case messages.Goal() | bytes():
                wish.goal = message
            case messages.Record():
                wish.record = message.on
        self._changed.set()

    async def run(self) -> None:
        """Send frames until it is cancelled; `close` comes next."""
        await self._start(messages.Reset(type="reset"))
        due = time.monotonic()
        while True:
            await self._grant()
            if not await self._may_go_on(due):
                continue
            due = max(due + 1 / self.fps, time.monotonic())
            await self._advance()

    def close(self) -> Future[None]:
        """Write the recording, at once, and let go of everything when what is under way ends."""
        self._engine.leave()
        closed = self._writer.submit(self._close)
        self._writer.shutdown(wait=False)
        return closed

    async def complain(self, line: str) -> None:
        """Say what is wrong; the session goes on."""
        await self._send(replies.Complaint(message=line))

    def _close(self) -> None:
        try:
            if (written := self._engine.finish(self._folder)) is not None:
                LOG.info("session %d: its recording is in %s", self.number, written)
        except UserError as error:
            LOG.warning("session %d: %s", self.number, error)
        finally:
            self._thread.submit(self._engine.close)
            self._thread.shutdown(wait=False)

    async def _may_go_on(self, due: float) -> bool:
        """Wait until it is time for a frame; False if something else is to be done first."""
        waits = (self.paused or self._rests) and not self._single_step
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

    @property
    def _rests(self) -> bool:
        """Whether the world waits for a push, and the person has made none."""
        by_turns = self._playable.controls.by_turns and not self.planning
        return by_turns and self._acting.impulse is None

    async def _grant(self) -> None:
        """Do what is wished; what cannot be done is told, and the rest is done."""
        wish, self._wish = self._wish, Wish()
        todo: list[Callable[[], Awaitable[None]]] = []
        if wish.reset is not None:
            todo.append(partial(self._start, wish.reset))
        if wish.goal is not None:
            todo.append(partial(self._aim, wish.goal))
        if wish.take_over:
            todo.append(self._take_over)
        if wish.record is not None:
            todo.append(self._begin_recording if wish.record else self._end_recording)
        if wish.state:
            todo.append(self._tell_state)
        for grant in todo:
            try:
                await grant()
            except UserError as error:
                await self.complain(str(error))

    async def _start(self, reset: messages.Reset) -> None:
        await self._end_recording()
        self._acting.newest = None
        make = partial(self._engine.reset, reset.clip, reset.start, reset.seed)
        drawn = await self._draw(make)
        await self._tell_state()
        await self._show(drawn)

    async def _take_over(self) -> None:
        await self._show(await self._draw(self._engine.take_over))

    async def _advance(self) -> None:
        self._single_step = False
        self._engine.dream.steps = self.steps
        act: Act | Tensor
        act, asked = self._acting.act()
        try:
            if self.planning:
                act = await self._plan()
            drawn = await self._draw(partial(self._engine.advance, act))
        except UserError as error:
            # Without a plan the person goes on; from a dream that has diverged nothing does.
            self.paused, self.planning = self.paused or not self.planning, False
            await self.complain(str(error))
            await self._tell_state()
            return
        await self._show(drawn, asked, planned=not isinstance(act, Act))
        if self._engine.recording is not None and self._engine.recording.full:
            await self._end_recording()
            await self.complain("the recording is full, and was written")

    async def _plan(self) -> Tensor:
        """What the planner does next; the page sees it before it is done."""
        plan = await self._compute(self._engine.plan)
        await self._send(await self._compute(plan_message, plan, self.form))
        return plan.actions

    async def _draw(self, make: Callable[[], Moment]) -> Drawn:
        return await self._compute(draw, make, self.form)

    async def _show(
        self, drawn: Drawn, asked: float | None = None, *, planned: bool = False
    ) -> None:
        self._sent += 1
        step = self._engine.step
        await self._send(drawn.message(self._sent, step, asked, planned=planned))

    async def _aim(self, goal: messages.Goal | bytes) -> None:
        try:
            await self._send(await self._compute(self._aimed, goal))
        except UserError:
            self.planning, self._wish.state = False, True  # its reason is the one to be told
            raise

    def _aimed(self, goal: messages.Goal | bytes) -> bytes:
        if isinstance(goal, bytes):
            frame = pictures.decode(goal, self._playable.recorded_size)
        else:
            frame = self._playable.frame(goal.clip, goal.start)
        return goal_message(self._engine.aim(frame), self.form)

    async def _begin_recording(self) -> None:
        await self._end_recording()
        self._recordings += 1
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{self.number}-{self._recordings}"
        self._acting.newest, self.records = None, True
        drawn = await self._draw(partial(self._engine.record, name))
        await self._tell_state()
        await self._show(drawn)

    async def _end_recording(self) -> None:
        if (recording := self._engine.recording) is None:
            return
        lost = "nothing happened in the recording, so it was not written"
        try:
            writing = self._writer.submit(self._engine.finish, self._folder)
            written = await asyncio.wrap_future(writing)
        except UserError as error:
            written, lost = None, str(error)
        self.records = False
        await self._tell_state()
        if written is None:
            await self.complain(lost)
            return
        done = replies.RecordingDone(
            frames=len(recording.actions),
            folder=str(written),
            url=f"recordings/{written.name}.zip",
        )
        await self._send(done)

    async def _tell_state(self) -> None:
        """Send what stands."""
        start = self._engine.start
        assert start is not None
        state = replies.State(
            clip=start.clip,
            episode=start.episode.key,
            start=start.first_step,
            seed=self._engine.seed,
            steps=self.steps,
            format=self.form,
            fps=self.fps,
            paused=self.paused,
            planning=self.planning,
            recording=self._engine.recording is not None,
        )
        await self._send(state)

    async def _compute(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Call a function in the session's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)
