"""What each process of the stage does where a state model is trained."""

from functools import partial

import torch
from torch import Tensor

from pipeline import encoders, stage
from pipeline.dynamics.state_config import StateConfig
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import RunError, memory_ran_out, telling_full_disk
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.metrics.schema.train import TrainMetrics
from pipeline.params import Settings
from pipeline.train import Options
from pipeline.train.distributed.group import Group
from pipeline.train.distributed.work import scratch
from pipeline.train.memory import TRAINING
from pipeline.train.monitoring import curve, tracking, validation
from pipeline.train.monitoring.callbacks import MonitoringCallback
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter, peak_flops
from pipeline.train.monitoring.trackers import opened_by
from pipeline.train.paths import Paths
from pipeline.train.state import setup
from pipeline.train.state.forecast import Forecast
from pipeline.train.state.memory import ways_out
from pipeline.train.state.validation import StateValidation
from pipeline.train.trainer import Trainer


def train(paths: Paths, settings: Settings, group: Group) -> None:
    """Train a state model; the first process writes the outputs.

    Raises:
        RunError: memory ran out.
    """
    options = settings.section("train", Options)
    with stage.timed(paths.seconds if group.first else None) as summarise:
        cache = open_cache(paths.latents)
        model, trainer = setup.prepare(settings, cache, group)
        identity = partial(setup.identity, model.config, options, cache)
        with scratch(group, "train", identity) as folder:
            checks = _validation(paths, cache, model, options)
            config = {"model": model.config.model_dump(), "train": options.model_dump()}
            tracked = settings.section("tracking", tracking.Options)
            callback = MonitoringCallback(
                _result(model, trainer),
                checks,
                _meter(model, trainer),
                opened_by(tracked, paths.logs if group.first else None, folder, config),
                tracked.every,
            )
            try:
                trainer.fit(folder, callback)
            except Exception as error:
                if not memory_ran_out(error):
                    raise
                fixes = ways_out(options)
                raise RunError(f"step {trainer.step + 1}: out of memory; {fixes}") from None
            finally:
                callback.close()
            weights = trainer.result_weights()
            if not group.first:
                return
            with telling_full_disk(paths.out, "the last state is intact"):
                _write(paths, _with_weights(model.config, weights), trainer, checks)
                validation.write_png(callback.last.strips, paths.samples)
        summarise.measured |= callback.meter.total()
        summarise(
            f"train: a state model ({model.config.state_model.name}), {trainer.step} steps, "
            f"{model.parameters():,} parameters, validation loss {callback.last.loss:.4f}, "
            f"in {paths.out}",
            trainer.step - trainer.resumed_from,
            "steps",
        )


def _validation(
    paths: Paths, cache: LatentCache, model: StateModel, options: Options
) -> StateValidation:
    windows = setup.windows_of(cache, model.config, "val", every=False)
    encoder = encoders.load_for(model.spec, paths.codec)
    return StateValidation(windows, model, options.validation, encoder)


def _meter(model: StateModel, trainer: Trainer) -> ThroughputMeter:
    """Counts rows; two operations for each weight of a row's pass, in each head's own window."""
    rows = model.config.frames * model.network.heads
    cost = ClipCost(model.config.frames, TRAINING * 2 * model.parameters() * rows)
    dtype = torch.bfloat16 if trainer.precision == "bfloat16" else torch.float32
    group = trainer.group
    return ThroughputMeter(cost, group.device, peak_flops(group.device, dtype, group.size))


def _result(model: StateModel, trainer: Trainer) -> StateModel:
    """The model with the weights that are the result: those trained, or their EMA."""
    if trainer.ema is None:
        return model
    averaged = StateModel(model.config, model.device)
    forecast = trainer.ema.module
    assert isinstance(forecast, Forecast)
    averaged.network = forecast.network
    return averaged


def _with_weights(config: StateConfig, weights: dict[str, Tensor]) -> StateModel:
    """A model with the weights of a Forecast, on the CPU."""
    model = StateModel(config, torch.device("cpu"))
    own = {name.removeprefix("network."): value for name, value in weights.items()}
    model.network.load_state_dict(own)
    return model


def _write(paths: Paths, model: StateModel, trainer: Trainer, checks: StateValidation) -> None:
    with stage.output(paths.out) as unfinished:
        model.save_pretrained(unfinished)
    curve.write_csv(trainer.curve, paths.curve)
    checks.write_levels(paths.levels)
    checks.write_csv(paths.validation)
    TrainMetrics(
        loss=curve.final_loss(trainer.curve),
        validation_loss=float(checks.rows[-1, 1]),
        steps=trainer.step,
        parameters=model.parameters(),
    ).write(paths.metrics)
