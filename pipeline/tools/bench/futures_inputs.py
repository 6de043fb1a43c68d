"""What every variant of `wm bench futures` rolls out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.denoisers.nanowm import NanoWM, published_options
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.futures import Futures
from pipeline.diffusion.make import initialised
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.objectives import v
from pipeline.tools.bench import Searching
from pipeline.tools.bench.baseline import baseline_network
from pipeline.tools.bench.setting import randomised
from pipeline.tools.parity.latent_spec import latent_spec


@dataclass(frozen=True, slots=True)
class Round:
    """The candidates of one round of a search, from one frame.

    Attributes:
        model: the world model, with random weights.
        reference: its network, with the reference's work.
        history: whitened latent of the frame, [1, 1, C, h, w].
        actions: of N candidates, [1, N, H, 1, A].
        noise: of the frames of whole windows, at least H.
    """

    model: WorldModel
    reference: NanoWM
    history: Tensor
    actions: Tensor
    noise: Noise

    def futures(self, sampling: Sampling) -> Tensor:
        """Frames [N, H, C, h, w], the frame's keys and values computed once."""
        futures = Futures(self.model, self.history, self.actions[:, 0, :0])
        return futures.rollout(self.actions, self._start, sampling, self.actions.shape[1])[0]

    def rollouts(self, sampling: Sampling) -> Tensor:
        """Frames [N, H, C, h, w], the frame passed through the network for each candidate."""
        history = self.history.expand(self.actions.shape[1], -1, -1, -1, -1)
        return self.model.rollout(history, self.actions[0], self._start, sampling)

    @property
    def _start(self) -> Noise:
        """The noise of the plan's frames."""
        return Noise(self.noise.start[:, : self.actions.shape[2]])


def random_round(setting: Searching, device: torch.device) -> Round:
    """Random weights, frame, actions and noise; all candidates share the noise."""
    generator = torch.Generator().manual_seed(0)
    model = initialised(_config(setting), device, seed=0)
    network = model.denoiser
    assert isinstance(network, NanoWM)
    randomised(network, generator).requires_grad_(False)
    new = setting.frames - 1
    frames = -(-setting.horizon // new) * new
    candidates = (1, setting.batch, setting.horizon, 1, setting.action_dim)
    return Round(
        model,
        baseline_network(network),
        torch.randn((1, 1, *setting.latent), generator=generator).to(device),
        torch.randn(candidates, generator=generator).to(device),
        Noise(torch.randn((1, frames, *setting.latent), generator=generator).to(device)),
    )


def _config(setting: Searching) -> Config:
    """A model with the published objective, and latents and actions of mean 0 and std 1."""
    network = published_options(setting.size, setting.patch, setting.injection, causal=True)
    objective = v.Options(schedule="squared_cosine", zero_terminal_snr=True, shift=1.0)
    width = setting.action_dim
    spec = latent_spec([1.0] * setting.latent[0], {"mean": [0.0] * width, "std": [1.0] * width})
    return Config(
        denoiser=VariantConfig(name="nanowm", options=network.model_dump()),
        objective=VariantConfig(name="v", options=objective.model_dump()),
        frames=setting.frames,
        interval=1,
        spec=spec.model_copy(update={"latent_shape": setting.latent}),
    )
