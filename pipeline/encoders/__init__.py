"""Encoders map frames to latents, and back by their own or a fitted decoder.

The one of states takes, in place of frames, the states that the world was in at them.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from pipeline.errors import DataError
from pipeline.families import Family, family
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format, without_header
from pipeline.latents.spec import UNRECORDED, LatentShape, LatentSpec
from pipeline.metrics.schema import DecoderKind
from pipeline.params import Params

ENCODER_JSON = "encoder.json"


def _centred_by_patch(values: dict[str, Any]) -> dict[str, Any]:
    """From 1 to 2: patch_pca has an option `centre`, and subtracted the mean of all patches."""
    options = values.get("options")
    if values.get("encoder") != "patch_pca" or not isinstance(options, dict):
        return values
    return {**values, "options": {**options, "centre": "patch"}}


FORMAT = Format((_centred_by_patch,))
"""Of encoder.json; a change of the options of an encoder that earlier folders do not go with needs
a migration."""
REMEDY = "make it again: `dvc repro -f fit`"


@dataclass(frozen=True, slots=True)
class Posterior:
    """Raw latents of frames, before whitening.

    Attributes:
        mean: float32 [B, C, h, w], mean of the posterior.
        std: float32 [B, C, h, w], its standard deviation; None for a deterministic encoder.
    """

    mean: Tensor
    std: Tensor | None


class EncoderManifest(FileModel):
    """encoder.json: which encoder a folder holds, and the options it was fitted with."""

    encoder: str
    options: dict[str, Any]


class Encoder(Protocol):
    """A frame encoder, made by an `EncoderModule`; inherit from it for its default methods.

    It is in inference mode and holds no random state.
    """

    takes: ClassVar[Literal["frames", "states"]] = "frames"
    """What `encode` is given: see there."""
    stochastic: bool
    """Whether `encode` returns a std."""
    published_scale: float | None
    """Factor by which its authors multiply latents for a variance of about 1; None if none."""
    decoder_kind: DecoderKind
    """Whether `decode` is the encoder's own decoder, or a probe fitted to its features."""

    def to(self, device: torch.device) -> Self:
        """Move to a device. Arguments may be on any device; results are on this one."""

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] RGB to raw latents [B, C, h, w].

        One that takes states is given those of a data set, float32 [B, S], and its latents are
        vectors, [B, C, 1, 1].
        """

    def decode(self, latents: Tensor) -> Tensor:
        """Raw latents float32 [B, C, h, w] to frames uint8 [B, 3, H, W]."""

    def decode_float(self, latents: Tensor) -> Tensor:
        """What `decode` rounds: frames float32 [B, 3, H, W] in 0..1; by default its bytes."""
        return self.decode(latents).float() / 255

    def save(self, folder: Path) -> None:
        """Write the weights (safetensors) into an existing folder."""

    def smaller(self, latent_shape: LatentShape) -> dict[str, LatentShape]:
        """Options of the encoder that would make its latents smaller; by default none.

        Args:
            latent_shape: of the latents as they are.

        Returns:
            For each option with its value, such as "pool: 2", the shape it would lead to.
        """
        return {}

    def fit_metrics(self, frames: Tensor) -> dict[str, float | None]:
        """Optional fields of `FitMetrics`, measured on frames uint8 [N, 3, H, W]; default: none."""
        return {}


@runtime_checkable
class SizedOptions(Protocol):
    """Options of an encoder that tell, without its weights, which frames it takes."""

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the latents of frames of this size in pixels.

        Raises:
            ParamsError: frames of this size cannot be encoded.
        """


@dataclass(frozen=True, slots=True)
class Samples:
    """N recorded frames with the states of the world at them.

    Attributes:
        frames: uint8 [N, 3, H, W], as encoders see them.
        states: float32 [N, S] in the world's units; S is 0 where a data set has none.
    """

    frames: Tensor
    states: Tensor

    def __len__(self) -> int:
        """Number N."""
        return len(self.frames)

    def fed_to(self, encoder: "Encoder") -> Tensor:
        """What an encoder takes of them: frames or states."""
        return self.states if encoder.takes == "states" else self.frames


@runtime_checkable
class StateEncoderModule(Protocol):
    """What `encoders/NAME/__init__.py` offers in place of `fit` if the encoder takes states."""

    def fit_states(self, samples: Samples, options: Params) -> Encoder:
        """Fit one to training samples.

        Raises:
            DataError: they have no states.
        """


class EncoderModule(Protocol):
    """What `encoders/NAME/__init__.py` offers."""

    Options: type[Params]

    def fit(self, frames: Tensor, options: Params, seed: int) -> Encoder:
        """Fit one to training frames uint8 [N, 3, H, W]."""

    def load(self, folder: Path, options: Params) -> Encoder:
        """Read one from a folder into which its `save` has written."""


def save(encoder: Encoder, name: str, options: dict[str, Any], folder: Path) -> None:
    """Write an encoder and its manifest, encoder.json, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder)
    manifest = EncoderManifest(encoder=name, options=options)
    (folder / ENCODER_JSON).write_text(FORMAT.text(manifest))


def load(folder: Path) -> tuple[str, Encoder]:
    """Name and encoder of a folder that `save` wrote.

    Raises:
        DataError: the folder is missing, damaged, or was not written by the fit stage.
    """
    manifest = _manifest(folder)
    module = ENCODERS.load(manifest.encoder, f"{folder / ENCODER_JSON}: encoder")
    with parsing(folder, REMEDY):
        options = module.Options.model_validate_json(json.dumps(manifest.options), strict=True)
        encoder = module.load(folder, options)
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
    return FORMAT.read(path, EncoderManifest, REMEDY)


def load_for(spec: LatentSpec, folder: Path) -> Encoder:
    """The encoder that made the latents of `spec`.

    Raises:
        DataError: the folder holds a different encoder.
    """
    name, encoder = load(folder)
    if digest(folder) != spec.codec:
        raise DataError(
            f"{folder}: this {name} is not the {spec.encoder} that encoded the latents of the "
            "model; run `dvc repro` to bring them together"
        )
    return encoder


def load_for_model(spec: LatentSpec, folder: Path) -> Encoder:
    """The encoder of a model's latents, or of an imported model's, of which only the name is known.

    Raises:
        DataError: it is missing or damaged, or not the one that the model was trained with.
    """
    if spec.codec != UNRECORDED:
        return load_for(spec, folder)
    name, encoder = load(folder)
    if name != spec.encoder:
        raise DataError(
            f"{folder}: a codec of {name}, but the world model was trained on latents of "
            f"{spec.encoder}; put one of those there"
        )
    return encoder


def digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files of a saved encoder, whoever wrote them.

    So the version that stands in encoder.json is left out.
    """
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = _identity(path) if path == folder / ENCODER_JSON else path.read_bytes()
            total.update(f"{path.relative_to(folder)}\0".encode() + content)
    return total.hexdigest()


def _identity(manifest: Path) -> bytes:
    """encoder.json as it was before it had a version: an older folder has the same digest."""
    with parsing(manifest, REMEDY):
        values = without_header(json.loads(manifest.read_bytes()))
        return f"{json.dumps(values, indent=2)}\n".encode()


ENCODERS: Family[EncoderModule, Params] = family("encoders")
