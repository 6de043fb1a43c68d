"""WorldModel: codec and dynamics as one torch module, from pixels to pixels."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nanowm import folder as folders
from nanowm.devices import check_device
from nanowm.frames import Array, Form, as_actions, as_float, as_sequences, single
from nanowm.module import LatentModule
from nanowm.planning import on_cpu, search
from nanowm.stepping import State, noise_of
from pipeline.diffusion.world_model import WorldModel as Dynamics
from pipeline.errors import UserError
from pipeline.weights import hub


class WorldModel(LatentModule):
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
        super().__init__(dynamics, codec)
        self.steps = steps

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
                workspace or one that `save_pretrained` wrote; the student beside its codec there;
                or the id of a hub repository.
            revision: branch, tag or commit on the hub.
            device: where it computes.

        Raises:
            DataError: there is no such folder or repository, a file is missing or damaged, codec
                and world model do not belong together, or a later version of this package wrote it.
            UserError: this machine has no such device, or its torch cannot use it.
        """
        check_device(device)
        folder, world_model, codec = folders.find(name, revision)
        dynamics = Dynamics.from_pretrained(world_model, device=device)
        defaults = folders.read_defaults(folder, dynamics.config.default_steps)
        return cls(dynamics, codec, defaults.steps).eval()

    def rollout(
        self,
        frames: Array,
        actions: Array,
        *,
        steps: int | None = None,
        sampler: str | None = None,
        generator: torch.Generator | None = None,
    ) -> Array:
        """Generate the frames that follow.

        Args:
            frames: K >= 1 frames so far, `interval` environment steps apart: uint8 [K, H, W, 3],
                [B, K, H, W, 3], or one frame [H, W, 3].
            actions: [N, A] or [B, N, A], N = interval x (K - 1 + F): those that led from the first
                frame to the last, then those that are to follow.
            steps: denoising steps per frame; None for the model's own.
            sampler: order of denoising within a window, a name in pipeline/samplers; None for the
                model's own.
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
        sampling = self.dynamics.sampling(sampler, self.steps if steps is None else steps)
        noise = [self._noise(len(history), sampling, generator) for _ in range(new)]
        future = self.dynamics.rollout(history, chunks, noise_of(noise), sampling)
        return form.restore(self.decode(future))

    def reset(self, frames: Array, actions: Array | None = None) -> State:
        """Where to step from: the state after some frames.

        Args:
            frames: K >= 1 frames so far, as for `rollout`.
            actions: [N, A] or [B, N, A], N = interval x (K - 1): those between them; None for one
                frame.

        Raises:
            UserError: frames or actions are not of these shapes.
        """
        sequences, form = as_sequences(frames)
        batch, known = sequences.shape[:2]
        if actions is None:
            actions = torch.zeros(batch, 0, self.action_dim)[slice(None) if form.batched else 0]
        chunks = self._actions(actions, batch, form)
        if chunks.shape[1] != known - 1:
            raise UserError(
                f"{chunks.shape[1] * self.interval} actions, but {known} frames have "
                f"{(known - 1) * self.interval} between them; give those as `actions`"
            )
        scaled = self.dynamics.model_actions(chunks)
        stepper = self.dynamics.stepper(self.dynamics.sampling(steps=self.steps))
        window = stepper.begin(self._encode(sequences), scaled)
        return State(window, form)

    def step(
        self,
        state: State,
        action: Array,
        *,
        steps: int | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[State, Array]:
        """Generate one frame: those of `rollout` by its default sampler, one after the other.

        The same generator gives the same frames. `state` stays as it is: it can be stepped again,
        by another action.

        Args:
            state: from `reset` or `step`.
            action: [interval, A] or [B, interval, A], the actions of the environment steps to the
                next frame; also [A] where the interval is 1.
            steps: denoising steps; None for the model's own.
            generator: draws the noise.

        Returns:
            The next state, and its frame uint8 [H, W, 3] or [B, H, W, 3].

        Raises:
            UserError: the action is not of this shape.
        """
        form, batch = state.form, len(state.window.frames)
        values = as_float(action)
        if self.interval == 1 and values.ndim == 1 + form.batched:
            values = values.unsqueeze(-2)
        chunks = self._actions(values, batch, form)
        if chunks.shape[1] != 1:
            raise UserError(
                f"{chunks.shape[1] * self.interval} actions, but a step takes {self.interval}, "
                "from one frame to the next; `rollout` takes more"
            )
        number = self.steps if steps is None else steps
        if number < 1:
            raise UserError(f"steps = {number}; a frame takes at least one denoising step")
        action = self.dynamics.model_actions(chunks)[:, 0]
        sampling = self.dynamics.sampling(steps=number)
        noise = self._noise(batch, sampling, generator)
        window = self.dynamics.stepper(sampling).step(state.window, action, noise)
        return State(window, form), form.restore(self.decode(window.frames[:, -1]))

    def plan(
        self,
        frame: Array,
        goal_frame: Array,
        *,
        horizon: int = 2,
        candidates: int = 64,
        elites: int = 8,
        rounds: int = 4,
        steps: int = 2,
        generator: torch.Generator | None = None,
    ) -> NDArray[np.float32]:
        """Actions that lead from a frame towards a goal: the cross-entropy method in latent space.

        The cost of a candidate is the mean squared distance of its last predicted latent to the
        goal's. Actions stay within the range that was recorded. The defaults are those of the
        default run's stage plan, which executes the first frame's actions, then plans again.

        Args:
            frame: the current frame, uint8 [H, W, 3].
            goal_frame: what is to be seen, uint8 [H, W, 3].
            horizon: length of the plan in model frames.
            candidates: plans that are rolled out in each round.
            elites: best candidates, to which the search distribution is fitted.
            rounds: of the search.
            steps: denoising steps per frame of a rollout.
            generator: draws candidates and noise.

        Returns:
            Actions float32 [horizon x interval, A], one per environment step in the data's units.

        Raises:
            UserError: a frame is not uint8 [H, W, 3], or an option is out of range.
        """
        return search(
            self,
            single(frame, "frame"),
            single(goal_frame, "goal_frame"),
            on_cpu(generator),
            horizon=horizon,
            candidates=candidates,
            elites=elites,
            rounds=rounds,
            steps=steps,
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write codec, world model, nanowm.json and a model card into a folder.

        Raises:
            DataError: the files that the codec was read from are gone.
        """
        folders.save(self, self.codec_folder, Path(folder))

    def push_to_hub(self, repo_id: str, *, private: bool = False, message: str = "") -> str:
        """Upload what `save_pretrained` writes to the Hugging Face hub; the URL of the commit.

        Raises:
            DataError: the hub cannot be reached or refuses the upload, there is no login, or the
                codec points to weights that only this machine has.
        """
        folders.check_portable(self.codec_folder)
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
        chunks = self._actions(actions, len(sequences), form)
        return self._encode(sequences), chunks, form

    def _actions(self, actions: Array, batch: int, form: Form) -> Tensor:
        """Actions [B, F, interval, A] as `rollout` takes them."""
        size = {"interval": self.interval, "action_dim": self.action_dim}
        return as_actions(actions, batch, batched=form.batched, **size)
