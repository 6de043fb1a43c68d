"""Memory of training a state model: one update at full scale, its tensors counted."""

from pipeline.errors import ParamsError, RunError, memory_ran_out
from pipeline.latents.cache import LatentCache
from pipeline.params import Settings
from pipeline.tools.changes import changed
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.forecast import available_to
from pipeline.tools.preflight.training import prepare
from pipeline.train import Options
from pipeline.train.memory.peak import Footprint
from pipeline.train.state.memory import ways_out


def check_state_memory(
    settings: Settings, small: Settings, cache: LatentCache, memory: float | None, found: Findings
) -> None:
    """Take one update with the whole batch, and hold its peak against the device.

    Raises:
        ParamsError: it does not fit; the line names settings that do.
        RunError: memory ran out.
    """
    train, available = settings.section("train", Options), available_to(settings, memory)
    values = changed(
        small.values,
        {"train.batch": train.batch, "train.accumulation": train.accumulation},
        small.path,
    )
    try:
        needed, fixed = _peak(Settings(small.path, values), cache)
    except Exception as error:
        if not memory_ran_out(error):
            raise
        raise RunError(f"out of memory; {ways_out(train, None)}") from None
    text = f"train: micro-batches of {train.batch // train.accumulation} windows need"
    if needed > available.memory:
        activations = (needed - fixed) * train.accumulation
        share = (available.memory - fixed) / activations if activations else 0.0
        raise ParamsError(
            f"{text} {needed / 1e9:.3g} GB, the device has {available.memory / 1e9:.3g} GB; "
            f"{ways_out(train, share)}"
        )
    found.passed(
        f"memory, counted in one update: {text} {needed / 1e9:.3g} of "
        f"{available.memory / 1e9:.3g} GB"
    )


def _peak(settings: Settings, cache: LatentCache) -> tuple[int, int]:
    """Bytes of tensors at the peak of an update, and of weights and AdamW's two moments alone."""
    _, trainer = prepare(settings, cache)
    weights = [*trainer.network.parameters()]
    size = sum(weight.nbytes for weight in weights)
    with Footprint(weights) as footprint:
        trainer.advance()
    return size + footprint.peak, 3 * size
