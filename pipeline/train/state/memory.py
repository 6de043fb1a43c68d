"""What to do where memory does not suffice to train a state model."""

from pipeline.train import Options


def ways_out(train: Options, share: float | None = None) -> str:
    """Settings that fit, if `share` of a batch does at once; None: it is not known."""
    parts = [
        parts
        for parts in range(train.accumulation + 1, train.batch + 1)
        if train.batch % parts == 0 and (share is None or 1 / parts <= share)
    ]
    if not parts:
        return "no accumulation fits; lower train.state.forecast or the widths of state_models"
    return f"train.accumulation: {parts[0]} {'needs less' if share is None else 'fits'}"
