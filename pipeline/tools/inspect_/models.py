"""Encoders and world models."""

import json
from pathlib import Path

from pipeline import encoders
from pipeline.checksum import sha256
from pipeline.diffusion.config import Config
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.dynamics.load import load_model
from pipeline.dynamics.state_model import StateModel
from pipeline.tools.inspect_ import Inspection, size


def encoder(path: Path) -> Inspection:
    """Summarise encoder.json; the encoder is loaded, which checks its weights.

    Raises:
        DataError: a file is missing or damaged, or published weights are gone or changed.
    """
    name, loaded = encoders.load(path)
    options = json.loads((path / encoders.ENCODER_JSON).read_text())["options"]
    facts = {"encoder": name, "digest": encoders.digest(path), "bytes": size(path)}
    return Inspection("encoder", {**facts, "stochastic": loaded.stochastic, "options": options})


def _lineage(path: Path, config: Config) -> dict[str, object]:
    """What a model was made of: a student's parents, then codec and shards of its latents.

    A parent is found by its weights among the models beside `path`.
    """
    spec, student = config.spec, config.student
    data: dict[str, object] = {"made_of": {"codec": spec.codec, "shards": spec.source}}
    if student is None:
        return data
    beside = {sha256(file): file.parent.name for file in path.resolve().parent.glob(f"*/{WEIGHTS}")}
    parents = {
        role: {"sha256": digest, "beside_it": beside.get(digest)}
        for role, digest in student.parents.items()
    }
    known = {"method": student.method, "levels": list(student.levels), "parents": parents}
    return {"student": known, **data}


def world_model(path: Path) -> Inspection:
    """Summarise config.json; the model is loaded, which checks its weights.

    Raises:
        DataError: a file is missing or damaged, or the weights are of another architecture.
    """
    model = load_model(path)
    if isinstance(model, StateModel):
        return _state_model(path, model)
    config, spec = model.config, model.spec
    return Inspection(
        "world model",
        {
            "dataset": spec.dataset,
            "encoder": spec.encoder,
            "latent_shape": list(spec.latent_shape),
            "frames": config.frames,
            "interval": config.interval,
            "action_dim": spec.action_dim,
            "state_dim": spec.state_dim,
            **_lineage(path, config),
            "denoiser": config.denoiser.model_dump(),
            "objective": config.objective.model_dump(),
            "parameters": model.parameters(),
            "bytes": size(path),
            "latents": {"mean": spec.mean, "std": spec.std},
            "actions": spec.actions,
        },
    )


def _state_model(path: Path, model: StateModel) -> Inspection:
    config, spec = model.config, model.spec
    return Inspection(
        "state model",
        {
            "dataset": spec.dataset,
            "encoder": spec.encoder,
            **config.size.model_dump(),
            "history": model.context,
            "forecast": config.frames - model.context,
            "interval": config.interval,
            "made_of": {"codec": spec.codec, "shards": spec.source},
            "state_model": config.state_model.model_dump(),
            "parameters": model.parameters(),
            "bytes": size(path),
            "states": {"mean": spec.mean, "std": spec.std},
            "actions": spec.actions,
        },
    )
