"""`wm metrics FOLDER`."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Pairs NAME_generated.mp4, NAME_truth.mp4 (or _gen, _gt), or folders of PNG.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="CSV", help="Table to write, by frame.")] = Path(
        "metrics.csv"
    ),
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="True videos, of the same names as those in FOLDER."),
    ] = None,
    history: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="K",
            help="Given frames at the beginning, not scored [default: of rollout.json, else 0].",
        ),
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="NAMES", help="Scores to compute.")
    ] = "psnr,ssim,lpips,fid,fvd",
    fvd_frames: Annotated[
        int | None,
        typer.Option(
            min=10, metavar="N", help="Frames of the stretches of an FVD [default: at most 16]."
        ),
    ] = None,
    statistics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Moments of the true features, saved by an earlier run."),
    ] = None,
    save_statistics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the moments of the true features.")
    ] = None,
) -> None:
    """Score finished videos: PSNR, SSIM, LPIPS, FID and FVD, by frame, by clip and over all."""
    from pipeline import stage
    from pipeline.tools.metrics.run import Request, run, show

    with stage.timed(None) as summarise:
        request = Request(
            folder, truth, history, only, fvd_frames, statistics, save_statistics, out
        )
        summary = run(request)
        show(summary)
        summarise(f"metrics: {len(summary.clips)} clips, {out}", len(summary.clips), "clips")
