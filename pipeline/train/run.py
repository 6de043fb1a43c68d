"""One training run: what is trained on what, and how it ends, well or badly."""

from contextlib import nullcontext
from pathlib import Path

from pipeline import families as variants
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.world_model import fresh
from pipeline.errors import DataError, RunError
from pipeline.families import AnyFamily
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import LatentSpec
from pipeline.latents.windows import Windows
from pipeline.params import Settings
from pipeline.train import Options
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.distributed.group import Group
from pipeline.train.interruptions import Signals, StoppedError, Unchanged
from pipeline.train.loop import Trainer, train
from pipeline.train.monitoring.callbacks import Watch
from pipeline.train.state import gathered, restore


def prepare(settings: Settings, cache: LatentCache, group: Group) -> Trainer:
    """A trainer before its first step, as params.yaml describes it."""
    options = settings.section("train", Options)
    config = configured(settings, cache.spec)
    every = options.windows == "every"
    whitened = cache.whitened_by(config.spec)
    windows = Windows(whitened, "train", config.frames, config.interval, every=every)
    return Trainer(fresh(config, group.device, options.seed), windows, options, group)


def configured(settings: Settings, spec: LatentSpec) -> Config:
    """The model that params.yaml describes, for the latents of a cache."""
    options = settings.section("train", Options)
    return Config(
        denoiser=part(settings, variants.DENOISERS),
        objective=part(settings, variants.OBJECTIVES),
        frames=options.frames,
        interval=options.interval or spec.interval,
        spec=_spec(spec, options),
    )


def part(settings: Settings, family: AnyFamily) -> VariantConfig:
    """The chosen member of a family, as a model's config names it."""
    chosen = settings.variant(family)
    return VariantConfig(name=chosen.name, options=chosen.options.model_dump())


def _spec(spec: LatentSpec, options: Options) -> LatentSpec:
    """How a model of a cache's latents whitens them."""
    by_scale = options.whitening == "auto" and spec.published_scale is not None
    return spec.as_published() if by_scale or options.whitening == "none" else spec


class Run:
    """The steps of a trainer that remain, and the states that it leaves on its way."""

    def __init__(self, trainer: Trainer, scratch: Path) -> None:
        """Go on from the newest state in `scratch` that can be read."""
        self.trainer, self.options = trainer, trainer.options
        self.checkpoint = Checkpoint(scratch, self.options.keep_every)
        self.latents = Unchanged(trainer.windows.cache.path)
        restore(trainer, self.checkpoint.read() if trainer.group.first else None)
        self.before = trainer.done
        for path in self.checkpoint.damaged:
            print(f"train: {path} is damaged and is not used", flush=True)
        if trainer.done and trainer.group.first:
            print(f"train: resuming after step {trainer.done} of {self.options.steps}", flush=True)

    def finish(self, watch: Watch | None = None) -> None:
        """Take the steps that remain, each of which is watched before its state is saved.

        So is the last one: what is made of the run may fail, and be made again from its state.

        Raises:
            RunError: a step is not finite; the state before it is saved.
            StoppedError: a signal came; the state is saved.
            DataError: the latents changed, or no state can be saved.
        """
        trainer, signals, steps = self.trainer, Signals(), self.options.steps
        if watch is not None and self.before == steps:
            watch.look(steps, trainer)
        with signals.on():
            try:
                for done in train(trainer, watch.meter.waiting if watch else nullcontext):
                    if watch is not None:
                        trainer.looks = watch.after(done, trainer)
                    number = trainer.group.largest(signals.caught)
                    if done == steps:
                        self._save_last()
                    elif number or self._due(done):
                        self._save()
                    if number and done < steps:
                        raise StoppedError(number, done)
            except RunError as error:
                self._save()
                raise RunError(
                    f"{error}; the state before it is saved: running it again repeats that step; "
                    "lower train.learning_rate or train.clip, or look at these latents with "
                    "`wm inspect`"
                ) from None
        self.latents.check()

    def _due(self, done: int) -> bool:
        kept = self.options.keep_every
        return done % self.options.save_every == 0 or (kept is not None and done % kept == 0)

    def _save_last(self) -> None:
        """Save; a model may find room where a state, three times as large, does not."""
        try:
            self._save()
        except DataError as error:
            self.latents.check()
            print(f"train: the model is written without a last state ({error})", flush=True)

    def _save(self) -> None:
        state = gathered(self.trainer)
        if self.trainer.group.first:
            self.latents.check()
            self.checkpoint.write(state, self.trainer.done)
