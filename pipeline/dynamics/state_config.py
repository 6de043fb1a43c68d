"""config.json of a state model: all of it but its weights."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.diffusion.config import VariantConfig
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format
from pipeline.latents.spec import LatentSpec
from pipeline.state_models import STATE_MODELS, StateNetwork, StateSize

FORMAT = Format()
"""Of config.json; a change of StateConfig, of the options of a state model, or of a LatentSpec
that earlier files do not go with needs a migration."""


class StateConfig(FileModel):
    """All of a state model but its weights."""

    state_model: VariantConfig
    frames: int = Field(gt=1, le=2**16)
    """Rows of a window of training: history and forecast."""
    interval: int = Field(gt=0, le=2**16)
    """Environment steps between two rows."""
    spec: LatentSpec
    """Its latents are the states, [S, 1, 1]."""

    contacts: int = Field(default=0, ge=0, le=2**16)
    """Contacts that it predicts; they follow the latents in a cache's states."""
    terminates: bool = False
    """Whether it predicts terminations, which follow the contacts there."""

    @model_validator(mode="after")
    def _of_vectors(self) -> Self:
        if self.spec.latent_shape[1:] != (1, 1):
            raise ValueError(f"latents of {self.spec.latent_shape} are no vectors")
        return self

    @property
    def size(self) -> StateSize:
        """Shapes that the network is built for."""
        return StateSize(
            state_dim=self.spec.latent_shape[0],
            action_dim=self.interval * self.spec.action_dim,
            contact_dim=self.contacts,
            termination_dim=int(self.terminates),
        )


def build_network(config: StateConfig) -> StateNetwork:
    """An untrained network, as `config` describes it.

    Raises:
        ParamsError: there is no such state model.
        ValidationError: its options are not those of its `Options`.
    """
    module = STATE_MODELS.load(config.state_model.name, STATE_MODELS.selector)
    return module.build(module.Options.model_validate(config.state_model.options), config.size)
