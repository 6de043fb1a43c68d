"""A network compiled by torch.compile for sampling."""

import torch
from torch import Tensor

from pipeline.compute.compile import compiled
from pipeline.compute.compile_mode import Mode
from pipeline.denoisers import Denoiser, KVCache


class Compiled(Denoiser):
    """A network compiled in a mode of torch.compile; for one rollout at a time.

    A CUDA graph writes to the addresses that it was captured with, and is not captured at all over
    inputs that it mutates, unless they are marked static (PyTorch, "CUDAGraph Trees", Input
    Mutation Support). So each batch size has one KV cache, which every rollout uses again.
    """

    def __init__(self, network: Denoiser, mode: Mode) -> None:
        """Compile lazily: the first forward pass takes a minute or so."""
        super().__init__()
        self.network, self.causal, self.grid = network, network.causal, network.grid
        self._compiled_forward = compiled(network, mode, "sampling.compile")
        self._kv_caches: dict[tuple[int, torch.dtype], KVCache] = {}

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
        clean: Tensor | None = None,
        dropped: Tensor | None = None,
    ) -> Tensor:
        """The network's output [B, T, C, h, w]; see `Denoiser.forward`."""
        return self._compiled_forward(noisy, level, actions, positions, kv_cache, clean, dropped)

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """The network's embeddings of actions, not compiled."""
        return self.network.embed_actions(actions)

    def kv_cache(self, batch: int) -> KVCache:
        """The KV cache for `batch` windows, zeroed: any earlier rollout with it must have ended."""
        empty = self.network.kv_cache(batch)
        key = (batch, empty.keys[0].dtype)
        if key not in self._kv_caches:
            for tensor in (*empty.keys, *empty.values):
                torch._dynamo.mark_static_address(tensor)
            self._kv_caches[key] = empty
        kv_cache = self._kv_caches[key]
        torch._foreach_zero_([*kv_cache.keys, *kv_cache.values])
        return kv_cache


def compile_for_sampling(network: Denoiser, mode: Mode) -> Denoiser:
    """The network compiled in a mode of torch.compile, or itself if that is none."""
    return network if mode == "none" else Compiled(network, mode)
