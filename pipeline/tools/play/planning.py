"""Plan for me: the planner of params.yaml drives towards what a picture shows."""

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.sampling import Sampling, build_sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.episodes.episode import Meta
from pipeline.errors import UserError
from pipeline.params import Settings
from pipeline.plan import Options
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.controllers import Run
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task
from pipeline.planners import PLANNERS
from pipeline.probe import probe as probes
from pipeline.samplers import SAMPLERS
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.playable import Playable
from pipeline.worlds import World

SEARCHED = 2**28
"""Numbers in the latents of training episodes among which nearest ones are looked for, at most."""
KEPT = 32
"""Goals after which everything that was computed for goals is dropped."""


@dataclass
class Screen:
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


class Planning:
    """The planner that params.yaml describes, which all sessions share; they take turns."""

    def __init__(self, playable: Playable) -> None:
        """Nothing is read before there is a goal."""
        self._playable = playable
        self._turn = threading.Lock()
        self._screen = Screen()
        self._mpc: Mpc | None = None
        self._goals = 0

    def aim(self, goal: Frame, left: threading.Event) -> "Planner":
        """What plans to a picture [H, W, 3], of the size that the model sees.

        Args:
            goal: the picture.
            left: set when the page has left, after which nothing is begun for it.

        Raises:
            UserError: the workspace lacks something that it needs, the model cannot do it, or the
                page has left.
        """
        if (lacking := self._playable.no_planner) is not None:
            raise UserError(f"nothing can be planned: {lacking}")
        with self._turn_of(left):
            if self._mpc is None or self._goals % KEPT == 0:
                self._mpc = self._build()
            self._goals += 1
            return Planner(self, left, goal, self._goals, self._mpc.options.context)

    def act(self, run: Run, frames: Sequence[Frame], left: threading.Event) -> NDArray[np.float32]:
        """Actions [interval, A] of a run, whose states are numbers of these frames.

        Raises:
            UserError: the page has left.
        """
        with self._turn_of(left):
            assert self._mpc is not None
            self._screen.frames = list(frames)
            budget = self._mpc.options.budget_frames * self._playable.interval
            (actions,) = self._mpc.act([run], budget)
            return actions

    @contextmanager
    def _turn_of(self, left: threading.Event) -> Iterator[None]:
        """Wait for a turn, which may take as long as the plans of all other sessions."""
        with self._turn:
            if left.is_set():
                raise UserError("the page has left")
            yield

    def _build(self) -> Mpc:
        settings = self._playable.settings
        assert settings is not None
        settings = settings.of_dataset(self._playable.model.spec.dataset)
        options = _options(settings, self._playable)
        return build_controllers(_parts(settings, self._playable, options, self._screen)).planner


@dataclass(slots=True)
class Planner:
    """Plans to one goal again and again.

    Attributes:
        planning: searches.
        left: set when the page has left.
        goal: what is to be seen, [H, W, 3].
        number: of the goal; distances to it are kept by it.
        context: most frames that it looks at.
        run: keeps the rest of the last plan.
    """

    planning: Planning
    left: threading.Event
    goal: Frame
    number: int
    context: int
    run: Run | None = None

    def forget(self) -> None:
        """Drop the rest of the last plan."""
        self.run = None

    def act(self, frames: Sequence[Frame], actions: Tensor) -> tuple[Tensor, Tensor]:
        """The next actions.

        Args:
            frames: the latest ones, the present last, K >= 1.
            actions: [K - 1, interval, A] between them.

        Returns:
            Actions [interval, A] to the next frame, and whitened latents [H, C, h, w] that the
            model expects of the whole plan.

        Raises:
            UserError: the page has left.
        """
        states = np.arange(len(frames), dtype=np.float32)[:, None]
        none = np.zeros((0, actions.shape[-1]), np.float32)
        task = Task("", 0, states, actions.numpy(), none, states[-1], self.goal, {})
        plan = None if self.run is None else self.run.plan
        self.run = Run(self.number, task, [states[-1]], plan=plan)
        chosen = self.planning.act(self.run, frames, self.left)
        return torch.from_numpy(chosen), self.run.replans[-1].imagined


def _options(settings: Settings, playable: Playable) -> Options:
    """Those of the stage, but for one frame at a time and without simulators."""
    options, model = settings.section("plan", Options), playable.model
    changes: dict[str, object] = {"simulator": [], "execute": 1}
    assert playable.cache is not None
    rows = sum(entry.length for entry in playable.cache.seal.episodes)
    if rows * math.prod(model.spec.latent_shape) > SEARCHED:
        changes["proposals"] = options.proposals.model_copy(update={"nearest": 0})
    return options.model_copy(update=changes)


def _parts(settings: Settings, playable: Playable, options: Options, screen: Screen) -> Parts:
    assert playable.cache is not None
    spec = playable.model.spec
    return Parts(
        cast(World, screen),  # of a world, a planner without simulators asks for pictures alone
        playable.cache,
        playable.model,
        playable.codec.encoder,
        probes.load(playable.paths.probe, spec, playable.interval),
        settings.variant(PLANNERS).build(),
        _sampling(settings, options, playable.model),
        options,
    )


def _sampling(settings: Settings, options: Options, model: WorldModel) -> Sampling:
    """That of the stage; of a student by its own sampler, and by no more steps than it knows."""
    asked = build_sampling(settings, options.sampling)
    if model.config.student is not None:
        module = SAMPLERS.load(model.config.default_sampler, "sampler")
        steps = min(asked.options.steps, model.config.default_steps)
        few = asked.options.model_copy(update={"steps": steps, "eta": 0.0})
        asked = Sampling(module.build(module.Options()), few)
    return model.own(asked, "plan.sampling")
