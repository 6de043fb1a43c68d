"""StateModel: a network of state vectors with the spec of its latents; it rolls out states."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from torch import Tensor

from pipeline.diffusion import model_folder, rollout
from pipeline.diffusion.rollout import SharedPrefix
from pipeline.diffusion.sampling import FrameNoise, Noise, Sampling
from pipeline.dynamics import state_card
from pipeline.dynamics.state_config import FORMAT, StateConfig, build_network
from pipeline.latents.cache import LatentCache
from pipeline.state_models import Prediction


class StateModel:
    """Action-conditioned dynamics of state vectors: the next state, contacts and termination.

    Its folder holds what that of a `WorldModel` does, and the stages take either (`Dynamics`).
    States travel as latents [..., S, 1, 1], whitened by the spec.

    Attributes:
        config: all but the weights; config.json.
        spec: of the states that it was trained on, with the statistics of states and actions.
        device: where its weights are.
        network: predicts whitened states [B, S].
    """

    def __init__(self, config: StateConfig, device: torch.device) -> None:
        """Build an untrained model."""
        self.config, self.spec, self.device = config, config.spec, device
        self.network = build_network(config).to(device)

    @property
    def context(self) -> int:
        """Rows of history that it is fed: as in training."""
        return self.network.history

    def check_cache(self, cache: LatentCache) -> None:
        """Check that a cache holds states like those that the model was trained on.

        Raises:
            DataError: they are of another encoder, data set or shape.
        """
        cache.require_like(self.spec)

    def model_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] to network input; see `LatentSpec.network_actions`."""
        return self.spec.network_actions(actions).to(self.device)

    def embed_actions(self, actions: Tensor) -> None:
        """None: actions enter as they are."""

    def own(self, sampling: Sampling, place: str = "sampling") -> Sampling:
        """`sampling` itself: there is nothing to sample, a rollout feeds back the mean."""
        return sampling

    def rollout(
        self,
        history: Tensor,
        actions: Tensor,
        noise: Noise,
        sampling: Sampling,
        shared: SharedPrefix | None = None,
    ) -> Tensor:
        """The states that follow a history: the mean of the heads, fed back.

        Gradients pass through to the actions and the history.

        Args:
            history: whitened states [B, K, S, 1, 1] so far; only the last `context` count, and
                where there are fewer, the first is repeated.
            actions: [B, K - 1 + F, interval, A] in the world's units: K - 1 between the rows of
                the history, then one for each row to predict.
            noise: unused, as are those that follow.
            sampling: of diffusion models.
            shared: likewise.

        Returns:
            Whitened states [B, F, S, 1, 1].

        Raises:
            ValueError: history and actions are not of these shapes.
        """
        steps = [one.averaged().state for one in self.predictions(history, actions)]
        if not steps:
            return history[:, :0].to(self.device)
        return torch.stack(steps, 1)[..., None, None]

    def stream(
        self, history: Tensor, actions: Tensor, noise: FrameNoise, sampling: Sampling
    ) -> Iterator[Tensor]:
        """`rollout`, row by row: whitened states [B, 1, S, 1, 1]."""
        for prediction in self.predictions(history, actions):
            yield prediction.averaged().state[:, None, :, None, None]

    def predictions(self, history: Tensor, actions: Tensor) -> Iterator[Prediction]:
        """What the network predicts of each row of a `rollout`, one after the other.

        Raises:
            ValueError: history and actions are not of these shapes.
        """
        action = (self.config.interval, self.spec.row_dim)
        rollout.check_shapes(history, actions, self.spec.latent_shape, action)
        states = rearrange(history.to(self.device), "b k s 1 1 -> b k s")
        scaled = self.model_actions(actions)
        missing = self.context - states.shape[1]
        if missing > 0:
            states, scaled = (
                torch.cat([rows[:, :1].expand(-1, missing, -1), rows], 1)
                for rows in (states, scaled)
            )
        states, scaled = states[:, -self.context :], scaled[:, max(0, -missing) :]
        memory = None
        for row in range(self.context, scaled.shape[1] + 1):
            fed = scaled[:, row - states.shape[1] : row]
            prediction, memory = self.network(states, fed, memory)
            yield prediction
            states = prediction.averaged().state[:, None]

    def parameters(self) -> int:
        """Number of the network's parameters."""
        return sum(weight.numel() for weight in self.network.parameters())

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors and a model card into a folder."""
        card = state_card.text(self.config, self.parameters())
        model_folder.write(folder, FORMAT.text(self.config), card, self.network)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Load a state model for inference; see `WorldModel.from_pretrained`.

        Raises:
            DataError: a file is missing or damaged, the weights do not fit the config, or a later
                version of this package wrote them.
        """
        folder, remedy = model_folder.find(name, revision)
        config = FORMAT.read(folder / model_folder.CONFIG, StateConfig, remedy)
        return model_folder.read(
            folder,
            remedy,
            lambda: build_network(config),
            lambda: cls(config, torch.device(device)),
            lambda model: model.network,
        )
