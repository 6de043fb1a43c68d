"""All runs of the paper in one table, with their estimated cost."""

from pathlib import Path

from rich.table import Table

from pipeline.errors import ParamsError, did_you_mean
from pipeline.families import family
from pipeline.files.units import readable
from pipeline.params import Settings, parse
from pipeline.tools.changes import changed
from pipeline.tools.reproduce.estimate import CHECKPOINTS, DEVICES, UTILISATION, cost
from pipeline.tools.reproduce.published import PublishedRuns
from pipeline.train import Options as Train


def peak(device: str, tflops: float | None) -> float:
    """Peak FLOP/s of a device by its name, or as given by `tflops`.

    Raises:
        ParamsError: the device is unknown.
    """
    if tflops is not None:
        return tflops * 1e12
    if device not in DEVICES:
        hint = did_you_mean(device, DEVICES)
        raise ParamsError(f"--device {device!r} is unknown; {hint}; or give its peak with --tflops")
    return DEVICES[device]


def table(published: PublishedRuns, params: Path, flops: float) -> Table:
    """One row per run; `flops` is the peak FLOP/s of the device for the GPU-hours."""
    caption = (
        f"EFLOP: 10^18 operations of training. GPU-hours: assuming {UTILISATION:.0%} of "
        f"{flops / 1e12:,.0f} TFLOP/s, not measured. Disk: latents of the published data set in "
        f"float16, and {CHECKPOINTS} training checkpoints, the most at a time. Not counted: the "
        "episodes, their shards, and the second copy of shards, latents and model in DVC's cache "
        "if the file system cannot share blocks (docs/reproduce.md)"
    )
    columns = (
        "run",
        "data",
        "model",
        "steps",
        "clips",
        "EFLOP",
        "GPU-hours",
        "latents",
        "checkpoints",
    )
    rows = Table(*columns, caption=caption, caption_justify="left")
    for column in rows.columns[3:]:
        column.justify = "right"
    values = parse(params)
    for name, run in published.runs.items():
        # Not checked as a whole, which would import every member and torch.
        settings = Settings(params, changed(values, run.changes, params))
        estimate = cost(run, published.data[run.dataset], settings.section("train", Train))
        rows.add_row(
            "\nalso ".join([name, *run.aliases]),
            run.dataset,
            model(settings, estimate.parameters),
            f"{estimate.steps:,}",
            f"{estimate.clips / 1e6:.2f} M",
            f"{estimate.flops / 1e18:.2f}",
            f"{estimate.hours(flops):,.1f}",
            readable(estimate.latent_bytes),
            readable(estimate.state_bytes),
        )
    return rows


def model(settings: Settings, parameters: int) -> str:
    """Size, patch and parameters of a run's denoiser."""
    denoisers = family("denoisers")
    options = settings.values[denoisers.block][settings.values[denoisers.selector]]
    return f"{options['size']}/{options['patch']} {parameters / 1e6:,.1f} M"
