"""WorldModel: a denoiser with its objective and the spec of its latents; it rolls out frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import ValidationError
from torch import Tensor

from pipeline.compute.compile_mode import Mode
from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions, model_card, model_folder, rollout
from pipeline.diffusion.compiled import compile_for_sampling
from pipeline.diffusion.config import (
    FORMAT,
    Config,
    build_denoiser,
    build_objective,
    read_config,
)
from pipeline.diffusion.incremental import Stepper
from pipeline.diffusion.model_folder import CONFIG
from pipeline.diffusion.own_sampling import own_sampling
from pipeline.diffusion.rollout import RolloutInputs
from pipeline.diffusion.sample import differentiable
from pipeline.diffusion.sampling import FrameNoise, Noise, Sampling
from pipeline.errors import ParamsError
from pipeline.files.content import reason
from pipeline.latents.cache import LatentCache
from pipeline.samplers import SAMPLERS
from pipeline.weights import hub


class WorldModel:
    """Action-conditioned latent dynamics, p(next frames | frames so far, actions).

    Attributes:
        config: all but the weights; config.json.
        spec: of the latents that it was trained on, with the statistics of latents and actions.
        device: where its weights are.
        objective: what the denoiser predicts.
        denoiser: the network.
    """

    def __init__(self, config: Config, device: torch.device) -> None:
        """Build an untrained model."""
        self.config, self.spec, self.device = config, config.spec, device
        self.objective = build_objective(config.objective).to(device)
        self.denoiser = build_denoiser(config.denoiser, config.size).to(device)
        self._compiled: dict[Mode, Denoiser] = {}

    def check_cache(self, cache: LatentCache) -> None:
        """Check that a cache holds latents like those that the model was trained on.

        Raises:
            DataError: they are of another encoder, data set or shape.
        """
        cache.require_like(self.spec)

    @property
    def context(self) -> None:
        """None: it takes as many frames of history as its user wants."""

    def model_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] to network input; see `LatentSpec.network_actions`."""
        return self.spec.network_actions(actions).to(self.device)

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """Embeddings [B, F, width] of actions [B, F, interval, A]; None if it takes none."""
        return self.denoiser.embed_actions(self.model_actions(actions))

    def rollout(
        self,
        history: Tensor,
        actions: Tensor,
        noise: Noise,
        sampling: Sampling,
        shared: rollout.SharedPrefix | None = None,
    ) -> Tensor:
        """Generate the frames that follow a history, in a sliding window.

        Gradients pass through to the actions, the history and the noise where they require one; the
        network is not compiled then. For many sequences of actions see `Futures`.

        Args:
            history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
            actions: [B, K - 1 + F, interval, A] in the world's units: K - 1 between the frames of
                the history, then one for each frame to generate.
            noise: for F frames, drawn by `sampling.noise`.
            sampling: see `sampling`.
            shared: makes the KV cache of clean frames of the history; None runs them.

        Returns:
            Whitened latents [B, F, C, h, w].

        Raises:
            ValueError: history, actions and noise are not of these shapes.
        """
        inputs, window = self._inputs(history, actions, noise), self.config.frames
        tracked = differentiable(history, actions, noise.start)
        network = self._network("none" if tracked else sampling.options.compile)
        own = self.own(sampling)
        return rollout.rollout(network, self.objective, window, inputs, own, shared)

    def stream(
        self, history: Tensor, actions: Tensor, noise: FrameNoise, sampling: Sampling
    ) -> Iterator[Tensor]:
        """`rollout`, window by window: whitened latents [B, n, C, h, w], in bounded memory.

        Arguments are those of `rollout`, but for noise that may be drawn as the frames come, such
        as `ClipNoise`.

        Raises:
            ValueError: history and actions are not of these shapes.
        """
        inputs, window = self._inputs(history, actions, noise), self.config.frames
        network = self._network(sampling.options.compile)
        return rollout.stream(network, self.objective, window, inputs, self.own(sampling))

    def stepper(self, sampling: Sampling) -> Stepper:
        """Generates the frames of `rollout` one at a time.

        Raises:
            ParamsError: this model cannot be sampled so.
            ValueError: eta > 0, whose noise is drawn for whole windows.
        """
        return Stepper(self.denoiser, self.objective, self.config.frames, self.own(sampling))

    def own(self, sampling: Sampling, place: str = "sampling") -> Sampling:
        """How this model samples when it is asked for `sampling`; see `own_sampling`.

        Raises:
            ParamsError: this model cannot be sampled so.
        """
        return own_sampling(
            self.config.student, self.config.frames, self.objective, sampling, place
        )

    def _inputs(self, history: Tensor, actions: Tensor, noise: FrameNoise) -> RolloutInputs:
        """What the network takes of history and actions, which are checked."""
        self._check(history, actions)
        scaled = self.model_actions(actions)  # [B, K - 1 + F, interval A]
        # The network takes an action for every frame of a window; the last one is unused.
        scaled = torch.cat([scaled, torch.zeros_like(scaled[:, :1])], 1)  # [B, K + F, interval A]
        return RolloutInputs(history.to(self.device), scaled, noise)

    def _check(self, history: Tensor, actions: Tensor) -> None:
        action = (self.config.interval, self.spec.row_dim)
        rollout.check_shapes(history, actions, self.spec.latent_shape, action)

    def _network(self, mode: Mode) -> Denoiser:
        """The denoiser compiled in a mode of torch.compile, once per mode."""
        if mode not in self._compiled:
            self._compiled[mode] = compile_for_sampling(self.denoiser, mode)
        return self._compiled[mode]

    def sampling(
        self,
        sampler: str | None = None,
        steps: int | None = None,
        *,
        spacing: Literal["trailing", "linspace"] = "trailing",
        eta: float = 0.0,
        clip: bool = False,
        stabilisation: float = 0.0,
        context: int | None = None,
        generate: int | None = None,
        compile: Mode = "none",
    ) -> Sampling:
        """A sampler by its name, with the other options of `SamplingOptions`.

        Without a name or a number of steps, those that suit this model.

        Raises:
            ParamsError: no such sampler, an option out of range, or one that this model cannot do.
        """
        module = SAMPLERS.load(sampler or self.config.default_sampler, "sampler")
        values = {
            "steps": self.config.default_steps if steps is None else steps,
            "spacing": spacing,
            "eta": eta,
            "clip": clip,
            "stabilisation": stabilisation,
            "context": context,
            "generate": generate,
            "compile": compile,
        }
        try:
            options = SamplingOptions.model_validate(values)
        except ValidationError as error:
            raise ParamsError(f"sampling.{reason(error)}") from None
        return self.own(Sampling(module.build(module.Options()), options))

    def dream(
        self,
        history: Tensor,
        actions: Tensor,
        generator: torch.Generator,
        *,
        sampler: str | None = None,
        steps: int | None = None,
    ) -> Tensor:
        """`rollout` with noise from `generator` and default sampling options.

        Args:
            history: whitened latents [B, K, C, h, w], K >= 1.
            actions: [B, K - 1 + F, interval, A] in the world's units.
            generator: draws the noise.
            sampler: a name in pipeline/samplers; None for `config.default_sampler`.
            steps: denoising steps per frame; None for `config.default_steps`.

        Returns:
            Whitened latents [B, F, C, h, w].

        Raises:
            ValueError: history and actions are not of these shapes.
            ParamsError: no such sampler, or steps out of range.
        """
        self._check(history, actions)
        sampling, history_len = self.sampling(sampler, steps), history.shape[1]
        new = actions.shape[1] - history_len + 1
        noise = sampling.noise(len(history), history_len, new, self.spec.latent_shape, generator)
        return self.rollout(history, actions, noise, sampling)

    def parameters(self) -> int:
        """Number of the denoiser's parameters."""
        return sum(weight.numel() for weight in self.denoiser.parameters())

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors and a model card into a folder.

        The denoiser may be compiled or wrapped for data parallelism, as a whole or in parts.
        """
        card = model_card.text(self.config, self.parameters())
        model_folder.write(folder, FORMAT.text(self.config), card, self.denoiser)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Load a world model for inference from a folder or the Hugging Face hub.

        Args:
            name: a folder that `save_pretrained` wrote, or the id of a hub repository.
            revision: branch, tag or commit on the hub.
            device: where its weights go.

        Raises:
            DataError: a file is missing or damaged, the weights do not fit the config, a later
                version of this package wrote them, or their stage was skipped.
        """
        folder, remedy = model_folder.find(name, revision)
        config = read_config(folder / CONFIG, remedy)
        return model_folder.read(
            folder,
            remedy,
            lambda: build_denoiser(config.denoiser, config.size),
            lambda: cls(config, torch.device(device)),
            lambda model: model.denoiser,
        )

    def push_to_hub(self, repo_id: str, *, private: bool = False, message: str = "") -> str:
        """Upload config, weights and model card to the Hugging Face hub; returns the commit's URL.

        Raises:
            DataError: the hub cannot be reached or refuses the upload, or there is no login.
        """
        return hub.push(self.save_pretrained, repo_id, private=private, message=message)
