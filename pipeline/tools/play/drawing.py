"""Frames, plans and goals as messages to a page."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.tools.play import replies
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.engine import Moment, Plan, since
from pipeline.tools.play.messages import ImageFormat
from pipeline.tools.play.pictures import encode_all


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame with its images, and the milliseconds that encoding these took."""

    moment: Moment
    images: list[replies.Image]
    milliseconds: float

    def message(self, number: int, step: int, asked: float | None, *, planned: bool) -> bytes:
        """The message; `asked` is the time of the action that it answers, if it is the first."""
        moment = self.moment
        header = replies.FrameHeader(
            number=number,
            step=step,
            action=None if moment.actions is None else moment.actions[0].tolist(),
            time=asked,
            milliseconds=replies.Milliseconds(**moment.milliseconds, encode=self.milliseconds),
            latent_error=moment.latent_error,
            pixel_error=moment.pixel_error,
            planned=planned,
        )
        return replies.pack(header, self.images)


def draw(make: Callable[[], Moment], form: ImageFormat) -> Drawn:
    """Compute a frame, and encode its images."""
    moment = make()
    began = time.perf_counter()
    named = [("imagined", moment.imagined)]
    if moment.real is not None:
        named.append(("real", moment.real))
    images = encode_all(named, form)
    return Drawn(moment, images, since(began))


def plan_message(plan: Plan, form: ImageFormat) -> bytes:
    """What the planner is about to do."""
    named = [(f"plan {number}", frame) for number, frame in enumerate(plan.expected)]
    first = plan.actions[0].tolist()
    header = replies.PlanHeader(action=first, milliseconds=plan.milliseconds)
    return replies.pack(header, encode_all(named, form))


def goal_message(goal: Frame, form: ImageFormat) -> bytes:
    """What the planner drives to."""
    return replies.pack(replies.GoalHeader(), encode_all([("goal", goal)], form))
