"""WorldModel: a denoiser with the spec of its latents, which rolls frames out under actions."""

import json
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.compute.compile_mode import Mode
from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions, rollout
from pipeline.diffusion import model_card as card
from pipeline.diffusion.compiled import compile_for_sampling
from pipeline.diffusion.config import Config, build_denoiser, build_objective
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.errors import DataError, ParamsError
from pipeline.families import SAMPLERS
from pipeline.latents.cache import LatentCache
from pipeline.weights import hub
from pipeline.weights.load import load_weights

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


class WorldModel:
    """Latent dynamics: p(next frames | frames so far, actions)."""

    def __init__(self, config: Config, device: torch.device) -> None:
        """Build a freshly initialised model."""
        self.config, self.spec, self.device = config, config.spec, device
        self.objective = build_objective(config.objective).to(device)
        self.denoiser = build_denoiser(config.denoiser, config.size).to(device)
        self._compiled: dict[Mode, Denoiser] = {}

    def check_cache(self, cache: LatentCache) -> None:
        """Refuse latents of another encoder or data set than the model was trained on.

        Raises:
            DataError: the specs differ.
        """
        for field in ("dataset", "encoder", "codec", "source", "latent_shape"):
            ours, theirs = getattr(self.spec, field), getattr(cache.spec, field)
            if ours != theirs:
                raise DataError(
                    f"{cache.path}: its {field} is {theirs}, the world model was trained on "
                    f"{field} {ours}; run `dvc repro` to bring them together"
                )

    def model_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] in the world's units, as the network is fed them."""
        return self.spec.scale_actions(actions).flatten(-2).to(self.device)

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """Actions [B, F, interval, A] as they enter the network, [B, F, width]; None if not."""
        return self.denoiser.embed_actions(self.model_actions(actions))

    def rollout(self, history: Tensor, actions: Tensor, noise: Noise, sampling: Sampling) -> Tensor:
        """Generate the frames that follow a history, in a window that slides along.

        Args:
            history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
            actions: [B, K - 1 + F, interval, A] in the world's units; those that lead from the
                history's first frame on to the last frame to generate.
            noise: see `Sampling.noise`.
            sampling: in which order, in how many steps.

        Returns:
            Whitened latents [B, F, C, h, w].

        Raises:
            ValueError: history, actions and noise are not of these shapes.
        """
        self._check(history, actions)
        fed = self.model_actions(actions)
        # The network wants an action for every frame of a window; the last is never used.
        fed = torch.cat([fed, torch.zeros_like(fed[:, :1])], 1)
        given = rollout.RolloutInputs(history.to(self.device), fed, noise)
        window = self.config.frames
        network = self._network(sampling.options.compile)
        return rollout.rollout(network, self.objective, window, given, sampling)

    def _check(self, history: Tensor, actions: Tensor) -> None:
        """Refuse another model's latents, and actions that lead from none of them to the next."""
        latent, action = self.spec.latent_shape, (self.config.interval, self.spec.action_dim)
        if history.ndim != 5 or not history.shape[1] or history.shape[2:] != latent:
            asked = ", ".join(map(str, latent))
            raise ValueError(f"history is {list(history.shape)}, not [B, K >= 1, {asked}]")
        known = history.shape[1]
        if actions.ndim != 4 or actions.shape[2:] != action or actions.shape[1] < known:
            asked = ", ".join(map(str, action))
            raise ValueError(
                f"actions are {list(actions.shape)}, not [B, {known - 1} + F, {asked}] (interval, "
                "action): those between the history's frames, and one for each frame to generate"
            )
        if len(actions) != len(history):
            raise ValueError(f"{len(actions)} sequences of actions, but {len(history)} histories")

    def _network(self, mode: Mode) -> Denoiser:
        """The denoiser by a mode of torch.compile, which is compiled once."""
        if mode not in self._compiled:
            self._compiled[mode] = compile_for_sampling(self.denoiser, mode)
        return self._compiled[mode]

    def sampling(
        self,
        sampler: str,
        steps: int,
        *,
        spacing: Literal["trailing", "linspace"] = "trailing",
        eta: float = 0.0,
        clip: bool = False,
        stabilisation: float = 0.0,
        context: int | None = None,
        generate: int | None = None,
        compile: Mode = "none",
    ) -> Sampling:
        """A sampler by its name, with its options (`pipeline.train.SamplingOptions`).

        Raises:
            ParamsError: what this model cannot be asked for.
        """
        module = SAMPLERS.load(sampler, "sampler")
        try:
            options = SamplingOptions(
                steps=steps,
                spacing=spacing,
                eta=eta,
                clip=clip,
                stabilisation=stabilisation,
                context=context,
                generate=generate,
                compile=compile,
            )
        except ValidationError as error:
            raise ParamsError(f"sampling.{_first(error)}") from None
        stochastic = self.objective.stochastic_steps
        options.check_fits(self.config.frames, stochastic=stochastic, place="sampling")
        return Sampling(module.build(module.Options()), options)

    def dream(
        self,
        history: Tensor,
        actions: Tensor,
        generator: torch.Generator,
        *,
        sampler: str = "sequential",
        steps: int = 50,
    ) -> Tensor:
        """The rollout of `history` [B, K, C, h, w] under `actions` [B, K - 1 + F, interval, A].

        Latents are whitened, actions in the world's units; returns whitened latents
        [B, F, C, h, w]. See `rollout` for full control.

        Raises:
            ValueError: history and actions are not of these shapes.
        """
        self._check(history, actions)
        sampling, known = self.sampling(sampler, steps), history.shape[1]
        new = actions.shape[1] - known + 1
        noise = sampling.noise(len(history), known, new, self.spec.latent_shape, generator)
        return self.rollout(history, actions, noise, sampling)

    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.denoiser.parameters())

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors and a model card into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            name: value.cpu().contiguous() for name, value in self.denoiser.state_dict().items()
        }
        save_file(state, folder / WEIGHTS)
        (folder / CONFIG).write_text(self.config.model_dump_json(indent=2) + "\n")
        (folder / CARD).write_text(card.text(self.config, self.parameters()))

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Read a world model from a folder, or from the Hugging Face hub, ready to be sampled.

        Args:
            name: a folder that `save_pretrained` wrote, or the id of a hub repository.
            revision: branch, tag or commit on the hub.
            device: where to put it.

        Raises:
            DataError: a file is missing or damaged, or the weights are of another architecture.
        """
        folder = hub.folder(name, revision, (CONFIG, WEIGHTS))
        for file in (CONFIG, WEIGHTS):
            if not (folder / file).is_file():
                raise DataError(f"{folder / file}: no such file; run `dvc repro train` to make it")
        try:
            config = Config.model_validate(json.loads((folder / CONFIG).read_text()))
            model = cls(config, torch.device(device))
            state = load_file(folder / WEIGHTS)
        except (ValueError, SafetensorError, TypeError) as error:
            raise DataError(
                f"{folder}: not a readable world model ({_first(error)}); restore it with "
                "`dvc checkout` or train it again with `dvc repro -f train`"
            ) from None
        load_weights(model.denoiser, state, folder / WEIGHTS)
        model.denoiser.eval().requires_grad_(False)
        return model

    def push_to_hub(self, repo_id: str, *, private: bool = False, message: str = "") -> str:
        """Upload config, weights and card to the Hugging Face hub; returns the commit's address.

        Raises:
            DataError: the hub refuses or cannot be reached, or nobody is logged in.
        """
        return hub.push(self.save_pretrained, repo_id, private=private, message=message)


def fresh(config: Config, device: torch.device, seed: int) -> WorldModel:
    """A model that has learnt nothing yet: the same weights for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # layers initialise from the global generator
        return WorldModel(config, device)


def load(folder: Path, device: torch.device, cache: LatentCache) -> WorldModel:
    """Read a world model, ready to sample latents like a cache's.

    Raises:
        DataError: it cannot be read, or was trained on other latents than the cache holds.
    """
    model = WorldModel.from_pretrained(folder, device=device)
    model.check_cache(cache)
    return model


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
    return str(error).splitlines()[0]
