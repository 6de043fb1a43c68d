"""What a denoiser must fit: the shape of the latents, of the actions, and of the window."""

from pydantic import BaseModel, ConfigDict


class Size(BaseModel):
    """Shapes that data and window impose on a network."""

    model_config = ConfigDict(frozen=True)

    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    """Length of the action that leads from one frame of the window to the next; 0 for none."""
    frames: int
    """Length of the window."""
