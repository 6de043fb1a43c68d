"""Checkpoints of the robotic world model (RWM) to state models, and back.

A network predicts numbers that are scaled, and RWM's checkpoints do not say how: its constants are
part of its code. Ours say so, in `infos`, which rsl_rl_rwm hands on without reading them.
"""

from pathlib import Path

import torch
from pydantic import ValidationError

from pipeline.diffusion.config import VariantConfig
from pipeline.dynamics.state_config import StateConfig
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel
from pipeline.latents.cache import open_cache
from pipeline.latents.spec import LatentSpec
from pipeline.tools.reference import state_checkpoint

WEIGHTS = "model_0.pt"
FORECAST = 8
"""Rows that RWM is trained to forecast."""
MEAN = [0.0] * 8 + [-1.0] + [0.0] * 24 + [-2.0, -2, 2, 2, -6, 8, -6, 8, 12, -12, 12, -12]
STD = [0.5, 0.5, 0.1, 0.3, 0.3, 0.5, 0.02, 0.02, 0.04]
STD += [0.15] * 12 + [1.0] * 4 + [1.5] * 4 + [2.5] * 4 + [15.0] * 12
"""By which RWM's ANYmal D scales system_state; its actions are as they are (rsl_rl_rwm's task)."""


class Infos(FileModel):
    """How the numbers of a network are scaled, and the windows that it was trained on.

    Attributes:
        history: rows that it is fed at first.
        frames: of a window of training.
        interval: environment steps between two rows.
        mean: of each number of a state.
        std: likewise.
        actions: "mean" and "std" of each number of an action; None where they are as recorded.
    """

    history: int
    frames: int
    interval: int
    mean: list[float]
    std: list[float]
    actions: dict[str, list[float]] | None


def rwm(history: int) -> Infos:
    """What holds for a checkpoint of RWM's own training."""
    frames = history + FORECAST
    return Infos(history=history, frames=frames, interval=1, mean=MEAN, std=STD, actions=None)


def export_checkpoint(model: StateModel, folder: Path) -> None:
    """Write a state model to model_0.pt in `folder`, which rsl_rl_rwm loads."""
    folder.mkdir()
    spec, config = model.spec, model.config
    scaled = {name: spec.actions[name] for name in ("mean", "std")}
    infos = Infos(
        history=model.context,
        frames=config.frames,
        interval=config.interval,
        mean=spec.mean,
        std=spec.std,
        actions=scaled if spec.normalise_actions else None,
    )
    state_checkpoint.write(model.network, folder / WEIGHTS, infos.model_dump())


def import_checkpoint(path: Path, latents: Path, history: int) -> StateModel:
    """The state model of a checkpoint, for the data set of a latent cache of states.

    Args:
        path: a .pt file.
        latents: whose identity the model takes; the scale of numbers is the checkpoint's.
        history: rows that RWM's network was fed at first; ours say it themselves.

    Raises:
        DataError: it is no such file, or its numbers are not those of the cache.
    """
    infos = _infos(path) or rwm(history)
    read = state_checkpoint.read(path, infos.history)
    cached = open_cache(latents).spec
    found = read.size.state_dim, read.size.action_dim
    expected = cached.latent_shape[0], infos.interval * cached.action_dim
    if found != expected or len(infos.mean) != found[0]:
        raise DataError(
            f"{path}: predicts {found[0]} numbers of a state from {found[1]} of an action, "
            f"{latents} has {expected[0]} and {expected[1]}; give a cache of states of its data set"
        )
    config = StateConfig(
        state_model=VariantConfig(name=read.name, options=read.options.model_dump()),
        frames=infos.frames,
        interval=infos.interval,
        spec=_scaled(cached, infos),
        contacts=read.size.contact_dim,
        terminates=bool(read.size.termination_dim),
    )
    model = StateModel(config, torch.device("cpu"))
    model.network.load_state_dict(read.network.state_dict())
    return model


def _infos(path: Path) -> Infos | None:
    found = state_checkpoint.contents(path).get("infos")
    if found is None:
        return None
    try:
        return Infos.model_validate(found)
    except ValidationError:
        return None  # another program's


def _scaled(spec: LatentSpec, infos: Infos) -> LatentSpec:
    changes = {"mean": infos.mean, "std": infos.std, "normalise_actions": bool(infos.actions)}
    actions = {**spec.actions, **(infos.actions or {})}
    return spec.model_copy(update={**changes, "actions": actions})
