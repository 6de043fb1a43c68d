"""What each process of the stage does."""

import math
import sys
from functools import partial
from pathlib import Path
from typing import cast

import torch

from pipeline import encoders, stage
from pipeline.denoisers import Denoiser
from pipeline.diffusion.make import with_weights
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import ENCODERS
from pipeline.errors import RunError, telling_full_disk
from pipeline.families import STATE
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.metrics.schema.train import TrainMetrics
from pipeline.params import Settings, read
from pipeline.train import Options as TrainOptions
from pipeline.train import optimiser, setup
from pipeline.train.distributed.group import Group
from pipeline.train.distributed.work import in_group, scratch
from pipeline.train.memory import TRAINING
from pipeline.train.memory.available import available_memory
from pipeline.train.memory.cost import forward_flops
from pipeline.train.memory.forecast import TrainingPlan, report_memory, ways_out
from pipeline.train.monitoring import curve, tracking, validation
from pipeline.train.monitoring.callbacks import MonitoringCallback
from pipeline.train.monitoring.levels import write_levels
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter, peak_flops
from pipeline.train.monitoring.trackers import opened_by
from pipeline.train.monitoring.validation import Validation
from pipeline.train.paths import Paths
from pipeline.train.state import worker as state_worker
from pipeline.train.trainer import Trainer


def work(paths: Paths) -> None:
    """Train; the first process writes the outputs.

    Of state vectors it is a state model, of any other latents a world model.

    Raises:
        RunError: another process of the run is gone.
        SystemExit: a signal stopped the run, and its state is saved.
    """
    settings = read(paths.params)
    train = state_worker.train if settings.chosen(ENCODERS) == STATE else _train
    in_group(settings, lambda group: train(paths, settings, group))


def _train(paths: Paths, settings: Settings, group: Group) -> None:
    options = settings.section("train", TrainOptions)
    with stage.timed(paths.seconds if group.first else None) as summarise:
        cache = open_cache(paths.latents)
        plan = _plan(settings, cache, group)
        memory = available_memory(group.device, group.size)
        if group.first:
            print(report_memory(plan, memory), flush=True)
        model, trainer = setup.prepare(settings, cache, group)
        line = optimiser.remark(model.denoiser, options.learning_rate)
        if line is not None and group.first:
            print(f"train: {line}", file=sys.stderr, flush=True)
        identity = partial(setup.identity, model.config, options, cache)
        with scratch(group, "train", identity) as folder:
            callback = _callback(paths, settings, cache, model, trainer, folder)
            try:
                trainer.fit(folder, callback)
            except torch.OutOfMemoryError:
                fixes = ways_out(plan, memory)
                raise RunError(f"step {trainer.step + 1}: out of memory; {fixes}") from None
            finally:
                callback.close()
            weights = trainer.result_weights()
            if not group.first:
                return
            with telling_full_disk(paths.out, "the last state is intact"):
                _write(paths, with_weights(model.config, weights), trainer, callback)
        summarise.measured |= callback.meter.total()
        summarise(
            f"train: {trainer.step} steps, {model.parameters():,} parameters, validation loss "
            f"{callback.last.loss:.4f}, {callback.meter.summary()}, in {paths.out}",
            trainer.step - trainer.resumed_from,
            "steps",
        )


def _plan(settings: Settings, cache: LatentCache, group: Group) -> TrainingPlan:
    """What determines the memory that each device needs."""
    config = setup.model_config(settings, cache.spec)
    options = settings.section("train", TrainOptions)
    return TrainingPlan(config.denoiser, config.size, options, group.size, group.strategy)


def _callback(
    paths: Paths,
    settings: Settings,
    cache: LatentCache,
    model: WorldModel,
    trainer: Trainer,
    scratch: Path,
) -> MonitoringCallback[WorldModel]:
    """Trackers, throughput and validation of a run; only its first process logs to trackers."""
    options, group = settings.section("train", TrainOptions), trainer.group
    tracked = settings.section("tracking", tracking.Options)

    config = {"model": model.config.model_dump(), "train": options.model_dump()}
    open_trackers = opened_by(tracked, paths.logs if group.first else None, scratch, config)
    tokens = options.frames * math.prod(model.denoiser.grid)
    plan = _plan(settings, cache, group)
    forward = plan.streams * forward_flops(plan.denoiser, plan.size)
    dtype = torch.bfloat16 if trainer.precision == "bfloat16" else torch.float32
    peak = peak_flops(group.device, dtype, group.size)
    meter = ThroughputMeter(ClipCost(tokens, TRAINING * forward), group.device, peak)
    encoder = encoders.load_for(model.spec, paths.codec)
    fixed = Validation(cache, model.config, options.validation, encoder)
    result = _with_denoiser(model, trainer)
    return MonitoringCallback(result, fixed, meter, open_trackers, tracked.every)


def _with_denoiser(model: WorldModel, trainer: Trainer) -> WorldModel:
    """The world model with the weights that are the result: those trained, or their EMA."""
    if trainer.ema is None:
        return model
    averaged = WorldModel(model.config, model.device)
    averaged.denoiser = cast(Denoiser, trainer.ema.module)  # a copy of the model's denoiser
    return averaged


def _write(
    paths: Paths, model: WorldModel, trainer: Trainer, callback: MonitoringCallback[WorldModel]
) -> None:
    with stage.output(paths.out) as unfinished:
        model.save_pretrained(unfinished)
    curve.write_csv(trainer.curve, paths.curve)
    write_levels(trainer.curve, paths.levels)
    validation.write_csv(callback.validation.rows, paths.validation)
    validation.write_png(callback.last.strips, paths.samples)
    metrics = TrainMetrics(
        loss=curve.final_loss(trainer.curve),
        validation_loss=callback.last.loss,
        steps=trainer.step,
        parameters=model.parameters(),
    )
    metrics.write(paths.metrics)
