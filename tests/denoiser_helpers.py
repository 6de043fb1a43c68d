"""What torch.compile makes of a denoiser."""

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser


def graphs_of(network: Denoiser, noisy: Tensor, level: Tensor, actions: Tensor) -> int:
    """Graphs that a window is compiled to, frame after frame with a KV cache."""
    torch._dynamo.reset()
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    step = torch.compile(network, fullgraph=True, dynamic=False, backend=backend)
    kv_cache = network.kv_cache(len(noisy))
    for frame in torch.arange(noisy.shape[1]).split(1):
        step(noisy[:, frame], level[:, frame], actions, frame, kv_cache)
    return len(graphs)
