"""Plan for me: the planner of params.yaml drives towards what a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.episode import Meta
from pipeline.errors import UserError
from pipeline.params import read
from pipeline.plan.build import build_controllers
from pipeline.plan.controllers import Run
from pipeline.plan.load import Artefacts, load
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.playable import Playable
from pipeline.worlds import World


@dataclass
class Seen:
    """What has been on the screen: a state is the number of a frame.

    So the planner, which asks a world what its states look like, sees what the person sees, be it
    simulated or dreamt.

    Attributes:
        frames: the latest ones, [H, W, 3] each.
    """

    frames: list[Frame] = field(default_factory=list)

    def draw(self, states: NDArray[np.float32], meta: Meta) -> NDArray[np.uint8]:
        """Frames [N, H, W, 3] of numbers [N, 1]."""
        return np.stack([self.frames[int(number)] for (number,) in states])


@dataclass(frozen=True, slots=True)
class Step:
    """What the planner does next.

    Attributes:
        actions: [interval, A] in the data's units, of the next frame.
        imagined: whitened latents [H, C, h, w] of what the model expects of its plan.
    """

    actions: Tensor
    imagined: Tensor


@dataclass(slots=True)
class Planner:
    """Plans to a goal again and again.

    Attributes:
        mpc: the stage's planner.
        seen: what it sees.
        budget: environment steps of an episode, which bound its horizon.
        goals: how many there were.
        goal: what is to be seen, [H, W, 3].
        run: keeps the rest of the last plan.
    """

    mpc: Mpc
    seen: Seen
    budget: int
    goals: int = 0
    goal: Frame | None = None
    run: Run | None = None

    def aim(self, goal: Frame) -> None:
        """Plan to another picture from now on."""
        # Runs of a number have the same goal ever after: distances to it are kept.
        self.goal, self.run, self.goals = goal, None, self.goals + 1

    def act(self, frames: Sequence[Frame], actions: Tensor) -> Step:
        """The next actions.

        Args:
            frames: the latest ones, the present last, K >= 1.
            actions: [K - 1, interval, A] between them.
        """
        assert self.goal is not None
        self.seen.frames = list(frames)
        states = np.arange(len(frames), dtype=np.float32)[:, None]
        interval, size = self.mpc.space.interval, actions.shape[-1]
        past, none = actions.numpy(), np.zeros((0, size), np.float32)
        task = Task("", 0, states, past, none, states[-1], self.goal, {})
        plan = None if self.run is None else self.run.plan
        self.run = Run(self.goals, task, [states[-1]], plan=plan)
        (chosen,) = self.mpc.act([self.run], self.budget)
        return Step(torch.from_numpy(chosen[:interval]), self.run.replans[-1].imagined)


def planner(playable: Playable) -> Planner:
    """The planner that params.yaml describes, for one session.

    Raises:
        UserError: the workspace lacks something that it needs.
    """
    params, cache = playable.paths.params, playable.cache
    if cache is None:
        raise UserError(f"planning needs the latent cache {playable.paths.latents}: run encode")
    settings = read(params).of_dataset(playable.model.spec.dataset)
    folder = playable.paths.folder
    artefacts = Artefacts(folder / "codec", folder / "world_model", folder / "probe")
    seen = Seen()
    # Of a world, a planner without simulators asks for pictures alone.
    parts = load(settings, cast(World, seen), cache, artefacts)
    options = parts.options.model_copy(update={"simulator": [], "execute": 1})
    built = build_controllers(replace(parts, options=options)).planner
    return Planner(built, seen, options.budget_frames * playable.interval)
