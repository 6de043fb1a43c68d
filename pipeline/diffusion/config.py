"""config.json: all that makes a world model but its weights."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from pipeline.denoisers import Size
from pipeline.families import Family
from pipeline.latents.spec import LatentSpec


class VariantConfig(BaseModel):
    """A member of a family, with its options."""

    model_config = ConfigDict(frozen=True)

    name: str
    options: dict[str, Any]

    def build(self, family: Family, *arguments: Any) -> Any:
        """Make it."""
        module = family.load(self.name, family.selector)
        return module.build(module.Options.model_validate(self.options), *arguments)


class Config(BaseModel):
    """All that makes a world model but its weights; config.json."""

    model_config = ConfigDict(frozen=True)

    denoiser: VariantConfig
    objective: VariantConfig
    frames: int = Field(gt=1)
    """Length of the window."""
    interval: PositiveInt
    """Environment steps between two frames."""
    spec: LatentSpec

    @property
    def size(self) -> Size:
        """What the denoiser must fit."""
        action_dim = self.interval * self.spec.action_dim
        return Size(latent_shape=self.spec.latent_shape, action_dim=action_dim, frames=self.frames)
