"""Weights and optimiser moments as named tensors of the whole model, however it is sharded."""

from typing import Any

from torch import nn
from torch.distributed.checkpoint import state_dict as checkpoint
from torch.distributed.checkpoint.state_dict import StateDictOptions
from torch.optim import Optimizer

from pipeline.train.checkpoint import State
from pipeline.train.distributed.group import Group

FULL = StateDictOptions(full_state_dict=True, cpu_offload=True)


def weights(network: nn.Module) -> State:
    """Weights on the CPU; to be called by all processes of a group, empty but on the first."""
    full: Any = checkpoint.get_model_state_dict(network, options=FULL)
    return dict(full)


def load_weights(network: nn.Module, state: State, group: Group) -> None:
    """Load weights that the first process has; to be called by all."""
    checkpoint.set_model_state_dict(network, dict(state), options=_broadcast(group))


def moments(network: nn.Module, optimiser: Optimizer) -> State:
    """The optimiser's state as `WEIGHT:NAME`, like `weights`; it must have taken a step."""
    full: Any = checkpoint.get_optimizer_state_dict(network, optimiser, options=FULL)
    return {
        f"{weight}:{name}": value
        for weight, values in full.get("state", {}).items()
        for name, value in values.items()
    }


def load_moments(network: nn.Module, optimiser: Optimizer, state: State, group: Group) -> None:
    """Load the optimiser's state, like `load_weights`."""
    by_weight: dict[str, Any] = {}
    for name, value in state.items():
        weight, field = name.rsplit(":", 1)
        by_weight.setdefault(weight, {})[field] = value
    initial: Any = checkpoint.get_optimizer_state_dict(network, optimiser, options=FULL)
    full = {**initial, "state": by_weight} if state else {}
    checkpoint.set_optimizer_state_dict(network, optimiser, full, options=_broadcast(group))


def add_prefix(prefix: str, state: State) -> State:
    """The tensors with longer names."""
    return {f"{prefix}{name}": value for name, value in state.items()}


def with_prefix(prefix: str, state: State) -> State:
    """Those tensors whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _broadcast(group: Group) -> StateDictOptions:
    return StateDictOptions(full_state_dict=True, broadcast_from_rank0=group.size > 1)
