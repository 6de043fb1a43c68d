"""All runs of the paper in one table, with what each of them costs."""

from pathlib import Path

from rich.table import Table

from pipeline.encode.size import readable
from pipeline.errors import ParamsError, did_you_mean
from pipeline.families import DENOISERS
from pipeline.params import Settings
from pipeline.tools.reproduce.estimate import DEVICES, SHARE, STATES, cost
from pipeline.tools.reproduce.preset import merged
from pipeline.tools.reproduce.published import Published


def peak(device: str, tflops: float | None) -> float:
    """FLOP/s of a device by its name, or as said.

    Raises:
        ParamsError: a device that is not in the table.
    """
    if tflops is not None:
        return tflops * 1e12
    if device not in DEVICES:
        hint = did_you_mean(device, DEVICES)
        raise ParamsError(f"--device {device!r} is unknown; {hint}; or give its --tflops")
    return DEVICES[device]


def table(published: Published, params: Path, flops: float) -> Table:
    """A row a run; `flops` is the peak of the device that hours are given for."""
    caption = (
        f"EFLOP: 10^18 operations of training; GPU-hours at {SHARE:.0%} of {flops / 1e12:,.0f} "
        "TFLOP/s, assumed, not measured; disk: latents of the published set, in float16, and "
        f"{STATES} states to resume from, the most at a time. Not counted: the episodes, their "
        "shards, and the second copy of shards, latents and the model in DVC's cache where the "
        "file system cannot share blocks (docs/reproduce.md)"
    )
    columns = ("run", "data", "model", "steps", "clips", "EFLOP", "GPU-hours", "latents", "states")
    shown = Table(*columns, caption=caption, caption_justify="left")
    for column in shown.columns[3:]:
        column.justify = "right"
    for name, run in published.runs.items():
        settings = merged(params, run.changes)
        spent = cost(run, published.data[run.dataset], settings)
        shown.add_row(
            "\nalso ".join([name, *run.aliases]),
            run.dataset,
            model(settings, spent.parameters),
            f"{spent.steps:,}",
            f"{spent.clips / 1e6:.2f} M",
            f"{spent.flops / 1e18:.2f}",
            f"{spent.hours(flops):,.1f}",
            readable(spent.latent_bytes),
            readable(spent.state_bytes),
        )
    return shown


def model(settings: Settings, parameters: int) -> str:
    """Size, patch and parameters of what a run trains."""
    options = settings.values[DENOISERS.block][settings.values[DENOISERS.selector]]
    return f"{options['size']}/{options['patch']} {parameters / 1e6:,.1f} M"
