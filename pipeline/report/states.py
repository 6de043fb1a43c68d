"""Forecasts of a state model on the page: their errors, events, and calibration."""

from dataclasses import dataclass

from pipeline.metrics.schema.state_model import Detection, Estimate, StateModelMetrics
from pipeline.report.scores import Cell, estimate

CONDITIONS = {
    "model": "state model",
    "persistence": "repeating the last row",
    "shuffled": "state model, another clip's actions",
    "gain": "another clip's actions over its own",
}
NONE = Cell("-", "")


@dataclass(frozen=True, slots=True)
class Section:
    """Numbers as the page shows them.

    Attributes:
        clips: windows that forecasts start from.
        rows: lengths k of forecasts.
        errors: of each condition, by k.
        next_rows: rows that were predicted from recorded ones.
        episodes: of these.
        facts: a name, a number and what it is, of events and calibration.
    """

    clips: int
    rows: list[int]
    errors: dict[str, list[Cell]]
    next_rows: int
    episodes: int
    facts: list[tuple[str, Cell, str]]


def section(metrics: StateModelMetrics) -> Section:
    """The section of a state model."""
    errors = {
        said: [_cell(getattr(one, name)) for one in metrics.forecasts]
        for name, said in CONDITIONS.items()
    }
    calibration = metrics.calibration
    facts = [
        *_events("contacts", metrics.contacts, "of the forecasts"),
        *_events("termination", metrics.termination, "one row ahead"),
        (
            "rank correlation",
            _cell(calibration.rank),
            "Spearman, of the heads' disagreement with the error of their mean",
        ),
        (
            "negative log-likelihood",
            _cell(calibration.nll),
            "nats per number; 1.42 is that of the train split's mean and std",
        ),
        ("coverage", Cell(f"{calibration.coverage:.3f}", ""), "of the central 90 %"),
    ]
    return Section(
        clips=metrics.clips,
        rows=[one.rows for one in metrics.forecasts],
        errors=errors,
        next_rows=metrics.next_rows,
        episodes=metrics.episodes,
        facts=facts,
    )


def _events(name: str, found: Detection | None, where: str) -> list[tuple[str, Cell, str]]:
    if found is None:
        return []
    counts = f"{where}; {found.events} of {found.n} labels are events, {found.alarms} were told"
    return [
        (f"{name}, F1", _cell(found.f1), counts),
        (f"{name}, precision", _cell(found.precision), "share of what was told"),
        (f"{name}, recall", _cell(found.recall), "share of the events"),
    ]


def _cell(found: Estimate | None) -> Cell:
    return NONE if found is None else estimate(found)
