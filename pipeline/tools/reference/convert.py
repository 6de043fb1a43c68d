"""Convert checkpoints of the reference to world models, and back."""

from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from pipeline.denoisers.nanowm import SIZES, Options, takes_cameras
from pipeline.diffusion.config import Config, VariantConfig, build_denoiser
from pipeline.diffusion.world_model import WorldModel
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError
from pipeline.latents.cache import open_cache
from pipeline.latents.spec import UNRECORDED, LatentSpec
from pipeline.tools.reference import checkpoint
from pipeline.tools.reference.config import ReferenceConfig
from pipeline.weights.load import load_weights
from pipeline.weights.shapes import require_shapes

REFERENCE_ENCODERS = {
    "sd_vae": "sd_vae",
    "vae": "sd_vae",
    "webdino": "web_dino",
    "vjepa2_1": "vjepa2_1",
}
SD_SCALE = 0.18215
"""Scale factor of the reference for latents of Stable Diffusion's VAE."""
UNBOUNDED = 1e30
"""Range of actions where it is unknown: nothing is clamped."""
UNSHIFTED = 1.0
"""The reference has no shifted schedules."""
WEIGHTS, CONFIG = "model.safetensors", "config.yaml"


def import_checkpoint(path: Path, config: ReferenceConfig, latents: Path | None) -> WorldModel:
    """The world model of a checkpoint, with the latent spec of a cache if one is given.

    Without a cache the action statistics are unknown: a model that was trained on normalised
    actions then needs them normalised by its caller.

    Raises:
        DataError: keys, shapes or values do not fit, or the cache holds other latents.
    """
    spec = _spec_from_config(config) if latents is None else _spec_from_cache(latents, config)
    shape, patch = config.model.shape
    diffusion = config.experiment.diffusion
    schedule = {
        "schedule": "linear" if diffusion.noise_schedule == "linear" else "squared_cosine",
        "zero_terminal_snr": diffusion.zero_terminal_snr,
        "shift": UNSHIFTED,
    }
    objective = "eps" if diffusion.pred_name == "epsilon" else diffusion.pred_name
    injection = config.model.action_injection.type if config.model.use_action else "none"
    network_options: dict[str, Any] = {
        "size": shape.model_dump(),
        "patch": patch,
        "injection": injection,
        "causal": config.model.causal,
        "reference_init": True,
        "camera": "none",
    }
    model_config = Config(
        denoiser=VariantConfig(name="nanowm", options=network_options),
        objective=VariantConfig(
            name=objective, options={"shift": UNSHIFTED} if objective == "flow" else schedule
        ),
        frames=config.model.num_frames,
        interval=config.dataset.frame_interval,
        spec=spec,
    )
    state = checkpoint.read(path)
    require_shapes(
        lambda: build_denoiser(model_config.denoiser, model_config.size),
        state,
        path,
        "name the checkpoint's own config with --config",
    )
    model = WorldModel(model_config, torch.device("cpu"))
    load_weights(model.denoiser, state, path)
    return model


def export_checkpoint(model: WorldModel, folder: Path) -> None:
    """Write model.safetensors under the reference's parameter names, and its config.yaml.

    Raises:
        DataError: the reference lacks the network, the noise schedule or the latents, or a way to
            sample the model.
    """
    if (student := model.config.student) is not None:
        raise DataError(
            f"the reference has no sampler for a student of {len(student.levels)} steps, by "
            f"{student.method}; export the world model that it was distilled from"
        )
    values = {
        "model": _model_section(model.config),
        "latent_codec": {"kind": _codec_kind(model.spec)},
        "dataset": {
            "name": model.spec.dataset,
            "frame_interval": model.config.interval,
            "spec": {"action_dim": model.spec.action_dim},
            "loader": {"normalize_action": model.spec.normalise_actions},
        },
        "experiment": {"diffusion": _diffusion_section(model.config.objective)},
    }
    folder.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in model.denoiser.state_dict().items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(yaml.safe_dump(values, sort_keys=False))


