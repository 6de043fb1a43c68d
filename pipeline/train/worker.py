"""What each process of the stage does."""

import math
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline import encoders, stage
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import RunError, telling_full_disk
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.params import Settings, read
from pipeline.train import Options as Train
from pipeline.train.distributed.group import Group, join
from pipeline.train.distributed.options import Options
from pipeline.train.interruptions import StoppedError, is_lost_peer
from pipeline.train.loop import Trainer
from pipeline.train.memory.available import room
from pipeline.train.memory.cost import TRAINING, forward_flops
from pipeline.train.memory.forecast import TrainingPlan, remedies, report_memory
from pipeline.train.monitoring import curve as curves
from pipeline.train.monitoring import trackers, tracking
from pipeline.train.monitoring import validation as looks
from pipeline.train.monitoring.callbacks import Watch
from pipeline.train.monitoring.throughput import Meter, Work, peak_of
from pipeline.train.monitoring.trackers import Trackers
from pipeline.train.monitoring.validation import Look, Validation
from pipeline.train.run import Run, configured, prepare
from pipeline.train.state import result


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the stage reads and writes."""

    latents: Path
    codec: Path
    out: Path
    metrics: Path
    curve: Path
    levels: Path
    validation: Path
    samples: Path
    params: Path
    seconds: Path | None
    logs: Path | None


def work(paths: Paths) -> None:
    """Train; the first process writes what comes of it.

    Raises:
        RunError: another process of the run is gone.
        SystemExit: a signal asked the run to end, and its state is saved.
    """
    settings = read(paths.params)
    with join(settings.section("distributed", Options).strategy) as group:
        try:
            _train(paths, settings, group)
        except StoppedError as error:
            if group.first:
                print(error, file=sys.stderr)
            sys.exit(error.exit_code)
        except RuntimeError as error:
            if not is_lost_peer(error):
                raise
            raise RunError(
                f"process {group.rank} of {group.size} cannot reach another one, which must have "
                "ended; run it again to go on from the last state saved"
            ) from None


def _train(paths: Paths, settings: Settings, group: Group) -> None:
    with stage.timed(paths.seconds if group.first else None) as summarise:
        cache = open_cache(paths.latents)
        asked, offered = _asked(settings, cache, group), room(group.device, group.size)
        if group.first:
            print(report_memory(asked, offered), flush=True)
        trainer = prepare(settings, cache, group)
        with _scratch(trainer) as scratch:
            run = Run(trainer, scratch)
            watch = _watch(paths, settings, cache, trainer, scratch)
            try:
                run.finish(watch)
            except torch.OutOfMemoryError:
                less = ", ".join(remedies(asked, offered)) or "take a larger device"
                raise RunError(f"step {trainer.done + 1}: out of memory; {less}") from None
            finally:
                watch.trackers.close()
            model, last = result(trainer), watch.last
            if model is None:
                return
            assert last is not None
            with telling_full_disk(paths.out, "the last state that was saved is whole"):
                _write(paths, model, trainer, last)
        summarise.measured |= watch.meter.total()
        summarise(
            f"train: {trainer.done} steps, {model.parameters():,} parameters, validation loss "
            f"{last.loss:.4f}, {watch.meter.said()}, in {paths.out}",
            trainer.done - run.before,
            "steps",
        )


def _scratch(trainer: Trainer) -> AbstractContextManager[Path]:
    """Where states are kept until the run is done; only the first process writes there."""
    if not trainer.group.first:
        return nullcontext(stage.SCRATCH)
    return stage.scratch("train", *trainer.identity())


def _asked(settings: Settings, cache: LatentCache, group: Group) -> TrainingPlan:
    """What the run asks of each device."""
    config, options = configured(settings, cache.spec), settings.section("train", Train)
    return TrainingPlan(config.denoiser, config.size, options, group.size, group.strategy)


def _watch(
    paths: Paths, settings: Settings, cache: LatentCache, trainer: Trainer, scratch: Path
) -> Watch:
    """All who look at a run; trackers are told by its first process alone."""
    model, options, group = trainer.model, trainer.options, trainer.group
    encoder = encoders.load_for(model.spec, paths.codec)
    validation = Validation(cache, model.config, options.validation, encoder)
    validation.rows = trainer.looks
    told, shown = settings.section("tracking", tracking.Options), Trackers([])
    if paths.logs is not None and group.first:
        config = {"model": model.config.model_dump(), "train": options.model_dump()}
        shown = trackers.start(told, paths.logs, scratch, trainer.done, config)
    tokens = options.frames * math.prod(model.denoiser.grid)
    forward = forward_flops(model.config.denoiser, model.config.size)
    each = Work(tokens, TRAINING * forward)
    dtype = torch.bfloat16 if trainer.precision == "bfloat16" else torch.float32
    meter = Meter(each, model.device, peak_of(model.device, dtype, group.size))
    return Watch(shown, told.every, meter, validation)


def _write(paths: Paths, model: WorldModel, trainer: Trainer, last: Look) -> None:
    with stage.output(paths.out) as partial:
        model.save_pretrained(partial)
    curves.write_csv(trainer.curve, paths.curve)
    curves.write_levels(trainer.curve, paths.levels)
    looks.write_csv(trainer.looks, paths.validation)
    looks.write_png(last.strips, paths.samples)
    values = {
        "loss": curves.final_loss(trainer.curve),
        "validation_loss": last.loss,
        "steps": trainer.done,
        "parameters": model.parameters(),
    }
    stage.write_json(paths.metrics, values)
