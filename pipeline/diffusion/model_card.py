"""The model card of a world model for the Hugging Face hub."""

from pipeline.diffusion.config import Config

TEXT = """\
---
library_name: nano-world-models
pipeline_tag: image-to-video
tags:
- world-model
- diffusion-forcing
- {dataset}
---

# World model of {dataset}

{denoiser} with {parameters:,} parameters, {trained} to predict `{objective}` on latents of
`{encoder}`, {channels} x {height} x {width}, for windows of {frames} frames that are {interval}
environment steps apart, under {action_dim}-dimensional actions{cameras}.

```python
import torch
from pipeline.diffusion.world_model import WorldModel

model = WorldModel.from_pretrained("THIS_REPOSITORY")
history = torch.randn(1, 1, {channels}, {height}, {width})  # whitened latents of the frames so far
actions = torch.zeros(1, 8, {interval}, {action_dim})  # what is done next
{motion}frames = model.dream(history, actions, torch.Generator().manual_seed(0))
```

How its latents were made stands in config.json, under `spec`.
"""


STANDING = """\
camera = torch.tensor([1.0, 1, 0, 0])  # fx / W, fy / H, cx / W - 1/2, cy / H - 1/2
motion = torch.cat([camera, camera, torch.eye(4)[:3].flatten()])  # of a camera that stands still
actions = torch.cat([actions, motion.expand(*actions.shape[:-1], -1)], -1)
"""
"""What the actions of a model lack that cameras condition."""


def text(config: Config, parameters: int) -> str:
    """README.md of a model with `parameters` parameters, with the hub's metadata."""
    spec = config.spec
    channels, height, width = spec.latent_shape
    return TEXT.format(
        dataset=spec.dataset,
        encoder=spec.encoder,
        denoiser=config.denoiser.name,
        objective=config.objective.name,
        trained=_trained(config),
        parameters=parameters,
        channels=channels,
        height=height,
        width=width,
        frames=config.frames,
        interval=config.interval,
        action_dim=spec.action_dim,
        cameras="" if spec.camera_scale is None else " and the motion of the camera",
        motion="" if spec.camera_scale is None else STANDING,
    )


def _trained(config: Config) -> str:
    if config.student is None:
        return "trained"
    return f"distilled to {len(config.student.levels)} steps by {config.student.method}"
