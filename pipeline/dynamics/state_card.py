"""The model card of a state model for the Hugging Face hub."""

from pipeline.dynamics.state_config import StateConfig

TEXT = """\
---
library_name: nano-world-models
pipeline_tag: robotics
tags:
- world-model
- state-space
- {dataset}
---

# State model of {dataset}

{network} with {parameters:,} parameters, which predicts state vectors of {states} numbers and
{contacts} contacts, in rows that are {interval} environment steps apart, under
{action_dim}-dimensional actions.

```python
import torch
from pipeline.dynamics.state_model import StateModel

model = StateModel.from_pretrained("THIS_REPOSITORY")
history = torch.randn(1, {history}, {states}, 1, 1)  # whitened states so far
actions = torch.zeros(1, {history} + 7, {interval}, {action_dim})  # between them, then the next
for row in model.predictions(history, actions):
    print(row.averaged().state, row.epistemic)
```

How its states were whitened stands in config.json, under `spec`.
"""


def text(config: StateConfig, parameters: int) -> str:
    """README.md of a model with `parameters` parameters, with the hub's metadata."""
    return TEXT.format(
        dataset=config.spec.dataset,
        network=config.state_model.name,
        parameters=parameters,
        states=config.size.state_dim,
        contacts=config.size.contact_dim or "no",
        interval=config.interval,
        action_dim=config.spec.action_dim,
        history=config.state_model.options["history"],
    )
