"""A params.yaml at the reduced scale of a small run, and what that leaves unverified."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import params
from pipeline.collect.root import place_of
from pipeline.diffusion import window_length
from pipeline.encoders import ENCODERS, SizedOptions
from pipeline.families import STATE
from pipeline.files.places import from_project
from pipeline.formats import FORMATS, frame_interval
from pipeline.params import Settings
from pipeline.state_models import STATE_MODELS
from pipeline.tools.changes import changed
from pipeline.tools.preflight.findings import Findings
from pipeline.train import Options as Train
from pipeline.weights.pretrained import Weights, WithWeights, found
from pipeline.worlds import WORLDS

GROUPED = "robotic_world_model"
"""The format whose episodes have the observation groups of a legged robot."""
EPISODES, SPARE = 6, 4
"""Episodes of a small run, and frames of each beyond a window."""
CHANNELS = 16
"""Of the stand-in's latents where nothing says how many the encoder has."""
NETWORK = {"width": 32, "depth": 2, "heads": 2}
TRAINING: dict[str, Any] = {
    "ingest.train_share": 0.67,
    "cluster.workers": 1,
    "cluster.ray": None,
    "fit.train_frames": 16,
    "fit.val_frames": 4,
    "fit.frame_stride": 1,
    "encode.batch": 4,
    "encode.compile": None,
    "train.steps": 2,
    "train.batch": 2,
    "train.accumulation": 1,
    "train.warmup": 0,
    "train.compile": None,
    "train.save_every": 1,
    "train.keep_every": None,
    "evaluate.sampling.steps": 2,
    "evaluate.sampling.compile": "none",
    "distributed.processes": 1,
}
"""Changes to params.yaml that are the same for every run."""


def reduced(
    settings: Settings, latent: tuple[int, int, int] | None, findings: Findings
) -> Settings:
    """The settings of a small run; what it leaves out is added to what is not verified.

    Args:
        settings: of the whole run.
        latent: shape of a frame's latents, where it is known.
        findings: gets what is not verified.

    Raises:
        ParamsError: the values contradict each other.
    """
    changes = {
        **TRAINING,
        **_data(settings, latent is not None, findings),
        **_encoder(settings, latent, findings),
    }
    train = settings.section("train", Train)
    if settings.chosen(ENCODERS) != STATE:
        network = f"denoisers.{settings.values['denoiser']}.size"
        findings.open(
            f"the network at full size ({settings.values['denoiser']} "
            f"{settings.values['denoisers'][settings.values['denoiser']]['size']}): one of "
            f"{NETWORK['depth']} layers of width {NETWORK['width']} stood in"
        )
        changes[network] = NETWORK
    if train.compile not in (None, "none"):
        findings.open(f"train.compile = {train.compile}: nothing was compiled")
    findings.open(f"{train.steps:,} steps of {train.batch} clips: 2 steps of 2 clips were taken")
    findings.open("quality: losses and samples were only checked to be finite")
    return params.check(settings.path, changed(settings.values, changes, settings.path))


def root_of(settings: Settings) -> Path | None:
    """The folder of the data set's files; None if they are not here, or are simulated."""
    options, data = settings.variant(FORMATS).options, Path("data") / settings.dataset
    place = place_of(options, data)
    if place is None:
        return None
    folder = from_project(place)
    return folder if folder.is_dir() or settings.chosen(WORLDS) is None else None


def window_of(settings: Settings) -> int:
    """Frames of a window of training; of a state model, rows of history and forecast."""
    if settings.chosen(ENCODERS) != STATE:
        return window_length(settings)
    options = settings.variant(STATE_MODELS).options.model_dump()
    return int(options["history"]) + settings.section("train", Train).state.forecast


def _data(settings: Settings, published: bool, findings: Findings) -> Mapping[str, Any]:
    """Few episodes: of the files, where they are here, else simulated."""
    key, root = f"datasets.{settings.dataset}.root", root_of(settings)
    if root is not None:
        findings.open(f"episodes of {root} beyond the first {EPISODES}")
        return {}
    world = f"worlds.{settings.chosen(WORLDS)}"
    if published or settings.variant(FORMATS).options.root is not None:
        findings.open(f"the files of {settings.dataset}: episodes simulated by its world stood in")
    else:
        count = settings.values["worlds"][settings.chosen(WORLDS)]["episodes"]
        findings.open(f"{count:,} episodes: {EPISODES} were simulated")
    shortest = settings.values["ingest"]["shortest"]
    own = settings.section("train", Train).interval
    interval = own or frame_interval(settings.variant(FORMATS))
    steps = max(shortest, window_of(settings) * interval) + SPARE
    return {key: None, f"{world}.episodes": EPISODES, f"{world}.steps": steps}


def _encoder(
    settings: Settings, latent: tuple[int, int, int] | None, findings: Findings
) -> Mapping[str, Any]:
    """A short fit; where published weights are not here, an encoder with latents of that shape."""
    variant = settings.variant(ENCODERS)
    if isinstance(variant.options, WithWeights) and not _here(variant.options):
        findings.open(
            f"encoder {variant.name} and its published weights, which are not on this machine: "
            "tiny_vae with latents of the same shape stood in"
        )
        return _stand_in(settings, latent or _shape(settings, variant.options))
    block, short = f"encoders.{variant.name}", {"steps": 2, "batch": 2}
    values = settings.values["encoders"][variant.name]
    cut = {f"{block}.{key}": value for key, value in short.items() if key in values}
    decoder = values.get("decoder")
    if isinstance(decoder, Mapping):
        cut |= {f"{block}.decoder.{key}": value for key, value in short.items() if key in decoder}
    if cut:
        findings.open(f"the fit of {variant.name}: it was cut to 2 steps")
    return cut


def _here(options: WithWeights) -> bool:
    weights = options.model_dump().get("weights")
    return found(Weights.model_validate(weights), options.weight_files) is not None


def _shape(settings: Settings, options: object) -> tuple[int, int, int]:
    """Shape of the latents by the encoder's options."""
    height, width = frame_size(settings) or (64, 64)
    grid = (height // 8, width // 8)
    if isinstance(options, SizedOptions):
        grid = options.latent_grid(height, width)
    return CHANNELS, *grid


def frame_size(settings: Settings) -> tuple[int, int] | None:
    """Height and width of frames as an encoder sees them, by params.yaml; None: it is silent."""
    if resolution := settings.variant(FORMATS).options.resolution:
        return resolution
    world = settings.chosen(WORLDS)
    values = settings.values["worlds"][world] if world and root_of(settings) is None else {}
    if "size" in values:
        return values["size"], values["size"]
    return (values["height"], values["width"]) if {"height", "width"} <= {*values} else None


def _stand_in(settings: Settings, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    """tiny_vae with latents of that shape: one resolution for each halving of the frames."""
    size = frame_size(settings)
    height = size[0] if size else shape[1] * 8
    halvings = max(0, (height // shape[1]).bit_length() - 1)
    block = "encoders.tiny_vae"
    return {
        "encoder": "tiny_vae",
        f"{block}.channels": [8] * (halvings + 1),
        f"{block}.latent_channels": shape[0],
        f"{block}.steps": 2,
        f"{block}.batch": 2,
    }


def promises_groups(settings: Settings) -> bool:
    """Whether the format says that episodes have the groups of `pipeline.episodes.groups`.

    Whether they do, their values tell (`hold_groups`), here as in the encoder.
    """
    return settings.chosen(FORMATS) == GROUPED
