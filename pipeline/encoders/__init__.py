"""Encoders turn frames into latents, once; a codec also turns latents back into frames."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from pipeline.errors import DataError, UserError
from pipeline.families import ENCODERS
from pipeline.latents.spec import LatentSpec
from pipeline.params import Params

ENCODER_JSON = "encoder.json"
Draws = Literal["own", "fitted"]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Latents as the encoder makes them, before whitening.

    Attributes:
        mean: float32 [B, C, h, w], the posterior's mean.
        std: float32 [B, C, h, w], its standard deviation; None for a deterministic encoder.
    """

    mean: Tensor
    std: Tensor | None


class EncoderManifest(BaseModel):
    """Which encoder a folder holds, and the options it was made with."""

    encoder: str
    options: dict[str, Any]


class Encoder(Protocol):
    """A frame encoder, made by an `EncoderModule`; holds no random state, is in inference mode."""

    stochastic: bool
    """Whether `encode` returns a posterior with a spread."""
    published_scale: float | None
    """What its authors multiply the latents by, so that their variance is about 1; None if none."""
    draws: Draws
    """Whether `decode` is its own, or a small decoder fitted to what it happens to tell."""

    def to(self, device: torch.device) -> Self:
        """Move to a device. It takes tensors of any, and answers with tensors of its own."""

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] RGB to raw latents [B, C, h, w]."""

    def decode(self, latents: Tensor) -> Tensor:
        """Raw latents float32 [B, C, h, w] to frames uint8 [B, 3, H, W]."""

    def save(self, folder: Path) -> None:
        """Write the weights (safetensors) into an existing folder."""


class EncoderModule(Protocol):
    """What `encoders/NAME/__init__.py` offers."""

    Options: type[Params]

    def fit(self, frames: Tensor, options: Params, seed: int) -> Encoder:
        """Fit one to training frames uint8 [N, 3, H, W]."""

    def load(self, folder: Path, options: Params) -> Encoder:
        """Read one from a folder into which its `save` has written."""


def save(encoder: Encoder, name: str, options: dict[str, Any], folder: Path) -> None:
    """Write an encoder with a manifest that says which one it is."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder)
    manifest = EncoderManifest(encoder=name, options=options)
    (folder / ENCODER_JSON).write_text(json.dumps(manifest.model_dump(), indent=2) + "\n")


def load(folder: Path) -> tuple[str, Encoder]:
    """Name and encoder of a folder that `save` wrote.

    Raises:
        DataError: the folder is missing, damaged, or was not written by the fit stage.
    """
    manifest = _manifest(folder)
    module = ENCODERS.load(manifest.encoder, f"{folder / ENCODER_JSON}: encoder")
    try:
        encoder = module.load(folder, module.Options.model_validate(manifest.options))
    except UserError:
        raise
    except (ValueError, KeyError, OSError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, error) from None
    return manifest.encoder, encoder


def name_of(folder: Path) -> str:
    """Name of the encoder in a folder that `save` wrote, without loading it.

    Raises:
        DataError: the folder is missing, damaged, or was not written by the fit stage.
    """
    return _manifest(folder).encoder


def _manifest(folder: Path) -> EncoderManifest:
    path = folder / ENCODER_JSON
    if not path.is_file():
        raise DataError(f"{path}: no such file; run `dvc repro fit` to make the encoder")
    try:
        return EncoderManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    said = str(error).strip().splitlines()[0]
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        said = ": ".join([*map(str, first["loc"]), first["msg"]])
    return DataError(f"{path}: damaged ({said}); make it again: `dvc repro -f fit`")


def load_for(spec: LatentSpec, folder: Path) -> Encoder:
    """The encoder that made the latents of `spec`.

    Raises:
        DataError: the folder holds another one.
    """
    name, encoder = load(folder)
    if digest(folder) != spec.codec:
        raise DataError(
            f"{folder}: holds another {name} than the {spec.encoder} that made the latents of the "
            "model; run `dvc repro` to bring them together"
        )
    return encoder


def digest(folder: Path) -> str:
    """Digest of a saved encoder: latents made with another one never mix with it."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()
