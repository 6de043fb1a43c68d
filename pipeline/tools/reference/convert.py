"""A checkpoint of the reference into a WorldModel, and a WorldModel into such a checkpoint."""

from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from pipeline.denoisers.nanowm import SIZES, Options
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.world_model import WorldModel
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError
from pipeline.latents.cache import open_cache
from pipeline.latents.spec import LatentSpec
from pipeline.tools.reference import checkpoint
from pipeline.tools.reference.config import ReferenceConfig
from pipeline.weights.load import load_weights

ENCODERS = {"sd_vae": "sd_vae", "vae": "sd_vae", "webdino": "web_dino", "vjepa2_1": "vjepa2_1"}
SD_SCALE = 0.18215
"""What the reference multiplies latents of Stable Diffusion's VAE by."""
UNBOUNDED = 1e30
UNSHIFTED = 1.0
"""The reference knows no other schedules."""
PUBLISHED = "published"
"""Stands for the digests of a codec and of shards that only the checkpoint's authors know."""
WEIGHTS, CONFIG = "model.safetensors", "config.yaml"


def imported(path: Path, config: ReferenceConfig, latents: Path | None) -> WorldModel:
    """The world model of a checkpoint; its latent spec from a cache, where one is given.

    Without a cache the actions' statistics are unknown: a model that was trained on normalised
    actions then wants them normalised by its caller.

    Raises:
        DataError: keys, shapes or values do not fit, or the cache holds other latents.
    """
    spec = _spec(config) if latents is None else _spec_of(latents, config)
    shape, patch = config.model.shape
    diffusion = config.experiment.diffusion
    schedule = {
        "schedule": "linear" if diffusion.noise_schedule == "linear" else "squared_cosine",
        "zero_terminal_snr": diffusion.zero_terminal_snr,
        "shift": UNSHIFTED,
    }
    objective = "eps" if diffusion.pred_name == "epsilon" else diffusion.pred_name
    injection = config.model.action_injection.type if config.model.use_action else "none"
    network: dict[str, Any] = {
        "size": shape.model_dump(),
        "patch": patch,
        "injection": injection,
        "causal": config.model.causal,
        "reference_init": True,
    }
    made = Config(
        denoiser=VariantConfig(name="nanowm", options=network),
        objective=VariantConfig(
            name=objective, options={"shift": UNSHIFTED} if objective == "flow" else schedule
        ),
        frames=config.model.num_frames,
        interval=config.dataset.frame_interval,
        spec=spec,
    )
    model = WorldModel(made, torch.device("cpu"))
    load_weights(model.denoiser, checkpoint.read(path), path)
    return model


def exported(model: WorldModel, folder: Path) -> None:
    """Write weights under the reference's names, and what its config.yaml says of them.

    Raises:
        DataError: a network, a schedule or latents that the reference does not have.
    """
    values = {
        "model": _model(model.config),
        "latent_codec": {"kind": _codec(model.spec)},
        "dataset": {
            "name": model.spec.dataset,
            "frame_interval": model.config.interval,
            "spec": {"action_dim": model.spec.action_dim},
            "loader": {"normalize_action": model.spec.normalise_actions},
        },
        "experiment": {"diffusion": _diffusion(model.config.objective)},
    }
    folder.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in model.denoiser.state_dict().items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(yaml.safe_dump(values, sort_keys=False))


def _model(config: Config) -> dict[str, Any]:
    """The section `model`."""
    if config.denoiser.name != "nanowm":
        raise DataError(f"the reference has no denoiser like {config.denoiser.name}")
    options, spec = Options.model_validate(config.denoiser.options), config.spec
    size = next((name for name, shape in SIZES.items() if shape == options.size), None)
    if size is None:
        raise DataError(
            f"the reference has no size like {options.size!r}; known: {', '.join(SIZES)}"
        )
    used = options.injection != "none"
    return {
        "arch": f"NanoWM-{size}/{options.patch}",
        "num_frames": config.frames,
        "use_action": used,
        "action_injection": {"type": options.injection if used else "additive"},
        "causal": options.causal,
        "image_size": [spec.view.height, spec.view.width],
        "latent_size": list(spec.latent_shape[1:]),
        "latent_channels": spec.latent_shape[0],
        "extras": 1,
    }


def _codec(spec: LatentSpec) -> str:
    """Its name for the encoder, if it would feed a network what this one was trained on."""
    kind = next((theirs for theirs, ours in ENCODERS.items() if ours == spec.encoder), None)
    if kind is None:
        known = ", ".join(sorted({*ENCODERS.values()}))
        raise DataError(f"the reference has no encoder like {spec.encoder}; known: {known}")
    mean, std = _moments(spec.encoder, spec.latent_shape[0])
    if (spec.mean, spec.std) != (mean, std):
        raise DataError(
            f"the reference feeds a network latents of {spec.encoder} with mean 0 and divided by "
            f"{std[0]:.5g}, this model was trained on others; train with train.whitening: none"
        )
    return kind


def _diffusion(objective: VariantConfig) -> dict[str, Any]:
    """The section `experiment.diffusion`."""
    schedule = objective.options
    if schedule["shift"] != UNSHIFTED:
        raise DataError(f"the reference has no schedule with shift = {schedule['shift']}")
    names = {"linear": "linear", "squared_cosine": "squaredcos_cap_v2"}
    return {
        "noise_schedule": names[schedule.get("schedule", "squared_cosine")],
        "pred_name": objective.name,
        "zero_terminal_snr": schedule.get("zero_terminal_snr", False),
    }


def _moments(encoder: str, channels: int) -> tuple[list[float], list[float]]:
    """Mean and std per channel by which the reference whitens: only what authors publish."""
    return [0.0] * channels, [1 / SD_SCALE if encoder == "sd_vae" else 1.0] * channels


def _spec(config: ReferenceConfig) -> LatentSpec:
    """What can be known of the latents from the config alone."""
    dims, channels = config.dataset.spec.action_dim, config.model.latent[0]
    height, width = config.model.image_size
    encoder = ENCODERS[config.latent_codec.kind]
    mean, std = _moments(encoder, channels)
    bounds = {"mean": 0.0, "std": 1.0, "min": -UNBOUNDED, "max": UNBOUNDED}
    return LatentSpec(
        dataset=config.dataset.name,
        encoder=encoder,
        codec=PUBLISHED,
        source=PUBLISHED,
        view=Preprocessing(height=height, width=width, antialias=False),
        interval=config.dataset.frame_interval,
        latent_shape=config.model.latent,
        stochastic=encoder == "sd_vae",
        storage="float16",
        stride=1,
        mean=mean,
        std=std,
        action_dim=dims,
        state_dim=0,
        normalise_actions=config.dataset.loader.normalize_action,
        actions={name: [value] * dims for name, value in bounds.items()},
        published_scale=SD_SCALE if encoder == "sd_vae" else None,
        precision="float32",
    )


def _spec_of(latents: Path, config: ReferenceConfig) -> LatentSpec:
    """The spec of a cache, with the checkpoint's scale and its way with actions."""
    published, found = _spec(config), open_cache(latents).spec
    for field in ("encoder", "latent_shape", "action_dim"):
        ours, theirs = getattr(found, field), getattr(published, field)
        if ours != theirs:
            raise DataError(
                f"{latents}: its {field} is {ours}, the checkpoint was trained on {theirs}; give "
                "the cache of the checkpoint's own encoder and data set, or none"
            )
    kept = ("mean", "std", "normalise_actions")
    return found.model_copy(update={name: getattr(published, name) for name in kept})
