"""StateModel: dynamics of state vectors, in the data's own units."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from nanowm import folder as folders
from nanowm.devices import check_device
from nanowm.frames import Array, Form, as_actions, as_float
from pipeline.dynamics.state_model import StateModel as Dynamics
from pipeline.errors import UserError


@dataclass(frozen=True, slots=True)
class Forecast:
    """What follows some states, of F rows; numpy or torch, batched or not, as they were given.

    Attributes:
        states: [B, F, S] in the data's units, the mean over the heads.
        contacts: probabilities [B, F, C].
        termination: probabilities [B, F, 1], or [B, F, 0] where terminations are not known.
        epistemic: disagreement of the heads, [B, F]: the sum of their stds of whitened states.
        aleatoric: noise that the heads predict, [B, F], likewise.
    """

    states: Array
    contacts: Array
    termination: Array
    epistemic: Array
    aleatoric: Array


class StateModel:
    """What follows some states, under actions.

    Attributes:
        dynamics: predicts whitened states.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        """Of a loaded model."""
        self.dynamics = dynamics

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Load a model for inference; see `WorldModel.from_pretrained`."""
        check_device(device)
        _, world_model, _ = folders.find(name, revision)
        return cls(Dynamics.from_pretrained(world_model, device=device))

    @torch.no_grad()
    def rollout(self, states: Array, actions: Array) -> Forecast:
        """Predict the states that follow; each prediction is fed back.

        Args:
            states: K >= 1 states so far, `interval` environment steps apart: [K, S] or [B, K, S].
                The last `dynamics.context` count; where there are fewer, the first is repeated.
            actions: [N, A] or [B, N, A], N = interval x (K - 1 + F): those that led from the first
                state to the last, then those that are to follow.

        Raises:
            UserError: states or actions are not of these shapes.
        """
        spec, values = self.dynamics.spec, as_float(states)
        width = spec.latent_shape[0]
        if values.ndim not in (2, 3) or not values.shape[-2] or values.shape[-1] != width:
            raise UserError(f"states are {list(values.shape)}, not [K, {width}] or [B, K, {width}]")
        form = Form(batched=values.ndim == 3, numpy=not isinstance(states, Tensor))
        history = values.reshape(-1, *values.shape[-2:], 1, 1)
        size = {"interval": self.dynamics.config.interval, "action_dim": spec.action_dim}
        chunks = as_actions(actions, len(history), batched=form.batched, **size)
        if chunks.shape[1] < history.shape[1]:
            raise UserError(
                f"{chunks.shape[1]} x {size['interval']} actions, but {history.shape[1] - 1} lead "
                f"to the last of {history.shape[1]} states; give at least one more"
            )
        predictions = [*self.dynamics.predictions(spec.whiten(history), chunks)]
        steps = [prediction.averaged() for prediction in predictions]
        future = torch.stack([step.state for step in steps], 1)[..., None, None]

        def told(rows: list[Tensor]) -> Array:
            return form.restore(torch.stack(rows, 1))

        return Forecast(
            states=form.restore(spec.unwhiten(future)[..., 0, 0]),
            contacts=told([step.contacts.sigmoid() for step in steps]),
            termination=told([step.termination.sigmoid() for step in steps]),
            epistemic=told([prediction.epistemic for prediction in predictions]),
            aleatoric=told([prediction.aleatoric for prediction in predictions]),
        )
