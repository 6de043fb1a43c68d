"""The model card of a model with its codec, for the Hugging Face hub."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanowm.world_model import WorldModel

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

Predicts the frames that follow under {action_dim}-dimensional actions, {height} x {width} pixels,
{interval} environment steps apart: {denoiser} with {parameters:,} parameters on latents of
`{encoder}`, whose codec is included.

```python
import numpy as np
import nanowm

model = nanowm.load("THIS_REPOSITORY")
frame = np.zeros({frame_shape}, np.uint8)  # the current frame
actions = np.zeros((8 * model.interval, model.action_dim), np.float32)  # what is done next
future = model.rollout(frame, actions)  # uint8 [8, {height}, {width}, 3]
```

`codec` and `world_model` are folders as the pipeline's stages
write them; nanowm.json holds how the model is sampled unless its caller says otherwise.
"""


def text(model: "WorldModel") -> str:
    """README.md of a model, with the hub's metadata."""
    config, (height, width, _) = model.dynamics.config, model.frame_shape
    return TEXT.format(
        dataset=config.spec.dataset,
        encoder=config.spec.encoder,
        denoiser=config.denoiser.name,
        parameters=model.dynamics.parameters(),
        height=height,
        width=width,
        frame_shape=model.frame_shape,
        interval=model.interval,
        action_dim=model.action_dim,
    )
