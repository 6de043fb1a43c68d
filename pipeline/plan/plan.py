"""Run every controller on every task."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline import stage
from pipeline.compute import device
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.plan import CONTROLLERS, TRIVIAL
from pipeline.metrics.schema.plan import Controller as Name
from pipeline.plan import Options
from pipeline.plan.controllers import (
    Controller,
    NoOp,
    Proposed,
    RandomReplay,
    Replay,
    Run,
    Straight,
    attempt,
)
from pipeline.plan.mpc import Mpc
from pipeline.plan.proposals import Proposer
from pipeline.plan.tasks import Task
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Controllers:
    """All controllers of a run of the stage.

    Attributes:
        planner: MPC with the world model.
        proposer: of the baselines that need no model.
        simulators: MPC with the simulator, by its cost.
    """

    planner: Mpc
    proposer: Proposer
    simulators: dict[Name, Mpc]


BASELINES: tuple[Name, ...] = (*TRIVIAL, "replay")
"""They see neither frames nor a model, and are done in no time."""
GOALS = {"cpu": 10, "cuda": 50}
"""Goals that a controller attempts in lockstep on a device, whatever their number: results depend
on it in their last bits, as tensors are multiplied together. On a CPU 50 at a time spare 3 % of
the time of 10, 5 cost 10 % more, and several processes want pieces; a GPU wants many at a time."""
LONGEST: tuple[Name, ...] = ("planner", "simulator_latent", "simulator_pixels", "simulator_state")
"""Controllers that search come first, those of the longest pieces before the others: the short ones
fill the time of processes that have nothing else left."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tasks for a controller: the unit of parallel work.

    Attributes:
        name: of the controller.
        tasks: at most as many as GOALS says.
        first: number of the first one among all tasks.
    """

    name: Name
    tasks: Sequence[Task]
    first: int


AttemptAll = Callable[[Sequence[Piece]], Iterable[list[Run]]]
"""The runs of each piece, in their order, made here or elsewhere."""


def pieces_of(goals: int) -> int:
    """How many pieces so many goals are for a controller."""
    return -(-goals // _lockstep())


def by_name(
    world: World,
    cache: LatentCache,
    tasks: Sequence[Task],
    controllers: Controllers,
    options: Options,
) -> dict[Name, Controller]:
    """Every controller that can act on these tasks, trivial ones first.

    Raises:
        ParamsError: chunks of a plan are longer than any episode.
    """
    chunk = options.execute * controllers.planner.space.interval
    baselines = _baselines(world, cache, tasks, chunk, options)
    return {**baselines, **searching(controllers, options)}


def searching(controllers: Controllers, options: Options) -> dict[Name, Controller]:
    """Controllers that encode, imagine or simulate; what they do about a goal depends on no other.

    So they can be built by several processes, and each may take some of the goals.
    """
    return {
        **_proposed(controllers.proposer, options),
        **controllers.simulators,
        "planner": controllers.planner,
    }


def plan(
    world: World,
    tasks: Sequence[Task],
    controllers: Mapping[Name, Controller],
    budget: int,
    options: Options,
    attempt_all: AttemptAll | None = None,
) -> dict[Name, list[Run]]:
    """The run of each controller on each task, of at most `budget` steps.

    Args:
        world: in which they act.
        tasks: starts and goals.
        controllers: by name.
        budget: environment steps of an episode.
        options: of the stage.
        attempt_all: makes the runs of controllers that search, in place of this process.

    Raises:
        ParamsError: a trivial controller reaches more goals than `max_trivial`.
    """
    runs: dict[Name, list[Run]] = {}
    for name in [name for name in controllers if name in BASELINES]:
        runs[name] = attempt(world, tasks, controllers[name], budget, options.success)
        if name in TRIVIAL:
            _refuse_trivial(name, runs[name], options)

    def here(piece: Piece) -> list[Run]:
        controller = controllers[piece.name]
        return attempt(world, piece.tasks, controller, budget, options.success, piece.first)

    others = [name for name in controllers if name not in (*BASELINES, *LONGEST)]
    names = [name for name in LONGEST if name in controllers] + others
    count = _lockstep()
    pieces = [
        Piece(name, tasks[first : first + count], first)
        for name in names
        for first in range(0, len(tasks), count)
    ]
    found = (attempt_all or partial(map, here))(pieces)
    for piece, part in zip(pieces, stage.track(found, "plan", len(pieces)), strict=True):
        runs.setdefault(piece.name, []).extend(part)
    return {name: runs[name] for name in CONTROLLERS if name in runs}


def _lockstep() -> int:
    """Most goals of a piece on the device of this process."""
    return GOALS[device.pick().type]


def _baselines(
    world: World, cache: LatentCache, tasks: Sequence[Task], chunk: int, options: Options
) -> dict[Name, Controller]:
    """Controllers that see neither frames nor goals, and the straight one."""
    random = _random_chunks(cache, _long_enough(cache, chunk), chunk, options.seed)
    baselines: dict[Name, Controller] = {"noop": NoOp(chunk), "random": RandomReplay(random)}
    world.restore(tasks[0].start, tasks[0].meta)
    if world.straight(tasks[0].goal) is not None:
        baselines["straight"] = Straight(world, chunk)
    if options.goals.source == "dataset":
        baselines["replay"] = Replay(chunk)
    return baselines


def _proposed(proposer: Proposer, options: Options) -> dict[Name, Controller]:
    """Controllers that act as training episodes did."""
    return {
        "nearest": Proposed(proposer.nearest_actions, options.execute),
        "nearest_replay": Proposed(proposer.nearest_actions, options.horizon),
        "inverse": Proposed(proposer.inverse_actions, options.execute),
    }


def _refuse_trivial(name: Name, runs: Sequence[Run], options: Options) -> None:
    reached = sum(run.success for run in runs)
    if reached > options.max_trivial * len(runs):
        raise ParamsError(
            f"plan: {name} reaches {reached} of {len(runs)} goals, more than plan.max_trivial = "
            f"{options.max_trivial:g}: such goals measure no planning. Put them further away "
            "(plan.goals.frames), behind obstacles (plan.goals.detour: true), lower "
            "plan.budget_frames, or set plan.max_trivial: 1 to plan all the same"
        )


def _long_enough(cache: LatentCache, steps: int) -> list[int]:
    """Training episodes of at least `steps` frames.

    Raises:
        ParamsError: there is none.
    """
    lengths = {episode: cache.seal.episodes[episode].length for episode in cache.episodes("train")}
    episodes = [episode for episode, length in lengths.items() if length >= steps]
    if not episodes:
        raise ParamsError(
            f"plan.execute x interval = {steps} steps, but the longest training episode in "
            f"{cache.path} has {max(lengths.values())} frames; lower it"
        )
    return episodes


def _random_chunks(
    cache: LatentCache, episodes: list[int], steps: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Endless chunks [steps, A] of the actions of random ones of these episodes."""
    rng = np.random.default_rng(seed)
    while True:
        episode = int(rng.choice(episodes))
        offset = int(rng.integers(cache.seal.episodes[episode].length - steps + 1))
        first = int(cache.starts[episode]) + offset
        yield cache.actions[first : first + steps]