def _model_section(config: Config) -> dict[str, Any]:
    """The section `model`."""
    if config.denoiser.name != "nanowm":
        raise DataError(
            f"the reference has no denoiser {config.denoiser.name}; only nanowm can be exported"
        )
    options, spec = Options.model_validate(config.denoiser.options), config.spec
    size = next((name for name, shape in SIZES.items() if shape == options.size), None)
    if size is None:
        raise DataError(f"the reference has no size {options.size!r}; known: {', '.join(SIZES)}")
    if takes_cameras(options):
        raise DataError(f"the reference has no cameras, but camera = {options.camera!r} here")
    use_action = options.injection != "none"
    return {
        "arch": f"NanoWM-{size}/{options.patch}",
        "num_frames": config.frames,
        "use_action": use_action,
        "action_injection": {"type": options.injection if use_action else "additive"},
        "causal": options.causal,
        "image_size": [spec.view.height, spec.view.width],
        "latent_size": list(spec.latent_shape[1:]),
        "latent_channels": spec.latent_shape[0],
        "extras": 1,
    }


def _codec_kind(spec: LatentSpec) -> str:
    """The reference's name of the encoder, if it scales latents as this model's were."""
    kind = next(
        (theirs for theirs, ours in REFERENCE_ENCODERS.items() if ours == spec.encoder), None
    )
    if kind is None:
        names = ", ".join(sorted({*REFERENCE_ENCODERS.values()}))
        raise DataError(f"the reference has no encoder {spec.encoder}; known: {names}")
    mean, std = _moments(spec.encoder, spec.latent_shape[0])
    if (spec.mean, spec.std) != (mean, std):
        raise DataError(
            f"the reference scales latents of {spec.encoder} by mean 0 and std {std[0]:.5g}, this "
            "model was trained on other statistics; train with train.whitening: none"
        )
    return kind


def _diffusion_section(objective: VariantConfig) -> dict[str, Any]:
    """The section `experiment.diffusion`."""
    schedule = objective.options
    if schedule["shift"] != UNSHIFTED:
        raise DataError(
            f"the reference has no shifted schedules, but shift = {schedule['shift']}; "
            "train with shift: 1.0"
        )
    names = {"linear": "linear", "squared_cosine": "squaredcos_cap_v2"}
    return {
        "noise_schedule": names[schedule.get("schedule", "squared_cosine")],
        "pred_name": objective.name,
        "zero_terminal_snr": schedule.get("zero_terminal_snr", False),
    }


def _moments(encoder: str, channels: int) -> tuple[list[float], list[float]]:
    """Mean and std per channel by which the reference scales latents: only SD's VAE has one."""
    return [0.0] * channels, [1 / SD_SCALE if encoder == "sd_vae" else 1.0] * channels


def _spec_from_config(config: ReferenceConfig) -> LatentSpec:
    """The latent spec as far as the config describes it, without action statistics."""
    action_dim, channels = config.dataset.spec.action_dim, config.model.latent[0]
    height, width = config.model.image_size
    encoder = REFERENCE_ENCODERS[config.latent_codec.kind]
    mean, std = _moments(encoder, channels)
    bounds = {"mean": 0.0, "std": 1.0, "min": -UNBOUNDED, "max": UNBOUNDED}
    return LatentSpec(
        dataset=config.dataset.name,
        encoder=encoder,
        codec=UNRECORDED,
        source=UNRECORDED,
        view=Preprocessing(height=height, width=width, antialias=False),
        interval=config.dataset.frame_interval,
        latent_shape=config.model.latent,
        stochastic=encoder == "sd_vae",
        storage="float16",
        stride=1,
        mean=mean,
        std=std,
        action_dim=action_dim,
        state_dim=0,
        normalise_actions=config.dataset.loader.normalize_action,
        actions={name: [value] * action_dim for name, value in bounds.items()},
        published_scale=SD_SCALE if encoder == "sd_vae" else None,
        precision="float32",
    )


def _spec_from_cache(latents: Path, config: ReferenceConfig) -> LatentSpec:
    """The spec of a cache, but latents and actions scaled as in training of the checkpoint."""
    published, cached = _spec_from_config(config), open_cache(latents).spec
    for field in ("encoder", "latent_shape", "action_dim"):
        ours, theirs = getattr(cached, field), getattr(published, field)
        if ours != theirs:
            raise DataError(
                f"{latents}: its {field} is {ours}, the checkpoint was trained on {theirs}; give "
                "a cache of the checkpoint's encoder and data set, or leave out --latents"
            )
    scaling = ("mean", "std", "normalise_actions")
    return cached.model_copy(update={name: getattr(published, name) for name in scaling})
