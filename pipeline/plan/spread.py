"""Pieces of planning by several processes, each of which loads the model itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch

from pipeline.compute import parallel as cluster
from pipeline.compute.threads import threads
from pipeline.errors import ParamsError
from pipeline.metrics.schema.plan import Controller as Name
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.controllers import Controller, Run, attempt
from pipeline.plan.load import Inputs
from pipeline.plan.mpc import Mpc
from pipeline.plan.plan import AttemptAll, Piece, searching


@dataclass(frozen=True, slots=True)
class Done:
    """The runs of a piece, and what an MPC controller spent on them."""

    runs: list[Run]
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    replans: int = 0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Further processes.

    Attributes:
        inputs: what each of them loads.
        where: they run.
    """

    inputs: Inputs
    where: cluster.Options

    def attempts(self, planner: Mpc, budget: int) -> AttemptAll:
        """Attempts pieces there.

        Args:
            planner: gets the time that they spend for it.
            budget: environment steps of an episode.
        """

        def attempt_all(pieces: Sequence[Piece]) -> Iterator[list[Run]]:
            work = partial(_attempt, self.inputs, torch.get_num_threads(), budget)
            found = cluster.parallel_map(work, pieces, self.where, on_gpu=True)
            for piece, done in zip(pieces, found, strict=True):
                if piece.name == "planner":
                    planner.seconds += done.seconds
                    planner.cpu_seconds += done.cpu_seconds
                    planner.replans += done.replans
                yield done.runs

        return attempt_all


@lru_cache(maxsize=1)
def _loaded(inputs: Inputs) -> tuple[Parts, dict[Name, Controller]]:
    """Once per process: the parts, and the controllers that search or imitate."""
    parts = inputs.parts()
    if isinstance(parts, str):
        raise ParamsError(f"nothing can be planned, because {parts}")
    built = build_controllers(parts)
    built.proposer.stretches.prepare()
    return parts, searching(built, parts.options)


def _attempt(inputs: Inputs, count: int, budget: int, piece: Piece) -> Done:
    """Attempt a piece with as many threads as the first process has."""
    with threads(count):
        parts, controllers = _loaded(inputs)
        world, rule, controller = parts.world, parts.options.success, controllers[piece.name]
        if not isinstance(controller, Mpc):
            return Done(attempt(world, piece.tasks, controller, budget, rule, piece.first))
        own = replace(controller, seconds=0.0, cpu_seconds=0.0, replans=0, generators={})
        runs = attempt(world, piece.tasks, own, budget, rule, piece.first)
        return Done(runs, own.seconds, own.cpu_seconds, own.replans)
