"""Metrics and films of planning, whose numbers agree with each other."""

from typing import Any

import numpy as np

from pipeline.metrics.intervals import wilson


def plan_metrics(goals: int = 50, *, planner: int, **reached: int) -> dict[str, Any]:
    """metrics/plan.json of controllers that reach so many goals, the first ones of the planner's.

    Args:
        goals: their number.
        planner: goals that the planner reaches.
        reached: goals that each other controller reaches, by its name.
    """

    def row(successes: int) -> dict[str, Any]:
        return {
            "success_rate": successes / goals,
            "success_interval": wilson(successes, goals),
            "goals": goals,
            "distance": 2.5,
            "steps": 15.0 if successes else None,
            "won": max(planner - successes, 0),
            "lost": max(successes - planner, 0),
        }

    controllers = {"planner": planner, **reached}
    rates = {name: successes / goals for name, successes in controllers.items()}
    return {
        "goals": goals,
        "solved_at_start": 2,
        "controllers": {name: row(successes) for name, successes in controllers.items()},
        "by_distance": [
            {"low": 4.0, "high": 9.5, "goals": goals // 2, "success": rates},
            {"low": 9.5, "high": 31.0, "goals": goals - goals // 2, "success": rates},
        ],
        "listening": {"own": 0.07, "shuffled": 1.01},
        "seconds_per_replan": 0.5,
        "cpu_seconds_per_replan": 0.75,
    }


def films(size: int = 64) -> dict[str, np.ndarray]:
    """Arrays of results/films.npz: three episodes, of which the first plans twice."""
    rng = np.random.default_rng(0)
    replans, horizons = np.array([[0, 5], [0, -1], [0, -1]]), np.array([[2, 1], [1, 0], [2, 0]])
    costs = np.sort(rng.random((3, 2, 4)).astype(np.float32))[..., ::-1]
    return {
        "frames": rng.integers(0, 255, (3, 7, size, size, 3), np.uint8),
        "lengths": np.array([7, 4, 6]),
        "goals": rng.integers(0, 255, (3, size, size, 3), np.uint8),
        "success": np.array([True, False, True]),
        "interval": np.array(5),
        "replans": replans,
        "horizons": horizons,
        "imagined": rng.integers(0, 255, (3, 2, 2, size // 2, size // 2, 3), np.uint8),
        "costs": np.where(replans[..., None] < 0, np.float32("nan"), costs),
    }
