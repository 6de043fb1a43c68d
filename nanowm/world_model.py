"""WorldModel: codec and dynamics as one torch module, from pixels to pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nanowm import folder as folders
from nanowm.frames import Array, Form, as_actions, as_sequences, pixels
from pipeline.diffusion.sampling import Noise
from pipeline.diffusion.world_model import WorldModel as Dynamics
from pipeline.errors import UserError
from pipeline.weights import hub

CHUNK = 64
"""Frames that the codec is handed at a time."""


class WorldModel(nn.Module):
    """A world model with its codec: what follows some frames, under actions.

    Its parameters are those of the dynamics; the codec is frozen, and is no submodule, but moves
    with it. Weights are float32: for less, call it under `torch.autocast`.

    Frames are uint8 [..., H, W, 3] RGB, numpy or torch, and come back as they were given (tensors
    on the model's device). Of another size than the model's, they are resized as those that it was
    trained on. Consecutive frames are `interval` environment steps apart.

    Actions are float [..., A], one per environment step in the data's units: `interval` of them
    lead from a frame to the next.

    Where `generator` is None, noise comes from torch's default one, so that `torch.manual_seed`
    repeats a rollout.

    Attributes:
        dynamics: predicts latents; with more choices of sampling than this class.
        codec: frames to raw latents and back.
        steps: denoising steps per frame, unless a call says otherwise.
    """

    def __init__(self, dynamics: Dynamics, codec: str | Path, steps: int) -> None:
        """Join a world model and the codec in a folder that the stage fit wrote.

        Raises:
            DataError: the codec is damaged, or not that of the world model.
        """
        super().__init__()
        self.denoiser, self.dynamics, self.steps = dynamics.denoiser, dynamics, steps
        self.codec = folders.read_codec(Path(codec), dynamics.spec).to(dynamics.device)
        self._codec_folder = Path(codec)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Load a model for inference from a folder or the Hugging Face hub.

        Args:
            name: a folder that holds `codec` and `world_model`, such as models/DATASET/ENCODER of a
                workspace or one that `save_pretrained` wrote; or the id of a hub repository.
            revision: branch, tag or commit on the hub.
            device: where it computes.

        Raises:
            DataError: there is no such folder or repository, a file is missing or damaged, codec
                and world model do not belong together, or a later version of this package wrote it.
        """
        folder = hub.folder(name, revision, folders.FILES)
        folders.check(folder)
        dynamics = Dynamics.from_pretrained(folder / folders.DYNAMICS, device=device)
        defaults = folders.read_defaults(folder, dynamics.config.objective.name)
        return cls(dynamics, folder / folders.CODEC, defaults.steps).eval()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters: float32."""
        return next(self.parameters()).dtype

    @property
    def interval(self) -> int:
        """Environment steps, and so actions, from one frame to the next."""
        return self.dynamics.config.interval

    @property
    def action_dim(self) -> int:
        """Length A of an action."""
        return self.dynamics.spec.action_dim

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the frames that it generates."""
        view = self.dynamics.spec.view
        return view.height, view.width, 3

    def encode(self, frames: Array) -> Tensor:
        """Latents float32 [..., C, h, w], whitened as the dynamics sees them, of uint8 frames.

        Raises:
            UserError: the frames are not uint8 [..., H, W, 3].
        """
        return self._encode(pixels(frames))

    def decode(self, latents: Tensor) -> Tensor:
        """Frames uint8 [..., H, W, 3] on the model's device, of whitened latents [..., C, h, w].

        Raises:
            UserError: the latents are of another shape.
        """
        spec = self.dynamics.spec
        if latents.shape[-3:] != spec.latent_shape:
            expected = ", ".join(map(str, spec.latent_shape))
            raise UserError(f"latents are {list(latents.shape)}, not [..., {expected}]")
        raw = spec.unwhiten(latents.to(self.device, torch.float32))
        parts = raw.reshape(-1, *spec.latent_shape).split(CHUNK)
        decoded = torch.cat([self.codec.decode(part) for part in parts]).permute(0, 2, 3, 1)
        return decoded.reshape(*latents.shape[:-3], *decoded.shape[1:])

    def rollout(
        self,
        frames: Array,
        actions: Array,
        *,
        steps: int | None = None,
        sampler: str = "sequential",
        generator: torch.Generator | None = None,
    ) -> Array:
        """Generate the frames that follow.

        Args:
            frames: K >= 1 frames so far, `interval` environment steps apart: uint8 [K, H, W, 3],
                [B, K, H, W, 3], or one frame [H, W, 3].
            actions: [N, A] or [B, N, A], N = interval x (K - 1 + F): those that led from the first
                frame to the last, then those that are to follow.
            steps: denoising steps per frame; None for the model's own.
            sampler: order of denoising within a window, a name in pipeline/samplers.
            generator: draws the noise, frame by frame.

        Returns:
            F frames uint8 [F, H, W, 3] or [B, F, H, W, 3], of the model's size.

        Raises:
            UserError: frames or actions are not of these shapes, or a sampling option is unknown.
        """
        history, chunks, form = self._inputs(frames, actions)
        new = chunks.shape[1] - history.shape[1] + 1
        if new < 1:
            raise UserError(
                f"{chunks.shape[1] * self.interval} actions, but {history.shape[1]} frames are "
                f"given, which take {(history.shape[1] - 1) * self.interval} already; give "
                f"{self.interval} more for each frame to generate"
            )
        noise = torch.stack([self._noise(len(history), generator) for _ in range(new)], 1)
        sampling = self.dynamics.sampling(sampler, steps or self.steps)
        future = self.dynamics.rollout(history, chunks, Noise(noise), sampling)
        return form.restore(self.decode(future))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write codec, world model, nanowm.json and a model card into a folder.

        Raises:
            DataError: the files that the codec was read from are gone.
        """
        folders.save(self, self._codec_folder, Path(folder))

    def push_to_hub(self, repo_id: str, *, private: bool = False, message: str = "") -> str:
        """Upload what `save_pretrained` writes to the Hugging Face hub; the URL of the commit.

        Raises:
            DataError: the hub cannot be reached or refuses the upload, there is no login, or the
                codec points to weights that only this machine has.
        """
        folders.check_portable(self._codec_folder)
        return hub.push(self.save_pretrained, repo_id, private=private, message=message)

    def __repr__(self) -> str:
        """What it is, in three lines; `print(model.denoiser)` shows the layers."""
        spec, (height, width, _) = self.dynamics.spec, self.frame_shape
        latent = " x ".join(map(str, spec.latent_shape))
        return (
            f"WorldModel of {spec.dataset}: frames {height} x {width}, {self.interval} environment "
            f"steps apart, actions of {self.action_dim}\n"
            f"  codec {spec.encoder}, latents {latent}\n"
            f"  {self.dynamics.config.denoiser.name}, {self.dynamics.parameters():,} parameters on "
            f"{self.device}, windows of {self.dynamics.config.frames} frames, {self.steps} "
            "denoising steps each"
        )

    def _inputs(self, frames: Array, actions: Array) -> tuple[Tensor, Tensor, Form]:
        """Latents [B, K, C, h, w], actions [B, F, interval, A], and the form of the frames."""
        sequences, form = as_sequences(frames)
        chunks = as_actions(
            actions,
            len(sequences),
            batched=form.batched,
            interval=self.interval,
            action_dim=self.action_dim,
        )
        return self._encode(sequences), chunks, form

    def _encode(self, frames: NDArray[np.uint8]) -> Tensor:
        spec, lead = self.dynamics.spec, frames.shape[:-3]
        flat = frames.reshape(-1, *frames.shape[-3:])
        parts = (flat[first : first + CHUNK] for first in range(0, len(flat), CHUNK))
        raw = torch.cat([self.codec.encode(spec.view.apply(part)).mean for part in parts])
        return spec.whiten(raw.to(self.device, torch.float32)).reshape(*lead, *raw.shape[1:])

    def _noise(self, batch: int, generator: torch.Generator | None) -> Tensor:
        """Standard normal noise of one frame, [B, C, h, w], where the generator draws."""
        shape = (batch, *self.dynamics.spec.latent_shape)
        where = torch.device("cpu") if generator is None else generator.device
        return torch.randn(shape, generator=generator, device=where)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What `to`, `cuda`, `cpu`, `half` and the like call: the codec follows the parameters."""
        probe = fn(torch.empty(0, device=self.device))
        if probe.dtype != torch.float32:
            raise UserError(
                f"the weights stay in float32, not {probe.dtype}; to compute in less, call the "
                "model under torch.autocast"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.dynamics.device = self.device
        self.dynamics.objective = self.dynamics.objective.to(self.device)
        self.codec = self.codec.to(self.device)
        return self


def load(
    name: str | Path, *, revision: str | None = None, device: str | torch.device = "cpu"
) -> WorldModel:
    """`WorldModel.from_pretrained`: a model with its codec, from a folder or the hub."""
    return WorldModel.from_pretrained(name, revision=revision, device=device)
