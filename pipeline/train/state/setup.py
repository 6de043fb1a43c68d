"""The training of a state model as params.yaml describes it, before its first step."""

import torch

from pipeline import imports
from pipeline.dynamics.state_config import StateConfig
from pipeline.dynamics.state_model import StateModel
from pipeline.encoders import ENCODERS
from pipeline.episodes.groups import OBSERVED, STATE, SYSTEM_CONTACT
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import LatentSpec
from pipeline.latents.windows import Windows
from pipeline.params import Settings
from pipeline.state_models import STATE_MODELS
from pipeline.train import Options
from pipeline.train.distributed.group import Group
from pipeline.train.setup import variant_config
from pipeline.train.state.batches import StateBatches
from pipeline.train.state.forecast import Forecast
from pipeline.train.state.loss import StateLoss
from pipeline.train.trainer import Trainer


def prepare(settings: Settings, cache: LatentCache, group: Group) -> tuple[StateModel, Trainer]:
    """The untrained model, its weights drawn from `train.seed`, and its trainer.

    Raises:
        ParamsError: an episode is shorter than a window, or see `Batches` and `Trainer`.
    """
    options = settings.section("train", Options)
    config = state_config(settings, cache.spec)
    windows = windows_of(cache, config, "train", every=options.windows == "every")
    model = initialised(config, group.device, options.seed)
    batches = StateBatches(windows, options, model.network.heads, config.size, group)
    loss = StateLoss(model, options.state)
    return model, Trainer(Forecast(model.network, options.state), loss, batches, options, group)


def state_config(settings: Settings, spec: LatentSpec) -> StateConfig:
    """The model that params.yaml describes, for the states of a cache."""
    options, chosen = settings.section("train", Options), variant_config(settings, STATE_MODELS)
    contacts, terminates = auxiliaries(spec)
    return StateConfig(
        state_model=chosen,
        frames=chosen.options["history"] + options.state.forecast,
        interval=options.interval or spec.interval,
        spec=spec.as_published() if options.whitening == "none" else spec,
        contacts=contacts,
        terminates=terminates,
    )


def auxiliaries(spec: LatentSpec) -> tuple[int, bool]:
    """Number of contacts, and whether terminations are known: of states that are system_state."""
    if spec.latent_shape[0] != STATE.stop or spec.state_dim < OBSERVED:
        return 0, False
    return SYSTEM_CONTACT.width, True


def windows_of(cache: LatentCache, config: StateConfig, split: str, *, every: bool) -> Windows:
    """Windows of history and forecast, whitened as the model does; none crosses an episode's end.

    Raises:
        ParamsError: the shortest episode (if not `every`: the longest) is shorter than a window.
    """
    place = f"state_models.{config.state_model.name}.history + train.state.forecast"
    own = cache.whitened_by(config.spec)
    return Windows(own, split, config.frames, config.interval, place, every=every)


def initialised(config: StateConfig, device: torch.device, seed: int) -> StateModel:
    """An untrained model: the same weights for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # layers initialise from the global generator
        return StateModel(config, device)


def identity(config: StateConfig, options: Options, cache: LatentCache) -> tuple[str, ...]:
    """All that decides the result: model, options, states and code; training states go by it."""
    texts = (part.model_dump_json() for part in (config, options, cache.seal))
    members = (STATE_MODELS.module(config.state_model.name), ENCODERS.module(config.spec.encoder))
    return (*texts, imports.digest(["pipeline.train.__main__", *members]))
