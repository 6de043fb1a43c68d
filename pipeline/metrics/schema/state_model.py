"""The part of metrics/evaluate.json that state models have."""

from typing import Annotated

from pydantic import Field

from pipeline.metrics.schema import Count, Record, Share


class Estimate(Record):
    """A number with its 95 % interval, by resampling clips or episodes."""

    value: float
    interval: tuple[float, float]


class ForecastErrors(Record):
    """Error e(k) of states that are fed back, over the first k rows of a forecast.

    It is the mean over rows of sum |predicted - recorded| / sum |recorded|, of whitened states (Li
    et al. 2025, sec. V): 0 is perfect, 1 is what predicting the mean gives.

    Attributes:
        rows: k.
        model: under the recorded actions.
        persistence: of repeating the last row of the history.
        shuffled: of the model under another clip's actions, from the end of the history on.
        gain: `shuffled` over `model`.
    """

    rows: Count
    model: Estimate
    persistence: Estimate
    shuffled: Estimate
    gain: Estimate


class Detection(Record):
    """How well events are told, at a probability of one half.

    Attributes:
        n: labels.
        events: labels that are 1.
        alarms: predictions of 1.
        precision: share of the alarms that are events; None without an alarm.
        recall: share of the events that were told; None without an event.
        f1: harmonic mean of both; None without an event.
    """

    n: Count
    events: Count
    alarms: Count
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None


class Calibration(Record):
    """Whether a prediction of the next row says how wrong it is.

    Attributes:
        rank: Spearman's correlation of the heads' disagreement with the error of their mean; None
            for one head, which never disagrees.
        nll: negative log-likelihood of the recorded state in nats per number, under a Gaussian with
            mean and variance of all heads; 1.42 is that of the train split's mean and std.
        coverage: share of the numbers in the central 90 % of their Gaussian.
    """

    rank: Estimate | None
    nll: Estimate
    coverage: Share


class StateModelMetrics(Record):
    """What is known of a state model beside the scores of its drawn frames.

    Attributes:
        history: rows that a forecast starts from.
        clips: validation windows, of which all forecasts are.
        forecasts: their errors, by increasing k; as far as episodes are long.
        next_rows: validation rows that were predicted from the recorded rows before them.
        episodes: of these rows, which are resampled.
        contacts: of the rows of the forecasts; None where contacts are not known.
        termination: of `next_rows`; likewise.
        calibration: likewise of `next_rows`.
    """

    history: Count
    clips: Count
    forecasts: Annotated[list[ForecastErrors], Field(min_length=1)]
    next_rows: Count
    episodes: Count
    contacts: Detection | None
    termination: Detection | None
    calibration: Calibration

    def means(self) -> dict[str, float]:
        """The numbers that `dvc metrics diff` compares."""
        values = {f"error_{one.rows}": one.model.value for one in self.forecasts}
        values["nll"] = self.calibration.nll.value
        found = {"calibration_rank": self.calibration.rank}
        if self.contacts is not None:
            found["contact_f1"] = self.contacts.f1
        if self.termination is not None:
            found["termination_recall"] = self.termination.recall
            found["termination_precision"] = self.termination.precision
        return values | {name: each.value for name, each in found.items() if each is not None}
