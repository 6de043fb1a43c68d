"""The reference's config.yaml, as far as it says what a checkpoint is."""

import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import DataError
from pipeline.train.denoisers.nanowm import SIZES, Shape

ARCH = re.compile(r"NanoWM-(?P<size>\w+)/(?P<patch>\d+)")


class Part(BaseModel):
    """A section; what else it holds does not concern the weights."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Injection(Part):
    """model.action_injection."""

    type: Literal["additive", "adaln", "adaln_fuse", "film", "cross_attention"]


class Model(Part):
    """The section `model`."""

    arch: str
    num_frames: int
    use_action: bool
    action_injection: Injection
    causal: bool
    image_size: int | tuple[int, int]
    latent_size: int | tuple[int, int] | None = None
    latent_channels: int = 4
    extras: Literal[1] = 1

    @property
    def shape(self) -> tuple[Shape, int]:
        """Size of the transformer, and side of a patch.

        Raises:
            ValueError: an architecture that is not NanoWM's.
        """
        found = ARCH.fullmatch(self.arch)
        if not found or found["size"] not in SIZES:
            raise ValueError(f"model.arch = {self.arch!r}; known: NanoWM-{{{','.join(SIZES)}}}/N")
        return SIZES[found["size"]], int(found["patch"])

    @property
    def image(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return _pair(self.image_size)

    @property
    def latent(self) -> tuple[int, int, int]:
        """Channels, height and width of a latent; an eighth of the frame unless it is said."""
        height, width = _pair(self.latent_size or tuple(side // 8 for side in self.image))
        return self.latent_channels, height, width


class ActionSpec(Part):
    """dataset.spec."""

    action_dim: int


class Loader(Part):
    """dataset.loader."""

    normalize_action: bool


class Dataset(Part):
    """The section `dataset`."""

    name: str
    frame_interval: int
    spec: ActionSpec
    loader: Loader


class Diffusion(Part):
    """The section `experiment.diffusion`."""

    noise_schedule: Literal["linear", "squaredcos_cap_v2"]
    pred_name: Literal["v", "x", "eps", "epsilon", "flow"]
    zero_terminal_snr: bool


class Experiment(Part):
    """The section `experiment`."""

    diffusion: Diffusion


class LatentCodec(Part):
    """The section `latent_codec`; configs older than it mean sd_vae."""

    kind: Literal["sd_vae", "vae", "webdino", "vjepa2_1"] = "sd_vae"


class ReferenceConfig(Part):
    """The composed config that lies beside a checkpoint."""

    model: Model
    dataset: Dataset
    experiment: Experiment
    latent_codec: LatentCodec = LatentCodec()


def read(path: Path) -> ReferenceConfig:
    """Parse a config.yaml of the reference.

    Raises:
        DataError: one line that names the key, its value and the way out.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; name the checkpoint's config with --config")
    try:
        values = yaml.safe_load(path.read_text())
        config = ReferenceConfig.model_validate(values)
        _ = config.model.shape
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key, value = ".".join(map(str, first["loc"])), first["input"]
        shown = "" if first["type"] == "missing" else f" = {value!r}"
        raise DataError(f"{path}: {key}{shown}: {first['msg']}") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    return config


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
