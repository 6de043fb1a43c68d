"""What each process of the stage does."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from pipeline import stage
from pipeline.compute.progress import Progress, progress
from pipeline.diffusion.make import with_weights
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.distill.memory import plan_of
from pipeline.distill.setup import Sources, identity, prepare
from pipeline.errors import RunError, telling_full_disk
from pipeline.latents.cache import open_cache
from pipeline.metrics.schema.distill import DistillMetrics
from pipeline.params import Settings, read
from pipeline.train.distributed.group import Group
from pipeline.train.distributed.work import in_group, scratch
from pipeline.train.memory.available import available_memory
from pipeline.train.memory.forecast import report_memory, ways_out
from pipeline.train.monitoring import curve
from pipeline.train.trainer import Callback, Trainer


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the stage reads and writes."""

    latents: Path
    teacher: Path
    trajectories: Path
    out: Path
    metrics: Path
    params: Path
    seconds: Path | None


class ProgressCallback(Callback):
    """Shows how far a distillation is, in the first process."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._open = ExitStack()
        self._shown: Progress | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin the bar."""
        if trainer.group.first:
            bar = progress("distill: step", trainer.options.steps, trainer.step)
            self._shown = self._open.enter_context(bar)

    def on_step_end(self, trainer: Trainer) -> None:
        """Advance it."""
        if self._shown is not None:
            self._shown.advance()
            if self._shown.due():
                self._shown.note(f"loss {float(trainer.curve[trainer.step - 1, 0]):.4f}")

    def close(self) -> None:
        """End the bar."""
        self._open.close()


def work(paths: Paths) -> None:
    """Distil; the first process writes the student.

    Raises:
        RunError: another process of the run is gone.
        SystemExit: a signal stopped the run, and its state is saved.
    """
    settings = read(paths.params)
    in_group(settings, lambda group: _distill(paths, settings, group))


def _distill(paths: Paths, settings: Settings, group: Group) -> None:
    options = settings.section("distill", Options)
    with stage.timed(paths.seconds if group.first else None) as summarise:
        sources = Sources(open_cache(paths.latents), paths.teacher, paths.trajectories)
        student, trainer = prepare(settings, sources, group)
        plan = plan_of(student, options, trainer.batches.options, group)
        memory = available_memory(group.device, group.size)
        if group.first:
            print(report_memory(plan, memory), flush=True)
        decided = partial(identity, student.config, options, trainer.batches.options, sources)
        callback = ProgressCallback()
        with scratch(group, "distill", decided) as folder:
            try:
                trainer.fit(folder, callback)
            except torch.OutOfMemoryError:
                fixes = ways_out(plan, memory)
                raise RunError(
                    f"distill: step {trainer.step + 1}: out of memory; {fixes}"
                ) from None
            finally:
                callback.close()
            weights = trainer.result_weights()
            if not group.first:
                return
            with telling_full_disk(paths.out, "the last state is intact"):
                _write(paths, with_weights(student.config, weights), trainer)
        summarise(
            f"distill: a student of {student.config.default_steps} steps by {options.method}, "
            f"{trainer.step} steps of training, in {paths.out}",
            trainer.step - trainer.resumed_from,
            "steps",
        )


def _write(paths: Paths, student: WorldModel, trainer: Trainer) -> None:
    with stage.output(paths.out) as unfinished:
        student.save_pretrained(unfinished)
    known = student.config.student
    assert known is not None
    DistillMetrics(
        method=known.method,
        student_steps=len(known.levels),
        parents=known.parents,
        loss=curve.final_loss(trainer.curve),
        steps=trainer.step,
    ).write(paths.metrics)
