"""config.json: all of a world model but its weights."""

from typing import Any

from pydantic import Field

from pipeline.denoisers import DENOISERS, Denoiser, Size
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format
from pipeline.latents.spec import LatentSpec
from pipeline.objectives import OBJECTIVES, Objective

FORMAT = Format()
"""Of config.json; a change of Config, of the options of a denoiser or an objective, or of a
LatentSpec that earlier files do not go with needs a migration."""


class VariantConfig(FileModel):
    """The name of a family's member and its options."""

    name: str
    options: dict[str, Any]


def build_denoiser(config: VariantConfig, size: Size) -> Denoiser:
    """An untrained network, as `config` describes it.

    Raises:
        ParamsError: there is no such denoiser.
        ValidationError: its options are not those of its `Options`.
    """
    module = DENOISERS.load(config.name, DENOISERS.selector)
    return module.build(module.Options.model_validate(config.options), size)


def build_objective(config: VariantConfig) -> Objective:
    """The objective that `config` names; raises as `build_denoiser` does."""
    module = OBJECTIVES.load(config.name, OBJECTIVES.selector)
    return module.build(module.Options.model_validate(config.options))


class Config(FileModel):
    """All of a world model but its weights; config.json."""

    denoiser: VariantConfig
    objective: VariantConfig
    frames: int = Field(gt=1, le=2**16)
    """Length of the window."""
    interval: int = Field(gt=0, le=2**16)
    """Frame interval: environment steps between two frames of the window."""
    spec: LatentSpec

    @property
    def size(self) -> Size:
        """Shapes that the denoiser is built for."""
        action_dim = self.interval * self.spec.action_dim
        return Size(latent_shape=self.spec.latent_shape, action_dim=action_dim, frames=self.frames)
