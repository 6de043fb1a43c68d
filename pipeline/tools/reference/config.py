"""The reference's config.yaml: the keys that describe a checkpoint."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from pipeline.denoisers.nanowm import SIZES, Shape
from pipeline.errors import DataError
from pipeline.files.content import reason
from pipeline.files.yaml_file import read_yaml
from pipeline.latents.spec import LARGEST

ARCH = re.compile(r"NanoWM-(?P<size>\w+)/(?P<patch>[1-9]\d{0,3})")
DOWNSAMPLING = 8
"""Pixels per latent cell, where the config has no `latent_size`."""


def _pair(size: object) -> object:
    return (size, size) if isinstance(size, int) else size


Side = Annotated[int, Field(gt=0, le=2**14)]
Sides = Annotated[tuple[Side, Side], BeforeValidator(_pair)]
"""Height and width; a single number means both."""


class Section(BaseModel):
    """A section of the config; other keys do not matter to the weights, and are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Injection(Section):
    """model.action_injection."""

    type: Literal["additive", "adaln", "adaln_fuse", "film", "cross_attention"]


class Model(Section):
    """The section `model`."""

    arch: str
    num_frames: int = Field(gt=1, le=2**16)
    use_action: bool
    action_injection: Injection
    causal: bool
    image_size: Sides
    latent_size: Sides | None = None
    latent_channels: Side = 4
    extras: Literal[1] = 1

    @property
    def shape(self) -> tuple[Shape, int]:
        """Size of the transformer, and its patch size.

        Raises:
            ValueError: the architecture is not a NanoWM of a known size.
        """
        match = ARCH.fullmatch(self.arch)
        if not match or match["size"] not in SIZES:
            raise ValueError(f"model.arch = {self.arch!r}; known: NanoWM-{{{','.join(SIZES)}}}/N")
        return SIZES[match["size"]], int(match["patch"])

    @property
    def latent(self) -> tuple[int, int, int]:
        """Channels, height and width of a latent.

        Raises:
            ValueError: it has no cells, or more than any encoder's.
        """
        height, width = self.latent_size or (side // DOWNSAMPLING for side in self.image_size)
        if not 0 < self.latent_channels * height * width <= LARGEST:
            raise ValueError(f"latents are {self.latent_channels} x {height} x {width}")
        return self.latent_channels, height, width


class ActionSpec(Section):
    """dataset.spec."""

    action_dim: int = Field(ge=0, le=2**16)


class Loader(Section):
    """dataset.loader."""

    normalize_action: bool


class Dataset(Section):
    """The section `dataset`."""

    name: str
    frame_interval: int = Field(gt=0, le=2**16)
    spec: ActionSpec
    loader: Loader


class Diffusion(Section):
    """The section `experiment.diffusion`."""

    noise_schedule: Literal["linear", "squaredcos_cap_v2"]
    pred_name: Literal["v", "x", "eps", "epsilon", "flow"]
    zero_terminal_snr: bool

    @model_validator(mode="after")
    def _some_signal(self) -> "Diffusion":
        if self.zero_terminal_snr and self.pred_name in ("eps", "epsilon"):
            raise ValueError(
                f"pred_name: {self.pred_name} is incompatible with zero_terminal_snr: true, where "
                "pure noise holds no trace of the clean latent"
            )
        return self


class Experiment(Section):
    """The section `experiment`."""

    diffusion: Diffusion


class LatentCodec(Section):
    """The section `latent_codec`; configs that predate it mean sd_vae."""

    kind: Literal["sd_vae", "vae", "webdino", "vjepa2_1"] = "sd_vae"


class ReferenceConfig(Section):
    """The composed config beside a checkpoint."""

    model: Model
    dataset: Dataset
    experiment: Experiment
    latent_codec: LatentCodec = LatentCodec()


def read(path: Path) -> ReferenceConfig:
    """Parse a config.yaml of the reference.

    Raises:
        DataError: no such file, not YAML, or a key is missing or has an unsupported value.
    """
    values = read_yaml(path, "give the checkpoint's config with --config")
    try:
        config = ReferenceConfig.model_validate(values)
        _ = config.model.shape, config.model.latent
    except ValueError as error:
        raise DataError(f"{path}: {reason(error)}") from None
    return config
