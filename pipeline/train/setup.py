"""A training run as params.yaml describes it, before its first step."""

from pipeline import imports
from pipeline.denoisers import DENOISERS
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.make import initialised
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import ENCODERS
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import LatentSpec
from pipeline.latents.windows import Windows
from pipeline.objectives import OBJECTIVES
from pipeline.params import AnyFamily, Settings
from pipeline.train import Options
from pipeline.train.at_once import HALVES, pays
from pipeline.train.data.batches import Batches
from pipeline.train.distributed.group import Group, single_process
from pipeline.train.losses.bidirectional import BidirectionalLoss
from pipeline.train.losses.diffusion_forcing import DiffusionForcingLoss
from pipeline.train.losses.teacher_forcing import TeacherForcingLoss
from pipeline.train.trainer import Trainer

LOSSES = {
    "diffusion_forcing": DiffusionForcingLoss,
    "teacher_forcing": TeacherForcingLoss,
    "bidirectional": BidirectionalLoss,
}


def prepare(settings: Settings, cache: LatentCache, group: Group) -> tuple[WorldModel, Trainer]:
    """The untrained model, its weights drawn from `train.seed`, and its trainer."""
    options, config = settings.section("train", Options), model_config(settings, cache.spec)
    every = options.windows == "every"
    whitened = cache.whitened_by(config.spec)
    windows = Windows(whitened, "train", config.frames, config.interval, every=every)
    model = initialised(config, group.device, options.seed)
    return model, trainer_of(model, windows, options, group)


def trainer_of(
    model: WorldModel, windows: Windows, options: Options, group: Group | None = None
) -> Trainer:
    """A trainer of a world model's denoiser by `options.loss`.

    Raises:
        ParamsError: see the loss, `Batches` and `Trainer`.
    """
    group = group or single_process(model.device)
    if options.drop_actions and model.spec.camera_scale is not None:
        raise ParamsError(
            f"train.drop_actions = {options.drop_actions}, but cameras condition the network, and "
            "their motion is not dropped; set it to 0, or denoisers.nanowm.camera to none"
        )
    model.denoiser.activation_checkpointing = options.checkpointing
    loss = LOSSES[options.loss](model, options.weighting)
    at_once = pays(model.parameters(), options, group)
    cut = options.model_copy(update={"accumulation": HALVES}) if at_once else options
    batches = Batches(windows, cut, model.objective.levels, group)
    return Trainer(model.denoiser, loss, batches, options, group, at_once=at_once)


def identity(config: Config, options: Options, cache: LatentCache) -> tuple[str, ...]:
    """All that decides the result: model, options, latents and code; states go by it."""
    texts = (part.model_dump_json() for part in (config, options, cache.seal))
    members = (
        DENOISERS.module(config.denoiser.name),
        OBJECTIVES.module(config.objective.name),
        ENCODERS.module(config.spec.encoder),
    )
    return (*texts, imports.digest(["pipeline.train.__main__", *members]))


def model_config(settings: Settings, spec: LatentSpec) -> Config:
    """The model that params.yaml describes, for the latents of a cache."""
    options = settings.section("train", Options)
    return Config(
        denoiser=variant_config(settings, DENOISERS),
        objective=variant_config(settings, OBJECTIVES),
        frames=options.frames,
        interval=options.interval or spec.interval,
        spec=_spec(settings, spec, options),
        drop_actions=options.drop_actions,
    )


def variant_config(settings: Settings, family: AnyFamily) -> VariantConfig:
    """The selected member of a family with its options."""
    variant = settings.variant(family)
    return VariantConfig(name=variant.name, options=variant.options.model_dump())


def _spec(settings: Settings, spec: LatentSpec, options: Options) -> LatentSpec:
    """The spec of latents whitened as `train.whitening` says; without cameras if it takes none."""
    by_scale = options.whitening == "auto" and spec.published_scale is not None
    denoiser = settings.variant(DENOISERS)
    if not denoiser.module.takes_cameras(denoiser.options):
        spec = spec.model_copy(update={"camera_scale": None})
    return spec.as_published() if by_scale or options.whitening == "none" else spec
