"""What each process of the stage does."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.distributed import Options
from pipeline.latent_cache import open_cache
from pipeline.params import read
from pipeline.train.curve import final_loss, write_csv
from pipeline.train.faults import StoppedError
from pipeline.train.group import Group, join
from pipeline.train.run import Run, prepare
from pipeline.train.state import result


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the stage reads and writes."""

    latents: Path
    out: Path
    metrics: Path
    curve: Path
    params: Path
    seconds: Path | None
    logs: Path | None


def work(paths: Paths) -> None:
    """Train; the first process writes what comes of it.

    Raises:
        SystemExit: a signal asked the run to end, and its state is saved.
    """
    strategy = read(paths.params).section("distributed", Options).strategy
    with join(strategy) as group:
        try:
            _train(paths, group)
        except StoppedError as error:
            if group.first:
                print(error, file=sys.stderr)
            sys.exit(error.exit_code)


def _train(paths: Paths, group: Group) -> None:
    with stage.timed(paths.seconds if group.first else None) as say:
        trainer = prepare(read(paths.params), open_cache(paths.latents), group)
        with stage.scratch("train", *trainer.identity()) as scratch:
            run = Run(trainer, scratch)
            run.finish()
            model = result(trainer)
            if model is None:
                return
            with stage.output(paths.out) as partial:
                model.save_pretrained(partial)
            write_csv(trainer.curve, paths.curve)
            loss, size = final_loss(trainer.curve), model.parameters()
            values = {"loss": loss, "steps": trainer.done, "parameters": size}
            stage.write_json(paths.metrics, values)
        say(
            f"train: {trainer.done} steps, {size:,} parameters, loss {loss:.4f}, in {paths.out}",
            trainer.done - run.before,
            "steps",
        )
