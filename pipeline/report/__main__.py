"""`python -m pipeline.report METRICS... CURVE LEVELS SAMPLES HORIZON DREAMS FILMS SECONDS REPORT`.

METRICS are those of FIT, TRAIN, EVALUATE, ACTIONS and PLAN.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile


def command(
    fit: Annotated[Path, typer.Argument(help="Metrics of fit.")],
    train: Annotated[Path, typer.Argument(help="Metrics of train.")],
    evaluate: Annotated[Path, typer.Argument(help="Metrics of evaluate.")],
    actions: Annotated[Path, typer.Argument(help="Action sensitivity of evaluate.")],
    plan: Annotated[Path, typer.Argument(help="Metrics of plan.")],
    curve: Annotated[Path, typer.Argument(help="Loss curve of train.")],
    levels: Annotated[Path, typer.Argument(help="Last errors by noise level of train.")],
    samples: Annotated[Path, typer.Argument(help="Clips that train generated.")],
    horizon: Annotated[Path, typer.Argument(help="Scores by generated frame of evaluate.")],
    dreams: Annotated[Path, typer.Argument(help="Long rollouts of evaluate.")],
    films: Annotated[Path, typer.Argument(help="Filmed episodes of plan.")],
    seconds: Annotated[Path, typer.Argument(help="Folder of the times that the stages took.")],
    out: Annotated[Path, typer.Argument(metavar="REPORT", help="Folder for index.html.")],
    params: ParamsFile = PARAMS,
) -> None:
    """Write one self-contained page: metrics beside their baselines, dreams, plans, parameters."""
    from pipeline.params import read
    from pipeline.report import Options, page

    with stage.timed(None) as summarise:
        settings = read(params)
        options = settings.section("report", Options)
        inputs = page.Inputs(
            *(fit, train, evaluate, actions, plan, curve, levels, samples),
            *(horizon, dreams, films, seconds),
        )
        text = page.render(inputs, settings, options)
        with stage.output(out) as partial:
            partial.mkdir()
            (partial / "index.html").write_text(text)
        summarise(f"report: {out / 'index.html'}, {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    stage.main(command)
