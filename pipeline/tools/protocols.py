"""Protocols of published planning results, as changes to params.yaml, and `wm protocols`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from pipeline.errors import ParamsError, did_you_mean
from pipeline.tools.tables import show

Value = str | int | float | bool | list[int] | None


@dataclass(frozen=True, slots=True)
class Protocol:
    """How others draw goals, plan, and count success.

    Attributes:
        source: where it is written down.
        changes: what it sets, by dotted key of params.yaml; model frames of 5 environment steps.
        note: what it is for, and what cannot be as it is there.
    """

    source: str
    changes: Mapping[str, Value]
    note: str


def _search(candidates: int, elites: int, rounds: int) -> dict[str, Value]:
    """The cross-entropy method as all of them have it: the mean of the last elites is the plan."""
    return {
        "planner": "cem",
        "planners.cem.candidates": candidates,
        "planners.cem.elites": elites,
        "planners.cem.rounds": rounds,
        "planners.cem.spread": 1.0,
        "planners.cem.noise_exponent": 0.0,
        "planners.cem.result": "mean",
    }


def _goals(count: int, source: str, frames: int, budget: int, success: str) -> dict[str, Value]:
    """Goals all as far away, and the last frame's distance to them in latents as the cost."""
    return {
        "plan.goals.count": count,
        "plan.goals.source": source,
        "plan.goals.frames": [frames, frames],
        "plan.goals.detour": None,
        "plan.budget_frames": budget,
        "plan.success": success,
        "plan.max_trivial": 1.0,  # none of them refuses goals that are too easy
        "plan.context": 1,
        "plan.distance.frames": "last",
        "plan.distance.metric": "mse",
        "plan.distance.base": 2.0,
        "plan.distance.blur": 0.0,
        "plan.proposals.nearest": 0,
        "plan.proposals.inverse": 0,
        "plan.accept": 0.0,
    }


def _horizon(frames: int, seed: int) -> dict[str, Value]:
    """Plans that are executed to their end before the next is made."""
    return {"plan.horizon": frames, "plan.execute": frames, "plan.seed": seed}


DDIM: dict[str, Value] = {
    "plan.sampling.steps": 20,
    "plan.sampling.spacing": "trailing",
    "plan.sampling.eta": 0.0,
    "plan.sampling.clip": False,
    "plan.sampling.stabilisation": 0.02,
    "plan.sampling.context": None,
    "plan.sampling.generate": None,
}
"""Nano World Models' sampling; the others predict in one step, and leave ours as it is."""

PROTOCOLS = {
    "nanowm": Protocol(
        "nano-world-model: planning=dino_wm_pusht, src/scripts/eval/planning_pusht.sh",
        {
            **_goals(50, "dataset", 5, 20, "chunk"),
            **_horizon(5, 99),
            **_search(300, 30, 30),
            **DDIM,
            "sampler": "full_sequence",
        },
        "PushT, 100 environment steps; its PointMaze has half of them (plan.budget_frames=10). "
        "No result is published. When it looks for success is not documented: as DINO-WM does.",
    ),
    "nanowm_paper": Protocol(
        "arXiv 2605.23993, table 4",
        {
            **_goals(100, "dataset", 3, 3, "chunk"),
            **_horizon(3, 99),
            **_search(64, 10, 5),
            **DDIM,
            "sampler": "full_sequence",
        },
        "PushT: .25 in latents of Stable Diffusion's VAE, 0 in those of Web-DINO and V-JEPA 2.1. "
        "One plan, executed whole. Goals, seed and elites are not published, but assumed.",
    ),
    "dino_wm": Protocol(
        "arXiv 2411.04983, table 1; gaoyuezhou/dino_wm: planner=mpc_cem, goal_source dset",
        {
            **_goals(50, "dataset", 5, 100, "chunk"),
            **_horizon(5, 99),
            **_search(300, 30, 30),
        },
        "PushT: .90. It replans until all goals are reached, without end; 20 times here. Its cost "
        "also has the distance of what the agent knows of itself, which no model here has.",
    ),
    "dino_wm_random": Protocol(
        "arXiv 2411.04983, table 1; gaoyuezhou/dino_wm: conf/plan_wall.yaml, plan_point_maze.yaml",
        {
            **_goals(50, "random", 5, 100, "chunk"),
            **_horizon(5, 99),
            **_search(300, 30, 10),
        },
        "Wall: .96, PointMaze: .98. Start and goal are random states, in Wall in different rooms. "
        "It replans until all goals are reached, without end; 20 times here.",
    ),
    "stable_worldmodel": Protocol(
        "stable-worldmodel 0.1: scripts/plan/config/pusht.yaml, solver/cem.yaml",
        {
            **_goals(50, "dataset", 5, 10, "step"),
            **_horizon(5, 42),
            **_search(300, 30, 30),
        },
        "PushT: DINO-WM .74, LeWM .96 within 50 environment steps. Its goals are from the "
        "episodes that it trains on; here from the validation split.",
    ),
}


def changes_of(name: str) -> dict[str, Value]:
    """What a protocol changes in params.yaml, by dotted key.

    Raises:
        ParamsError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise ParamsError(f"--protocol {name} is unknown; {did_you_mean(name, PROTOCOLS)}")
    return dict(PROTOCOLS[name].changes)


def written(value: Value) -> str:
    """A value as `-S KEY=VALUE` takes it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Print what this one sets, as KEY=VALUE lines."),
    ] = None,
) -> None:
    """List the protocols of published planning results, which wm run --protocol NAME follows."""
    from rich.table import Table

    if name is not None:
        for key, value in changes_of(name).items():
            print(f"{key}={written(value)}")
        protocol = PROTOCOLS[name]
        print(f"# {protocol.note}\n# {protocol.source}")
        return
    table = Table("name", "goals", "frames away", "budget", "horizon", "search", "success", "seed")
    for each, protocol in PROTOCOLS.items():
        sets = protocol.changes
        table.add_row(
            each,
            f"{sets['plan.goals.count']} {sets['plan.goals.source']}",
            _away(sets),
            str(sets["plan.budget_frames"]),
            str(sets["plan.horizon"]),
            " x ".join(str(sets[f"planners.cem.{key}"]) for key in ("candidates", "rounds"))
            + f", {sets['planners.cem.elites']} elites",
            f"after each {sets['plan.success']}",
            str(sets["plan.seed"]),
        )
    show(table)
    print(
        "frames of 5 environment steps; wm protocols NAME prints all that one sets, and its source"
    )


def _away(sets: Mapping[str, Value]) -> str:
    frames = sets["plan.goals.frames"]
    assert isinstance(frames, list)
    return str(frames[0]) if sets["plan.goals.source"] == "dataset" else "any"
