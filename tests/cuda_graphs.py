"""A CPU stand-in for CUDA graphs, with their constraints on what is captured and how it is used.

Inductor decides what would be captured, and hands it over here instead of to CUDA.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._functorch import config as autograd_config
from torch._inductor import config, cudagraph_utils, output_code
from torch._inductor.compile_fx import (
    get_expanded_dims,
    index_expanded_dims_and_copy_,
    static_input,
)
from torch._inductor.cudagraph_utils import CUDAGraphPolicy


class Graph:
    """What was captured: it reads its inputs, and leaves its outputs, always in the same place.

    Inputs that stay in place by themselves (weights, and what is declared to) are read there; the
    others are copied to where they were when it was captured. Outputs are overwritten by the next
    replay, whoever holds them. What changes an input that is not in place is refused, as
    `check_for_mutation` of torch/_inductor/cudagraph_trees.py does, and runs uncaptured.

    Attributes:
        captures: how often it was captured: anew when an input has left its place.
        replays: how often it was launched since.
        refused: how often it ran uncaptured.
    """

    def __init__(self, work: Callable[..., Any], static: set[int], changed: set[int]) -> None:
        self.work, self.static, self.capturable = work, static, changed <= static
        self.captures = self.replays = self.refused = 0
        self._boxed_call = True
        self.places: list[int] | None = None

    def __call__(self, boxed: list[Any]) -> list[Any]:
        inputs = list(boxed)
        boxed.clear()
        if not self.capturable:
            self.refused += 1
            return self.work(inputs)
        places = [inputs[i].data_ptr() for i in sorted(self.static)]
        if places != self.places:
            self.captures, self.places = self.captures + 1, places
            self.inputs = [x if i in self.static else _placed(x) for i, x in enumerate(inputs)]
            self.outputs = self.work(list(self.inputs))
        else:
            self.replays += 1
            for i, tensor in enumerate(inputs):
                if i not in self.static:
                    _fill(self.inputs[i], tensor)
            for output, value in zip(self.outputs, self.work(list(self.inputs)), strict=True):
                if torch.is_tensor(value):
                    output.copy_(value)
        return [x.detach() if torch.is_tensor(x) else x for x in self.outputs]


def _placed(value: Tensor) -> Tensor:
    place = static_input(value)
    _fill(place, value)
    return place


def _fill(place: Tensor, value: Tensor) -> None:
    index_expanded_dims_and_copy_(place, value, get_expanded_dims(value))


class Player(CUDAGraphPolicy):
    """Collects the graphs."""

    def __init__(self) -> None:
        self.graphs: list[Graph] = []

    def cudagraphify(self, model, example_inputs, static_input_idxs, **options):
        graph = Graph(model, set(static_input_idxs), set(options["mutated_input_idxs"]))
        self.graphs.append(graph)
        return graph


@contextmanager
def played() -> Iterator[list[Graph]]:
    """The graphs of all that is compiled and run in here by a mode that captures them."""
    player, post_compile = Player(), output_code.cudagraph_post_compile

    def on_a_device(inputs, compiled, *others):
        compiled.device_idxs = {0}
        return post_compile(inputs, compiled, *others)

    torch._dynamo.reset()
    uncached = autograd_config.patch(enable_autograd_cache=False)
    with (
        pytest.MonkeyPatch.context() as patch,
        config.patch(cudagraph_policy=player, fx_graph_cache=False),
        uncached,
    ):
        patch.setattr(output_code, "cudagraph_post_compile", on_a_device)
        patch.setattr(
            cudagraph_utils, "check_multiple_devices_or_any_cpu_nodes", lambda devices: None
        )
        yield player.graphs
    torch._dynamo.reset()
