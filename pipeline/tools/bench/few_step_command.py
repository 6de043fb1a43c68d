"""`wm bench few-step`: what a student of a few steps saves."""

from dataclasses import asdict

from rich.table import Table

from pipeline.tools import tables
from pipeline.tools.bench.cli import Batch, Out, Repeats
from pipeline.tools.bench.model_commands import Context, Name, Precision
from pipeline.tools.tables import ActionDim, Frames, Latent, shape_of


def few_step(
    size: Name = "S",
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    context: Context = 1,
    batch: Batch = 1,
    repeats: Repeats = 5,
    precision: Precision = "auto",
    out: Out = None,
) -> None:
    """Time a few-step student beside its teacher: frames per CPU-second."""
    from pipeline import stage
    from pipeline.compute.device import pick, training_precision
    from pipeline.tools.bench import Sampling
    from pipeline.tools.bench import few_step as bench
    from pipeline.tools.bench.setting import check

    device = pick()
    setting = Sampling(
        size=size,
        patch=2,
        injection="additive",
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled="none",
        precision=training_precision(precision, device),
        context=context,
        steps=bench.TEACHER,
    )
    check(setting)
    results = bench.run(setting, device)
    table = Table("", "frames through the network", "CPU-s a window", "frames/CPU-s", "faster")
    for name, row in results.rows.items():
        times = (
            f"{row.cpu_seconds.median:.3f} ({row.cpu_seconds.min:.3f} - {row.cpu_seconds.max:.3f})"
        )
        rate, gain = f"{row.frames_per_cpu_second:.2f}", f"{row.speedup:.2f} x"
        table.add_row(name, f"{row.evaluations:g} a frame", times, rate, gain)
    print(results.machine)
    tables.show(table)
    if out is not None:
        stage.write_json(out, asdict(results))
