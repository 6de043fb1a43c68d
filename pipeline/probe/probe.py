"""Probe: coordinates of what a latent shows, and actions proposed from them."""

from pathlib import Path

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from pipeline.errors import DataError
from pipeline.files.content import read_text
from pipeline.files.json_model import FileModel
from pipeline.files.skipped import SKIPPED
from pipeline.files.tensors import read_shapes, read_tensors
from pipeline.files.versioned import Format
from pipeline.latents.spec import LatentSpec
from pipeline.probe.networks import Inverse, Networks, Readout
from pipeline.weights.load import load_weights
from pipeline.weights.shapes import require_shapes

FORMAT = Format()
"""Of config.json; a change of Config that earlier files do not go with needs a migration."""
CONFIG, WEIGHTS = "config.json", "model.safetensors"
REMEDY = "`dvc checkout` restores it, `dvc repro -f probe` makes it anew"


class Architecture(FileModel):
    """Size of a network."""

    width: int = Field(gt=0, le=2**14)
    depth: int = Field(gt=0, le=2**6)


class Config(FileModel):
    """All of a probe but its weights; config.json."""

    readout: Architecture
    inverse: Architecture
    coordinates: int = Field(gt=0, le=2**16)
    """D, numbers that say where everything is."""
    frames: int = Field(gt=0, le=2**10)
    """H, model frames to the farthest goal that the inverse model knows."""
    interval: int = Field(gt=0, le=2**16)
    """Frame interval: environment steps of a model frame."""
    spec: LatentSpec
    """Of the latents that it was fitted to."""


def networks(config: Config) -> Networks:
    """Untrained networks, as `config` describes them."""
    size, spec = config.coordinates, config.spec
    readout, inverse = config.readout, config.inverse
    actions = config.interval * spec.action_dim
    return Networks(
        Readout(spec.latent_shape, size, readout.width, readout.depth),
        Inverse(size, config.frames, actions, inverse.width, inverse.depth),
        torch.zeros(size),
        torch.ones(size),
    )


class Probe:
    """A readout and an inverse model, fitted with the states of training episodes.

    Attributes:
        config: all but the weights.
        networks: the weights.
    """

    def __init__(self, config: Config, networks: Networks, spec: LatentSpec) -> None:
        """Take networks; latents will come whitened as `spec`, a model's own, has it."""
        self.config, self.networks = config, networks
        latents = torch.zeros(spec.latent_shape)
        offset = config.spec.whiten(spec.unwhiten(latents))
        self._offset = offset
        self._scale = config.spec.whiten(spec.unwhiten(latents + 1)) - offset

    def coordinates(self, latents: Tensor) -> Tensor:
        """Coordinates [N, D] in the world's units of what latents show; differentiable.

        Args:
            latents: whitened, [N, C, h, w].
        """
        networks = self.networks
        latents = latents.to(networks.mean)
        own = latents * self._scale.to(latents) + self._offset.to(latents)
        result: Tensor = networks.readout(own) * networks.std + networks.mean
        return result

    def proposals(self, now: Tensor, goal: Tensor, frames_left: Tensor) -> Tensor:
        """Actions of the next H frames that may lead to a goal, [B, H, interval x A], standardised.

        They are the deviation from the mean of the training actions in units of their std; 0 after
        the frames that are left.

        Args:
            now: coordinates [B, D] in the world's units.
            goal: where to be, [B, D].
            frames_left: int64 [B], at least 1; more than H count as H.
        """
        networks = self.networks
        device, frames = networks.mean.device, self.config.frames
        now, goal = ((x.to(device) - networks.mean) / networks.std for x in (now, goal))
        left = frames_left.to(device).clamp(1, frames)
        actions: Tensor = networks.inverse(now, goal, left)
        return actions * within(left, frames)[..., None]

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {n: value.cpu().contiguous() for n, value in self.networks.state_dict().items()}
        save_file(state, folder / WEIGHTS)
        (folder / CONFIG).write_text(FORMAT.text(self.config))


def within(frames_left: Tensor, frames: int) -> Tensor:
    """1 at each of the frames before a goal, 0 after: [B, frames] for frames_left [B]."""
    return (torch.arange(frames, device=frames_left.device) < frames_left[:, None]).float()


def load(
    folder: Path, spec: LatentSpec, interval: int, device: torch.device | str = "cpu"
) -> Probe:
    """The probe in a folder that `Probe.save` wrote, without gradients of its own weights.

    Args:
        folder: `models/DATASET/ENCODER/probe`.
        spec: of the latents that it will be given, which may be whitened in another way.
        interval: environment steps of a model frame.
        device: where its weights go.

    Raises:
        DataError: a file is missing or damaged, the weights do not fit the config, a later version
            of this package wrote them, nothing could be fitted, or it was fitted to other latents
            or another interval.
    """
    if (folder / SKIPPED).is_file():
        reason = read_text(folder / SKIPPED, REMEDY, limit=2**12).strip()
        raise DataError(f"{folder}: no probe was fitted, because {reason}")
    config = FORMAT.read(folder / CONFIG, Config, REMEDY)
    _check(config, spec, interval, folder)
    weights = folder / WEIGHTS
    require_shapes(lambda: networks(config), read_shapes(weights, REMEDY), weights, REMEDY)
    built = networks(config)
    load_weights(built, read_tensors(weights, REMEDY), weights)
    return Probe(config, built.to(device).eval().requires_grad_(False), spec)


def _check(config: Config, spec: LatentSpec, interval: int, folder: Path) -> None:
    if other := config.spec.differs(spec):
        name, ours, theirs = other
        raise DataError(
            f"{folder}: fitted to latents of {name} {ours}, but these are of {name} {theirs}; "
            "run `dvc repro` to bring them together"
        )
    if config.interval != interval:
        raise DataError(
            f"{folder}: fitted for frames {config.interval} steps apart, but those of the world "
            f"model are {interval} apart; set train.interval to {interval}"
        )
