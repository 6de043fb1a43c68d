"""WorldModel: a denoiser with the spec of its latents, which rolls frames out under actions."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.errors import DataError
from pipeline.latent_cache import LatentCache
from pipeline.latents import LatentSpec
from pipeline.params import Settings
from pipeline.train.denoisers import Denoiser
from pipeline.train.objectives import Objective
from pipeline.train.samplers import Sampler, ddim_timesteps, sample
from pipeline.train.size import Size
from pipeline.variants import DENOISERS, OBJECTIVES, SAMPLERS, Family

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class Part(BaseModel):
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

    denoiser: Part
    objective: Part
    frames: int
    """Length of the window."""
    interval: int
    """Environment steps between two frames."""
    spec: LatentSpec


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a world model is sampled."""

    sampler: Sampler
    steps: int
    """Denoising steps a frame."""


class WorldModel:
    """Latent dynamics: p(next frames | frames so far, actions)."""

    def __init__(self, config: Config, device: torch.device) -> None:
        """Build a freshly initialised model."""
        self.config, self.spec = config, config.spec
        self.objective: Objective = config.objective.build(OBJECTIVES)
        action_dim = config.interval * config.spec.action_dim
        size = Size(
            latent_shape=config.spec.latent_shape, action_dim=action_dim, frames=config.frames
        )
        self.denoiser: Denoiser = config.denoiser.build(DENOISERS, size).to(device)
        self.device = device

    def check_cache(self, cache: LatentCache) -> None:
        """Refuse latents of another encoder or data set than the model was trained on.

        Raises:
            DataError: the specs differ.
        """
        for field in ("dataset", "encoder", "codec", "source"):
            ours, theirs = getattr(self.spec, field), getattr(cache.spec, field)
            if ours != theirs:
                raise DataError(
                    f"{cache.path}: its {field} is {theirs}, the world model was trained on "
                    f"{field} {ours}; run `dvc repro` to bring them together"
                )

    def fed_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] in the world's units, as the network is fed them."""
        return self.spec.scale_actions(actions).flatten(-2).to(self.device)

    def rollout(
        self, history: Tensor, actions: Tensor, noise: Tensor, sampling: Sampling
    ) -> Tensor:
        """Generate the frames that follow a history, in a window that slides along.

        Args:
            history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
            actions: [B, K - 1 + F, interval, A] in the world's units; those that lead from the
                history's first frame on to the last frame to generate.
            noise: standard normal [B or 1, F, C, h, w], where each generated frame starts from.
            sampling: in which order, in how many steps.

        Returns:
            Whitened latents [B, F, C, h, w].
        """
        fed, window = self.fed_actions(actions), self.config.frames
        # The network wants an action for every frame of a window; the last is never used.
        fed = torch.cat([fed, torch.zeros_like(fed[:, :1])], 1)
        frames = history.to(self.device)
        noise = noise.expand(len(history), *noise.shape[1:]).to(self.device)
        known, total = history.shape[1], history.shape[1] + noise.shape[1]
        timesteps = ddim_timesteps(sampling.steps, self.objective.levels)
        while (done := frames.shape[1]) < total:
            context = min(done, window - 1)
            new = min(window - context, total - done)
            start = torch.cat([frames[:, -context:], noise[:, done - known :][:, :new]], 1)
            clean = sample(
                self.denoiser,
                self.objective,
                sampling.sampler.matrix(context + new, context, timesteps),
                start,
                fed[:, done - context : done + new],
                causal=self.denoiser.causal,
            )
            frames = torch.cat([frames, clean[:, context:]], 1)
        return frames[:, known:]

    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.denoiser.parameters())

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors into a new folder."""
        folder.mkdir(parents=True)
        state = {
            name: value.cpu().contiguous() for name, value in self.denoiser.state_dict().items()
        }
        save_file(state, folder / WEIGHTS)
        (folder / CONFIG).write_text(self.config.model_dump_json(indent=2) + "\n")


def sampling(settings: Settings, steps: int) -> Sampling:
    """The chosen sampler, with a number of denoising steps a frame."""
    return Sampling(settings.variant(SAMPLERS).build(), steps)


def load(folder: Path, device: torch.device, cache: LatentCache) -> WorldModel:
    """Read a world model that `WorldModel.save` wrote, ready to sample latents like a cache's.

    Raises:
        DataError: a file is missing or damaged, the weights are of another architecture, or the
            model was trained on other latents than the cache holds.
    """
    remedy = "restore it with `dvc checkout` or train it again with `dvc repro -f train`"
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no such file; run `dvc repro train` to make it")
    try:
        config = Config.model_validate(json.loads((folder / CONFIG).read_text()))
        model = WorldModel(config, device)
        model.denoiser.load_state_dict(load_file(folder / WEIGHTS))
    except (ValidationError, json.JSONDecodeError, SafetensorError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{folder}: not a readable world model ({first}); {remedy}") from None
    model.check_cache(cache)
    model.denoiser.eval().requires_grad_(False)
    return model
