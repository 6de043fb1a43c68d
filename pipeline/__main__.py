"""`wm`: every stage of the pipeline, and the tools that are no stage."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated

import typer

from pipeline import __version__, stage
from pipeline.collect.__main__ import command as collect
from pipeline.encode.__main__ import command as encode
from pipeline.errors import UserError
from pipeline.evaluate.__main__ import command as evaluate
from pipeline.fit.__main__ import command as fit
from pipeline.ingest.__main__ import command as ingest
from pipeline.plan.__main__ import command as plan
from pipeline.probe.__main__ import command as probe
from pipeline.report.__main__ import command as report
from pipeline.tools.ablate.__main__ import command as ablate
from pipeline.tools.check.command import command as check
from pipeline.tools.compare.command import command as compare
from pipeline.tools.default_paths import with_default_paths
from pipeline.tools.extract_vjepa import command as extract
from pipeline.tools.fetch.commands import command as fetch
from pipeline.tools.frontier.command import command as frontier
from pipeline.tools.inspect_.command import command as inspect
from pipeline.tools.metrics.command import command as metrics
from pipeline.tools.metrics.plot import command as plot_metrics
from pipeline.tools.parameters import command as parameters
from pipeline.tools.play.command import command as play
from pipeline.tools.preflight.command import command as preflight
from pipeline.tools.protocols import command as protocols
from pipeline.tools.record.command import command as record
from pipeline.tools.reference.commands import export, import_
from pipeline.tools.reproduce.commands import command as reproduce
from pipeline.tools.rollout.command import command as rollout
from pipeline.tools.rollout.study_command import command as sampler_study
from pipeline.tools.run import PASSED_ON
from pipeline.tools.run import command as run
from pipeline.tools.scenes.commands import cloud, depth, export_3d, view
from pipeline.tools.summary import command as summary
from pipeline.tools.walk.command import command as walk
from pipeline.tools.weights.command import command as weights
from pipeline.train.__main__ import command as train

STAGES = "Stages, in order (dvc repro runs them all)"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def print_version(asked: bool) -> None:
    """Print the version and exit, if asked to."""
    if asked:
        print(f"nano-world-models {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Nano World Models: simulate, encode once, train, evaluate, plan."""


for command in (collect, ingest, fit, encode, probe, train, evaluate, plan, report):
    name = command.__module__.split(".")[1]
    app.command(name, rich_help_panel=STAGES)(with_default_paths(name, command))
TOOLS: dict[str, Callable[..., None]] = {
    "ablate": ablate,
    "check": check,
    "cloud": cloud,
    "compare": compare,
    "depth": depth,
    "export": export,
    "export-3d": export_3d,
    "extract-vjepa": extract,
    "fetch": fetch,
    "frontier": frontier,
    "import": import_,
    "inspect": inspect,
    "metrics": metrics,
    "parameters": parameters,
    "play": play,
    "plot-metrics": plot_metrics,
    "preflight": preflight,
    "protocols": protocols,
    "record": record,
    "reproduce": reproduce,
    "rollout": rollout,
    "sampler-study": sampler_study,
    "summary": summary,
    "view": view,
    "walk": walk,
    "weights": weights,
}
for name, tool in TOOLS.items():
    app.command(name, rich_help_panel="Tools")(tool)
app.command("run", rich_help_panel=STAGES, context_settings=PASSED_ON)(run)


def needs_checkout(context: typer.Context) -> None:
    """Only in a checkout of the repository, which this installation is not."""
    raise UserError(
        f"wm {context.info_name}: not part of the installed package; clone the repository and run "
        "`pip install -e .` there"
    )


# What measures this implementation is left out of the wheel (pyproject.toml).
if find_spec("pipeline.tools.bench") and find_spec("pipeline.tools.parity"):
    from pipeline.tools.bench.commands import app as bench
    from pipeline.tools.parity.__main__ import command as parity

    app.command("parity", rich_help_panel="Tools")(parity)
    app.add_typer(bench, name="bench", rich_help_panel="Tools")
else:
    any_words = {"ignore_unknown_options": True, "allow_extra_args": True}
    for name in ("bench", "parity"):
        register = app.command(
            name, rich_help_panel="Tools", context_settings=any_words, add_help_option=False
        )
        register(needs_checkout)


def main() -> None:
    """Entry point of `wm`."""
    stage.run(app)


if __name__ == "__main__":
    main()
