"""A network that is compiled to be sampled."""

import torch
from torch import Tensor

from pipeline.compute.compile import compiled
from pipeline.compute.compile_mode import Mode
from pipeline.denoisers import Denoiser, KVCache


class Compiled(Denoiser):
    """A network by a mode of torch.compile; one rollout at a time.

    A CUDA graph writes to the addresses that it was captured with, and is not captured at all over
    inputs that it changes, unless they are declared to stay in place (PyTorch, "CUDAGraph Trees",
    Input Mutation Support). So the memory of a number of windows is always the same tensors.
    """

    def __init__(self, network: Denoiser, mode: Mode) -> None:
        """Nothing is compiled before the first forward, which then takes a minute or so."""
        super().__init__()
        self.network, self.causal, self.grid = network, network.causal, network.grid
        self._answer = compiled(network, mode, "sampling.compile")
        self._kv_caches: dict[tuple[int, torch.dtype], KVCache] = {}

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
    ) -> Tensor:
        """See `Denoiser.forward`."""
        return self._answer(noisy, level, actions, positions, kv_cache)

    def embedded(self, actions: Tensor) -> Tensor | None:
        """See `Denoiser.embedded`."""
        return self.network.embedded(actions)

    def kv_cache(self, batch: int) -> KVCache:
        """See `Denoiser.memory`; it is emptied for whoever asks next."""
        empty = self.network.kv_cache(batch)
        place = (batch, empty.keys[0].dtype)
        if place not in self._kv_caches:
            for each in (*empty.keys, *empty.values):
                torch._dynamo.mark_static_address(each)
            self._kv_caches[place] = empty
        kept = self._kv_caches[place]
        torch._foreach_zero_([*kept.keys, *kept.values])
        return kept


def sampled_by(network: Denoiser, mode: Mode) -> Denoiser:
    """The network by a mode, or as it is for none."""
    return network if mode == "none" else Compiled(network, mode)
