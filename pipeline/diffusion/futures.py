"""Many rollouts from the same histories, as planning needs them."""

from functools import partial

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser, KVCache
from pipeline.diffusion.sample import Prefix
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.dynamics import Dynamics


class Futures:
    """What may follow the histories of B episodes.

    A search rolls out many sequences of actions from the same history, round after round. The
    history is run once, by the first rollout: its keys and values serve all sequences and all later
    rollouts, in each window of the model that holds some of its frames. Rollouts are those of
    `WorldModel.rollout` up to rounding.

    With stabilisation, or a denoiser that is not causal, there are no such keys and values, and all
    frames are run for every sequence.
    """

    def __init__(self, model: Dynamics, history: Tensor, past: Tensor) -> None:
        """Take the frames so far; nothing is computed yet.

        Args:
            model: the world model; its weights must not change from here on.
            history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
            past: actions [B, K - 1, interval, A] between them, in the world's units.

        Raises:
            ParamsError: the model is conditioned by cameras.
        """
        model.spec.refuse_cameras("planning")
        self.model, self.history, self.past = model, history.to(model.device), past
        self._kv_caches: dict[int, KVCache] = {}

    def rollout(self, actions: Tensor, noise: Noise, sampling: Sampling, rows: int) -> Tensor:
        """The frames that follow each history, for N sequences of F actions from it.

        Differentiable in the actions; memory is bounded by `rows` only where no gradient is needed.

        Args:
            actions: [B, N, F, interval, A] in the world's units. actions[:, :, 0] lead from the
                last frame of the history to the first that is generated.
            noise: for F frames after K, drawn by `sampling.noise` with a batch of B, or of 1 for
                all episodes: the N sequences of an episode share it, and so differ by their actions
                alone. With eta > 0 the steps of each sequence draw the same noise, too, from the
                episode's own generator if the noise has one for each.
            sampling: the sampler and its options.
            rows: how many sequences pass through the network at a time, of one episode or several;
                memory grows with it, results do not depend on it but for rounding.

        Returns:
            Whitened latents [B, N, F, C, h, w], on the model's device.

        Raises:
            ValueError: actions and noise are not of these shapes.
        """
        batch, action = len(self.history), self.past.shape[2:]
        if actions.ndim != 5 or len(actions) != batch or actions.shape[3:] != action:
            expected = ", ".join(map(str, action))
            raise ValueError(f"actions are {list(actions.shape)}, not [{batch}, N, F, {expected}]")
        candidates = actions.shape[1]
        flat = actions.flatten(0, 1)  # [B N, F, interval, A]
        # Where steps are stochastic, a pass holds one episode, whose sequences share every draw.
        block = candidates if sampling.options.eta else batch * candidates
        frames = []
        drawing = noise.generators if sampling.options.eta else ()
        for start in range(0, len(flat), block):
            states = [generator.get_state() for generator in drawing]
            for begin in range(start, start + block, rows):
                for generator, state in zip(drawing, states, strict=True):
                    generator.set_state(state)
                end = min(begin + rows, start + block)
                episodes = torch.arange(begin, end) // candidates  # [rows]
                frames.append(self._pass(flat[begin:end], episodes, noise, sampling))
        return torch.cat(frames).unflatten(0, (batch, candidates))

    def sequences(
        self, actions: Tensor, episodes: Tensor, noise: Noise, sampling: Sampling, rows: int
    ) -> Tensor:
        """The frames [M, F, C, h, w] that follow by some sequences of any of the episodes.

        Args:
            actions: [M, F, interval, A] in the world's units.
            episodes: int64 [M], of which histories; in any number and order.
            noise: as of `rollout`.
            sampling: by deterministic steps: eta is 0.
            rows: how many sequences pass through the network at a time.
        """
        assert not sampling.options.eta
        parts = zip(actions.split(rows), episodes.split(rows), strict=True)
        return torch.cat([self._pass(some, of, noise, sampling) for some, of in parts])

    def _pass(self, actions: Tensor, episodes: Tensor, noise: Noise, sampling: Sampling) -> Tensor:
        """Frames [R, F, C, h, w] that follow by actions [R, F, interval, A] in `episodes` [R]."""
        past = self.past[episodes.to(self.past.device)].to(actions)
        return self.model.rollout(
            self.history[episodes.to(self.history.device)],
            torch.cat([past, actions], 1),
            _noise_of(noise, episodes),
            sampling,
            partial(self._prefix, episodes.to(self.history.device)),
        )

    def _prefix(self, episodes: Tensor, denoiser: Denoiser, first: int) -> Prefix:
        """The history's frames from `first` on, at the beginning of the windows of `episodes`."""
        shared = self._kv_cache(first)
        kv_cache = denoiser.kv_cache(len(episodes))
        for to, of in zip(_tensors(kv_cache), _tensors(shared), strict=True):
            of_episodes = of.unflatten(0, (len(self.history), -1))
            to.unflatten(0, (len(episodes), -1)).copy_(of_episodes[episodes])
        return Prefix(kv_cache, self.history.shape[1] - first)

    @torch.no_grad()
    def _kv_cache(self, first: int) -> KVCache:
        """Keys and values of the history's frames from `first` on, in a window of their own."""
        if first not in self._kv_caches:
            assert isinstance(self.model, WorldModel)  # no other takes a prefix
            frames = self.history[:, first:]
            actions = self.model.model_actions(self.past[:, first:])  # [B, n - 1, interval A]
            # The network takes an action for every frame of a window; the last one is unused.
            actions = torch.cat([actions, actions.new_zeros(len(frames), 1, actions.shape[-1])], 1)
            clean = torch.zeros(frames.shape[:2], dtype=torch.int64, device=frames.device)
            positions = torch.arange(frames.shape[1], device=frames.device)
            kv_cache = self.model.denoiser.kv_cache(len(frames))
            self.model.denoiser(frames, clean, actions, positions, kv_cache)
            self._kv_caches[first] = kv_cache
        return self._kv_caches[first]


def _tensors(kv_cache: KVCache) -> list[Tensor]:
    return [*kv_cache.keys, *kv_cache.values]


def _noise_of(noise: Noise, episodes: Tensor) -> Noise:
    """The noise of each of `episodes`; that of a single one has a batch of 1."""
    if len(noise.start) == 1:
        return noise
    first = int(episodes[0])
    if bool((episodes == first).all()):
        return noise.part(first, first + 1)
    context = None if noise.context is None else noise.context[episodes]
    fresh = None if noise.fresh is None else noise.fresh[episodes]
    # Without generators: eta is 0, and these steps draw nothing.
    return Noise(noise.start[episodes], context, fresh=fresh)
