"""Metrics of planning, whose numbers agree with each other."""

from typing import Any

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
