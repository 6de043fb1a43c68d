"""Weights and optimiser moments as named tensors of the whole model, however it is sharded.

Tensors that are on the CPU already are not copied, for they are three times the model: they are the
network's and the optimiser's own, and change with the next step.

What torch has for sharded models is imported only where several processes train: it takes a second.
"""

from typing import Any

from torch import nn
from torch.optim import Optimizer

from pipeline.train.checkpoint import State
from pipeline.train.distributed.group import Group


def weights(network: nn.Module, group: Group) -> State:
    """Weights on the CPU; to be called by all processes of a group, empty but on the first."""
    if group.size == 1:
        return {name: value.detach().cpu() for name, value in network.state_dict().items()}
    from torch.distributed.checkpoint import state_dict as checkpoint

    full: Any = checkpoint.get_model_state_dict(network, options=_full())
    return dict(full)


def load_weights(network: nn.Module, state: State, group: Group) -> None:
    """Load weights that the first process has; to be called by all."""
    if group.size == 1:
        network.load_state_dict(state)
        return
    from torch.distributed.checkpoint import state_dict as checkpoint

    checkpoint.set_model_state_dict(network, dict(state), options=_broadcast())


def moments(network: nn.Module, optimiser: Optimizer, group: Group) -> State:
    """The optimiser's state as `WEIGHT:NAME`, like `weights`; it must have taken a step."""
    if group.size == 1:
        return {
            f"{name}:{field}": value.detach().cpu()
            for name, weight in network.named_parameters()
            for field, value in optimiser.state[weight].items()
        }
    from torch.distributed.checkpoint import state_dict as checkpoint

    full: Any = checkpoint.get_optimizer_state_dict(network, optimiser, options=_full())
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
    if group.size == 1:
        for name, parameter in network.named_parameters():
            copies = {k: v.to(parameter.device, copy=True) for k, v in by_weight[name].items()}
            optimiser.state[parameter] = copies
        return
    from torch.distributed.checkpoint import state_dict as checkpoint

    initial: Any = checkpoint.get_optimizer_state_dict(network, optimiser, options=_full())
    full = {**initial, "state": by_weight} if state else {}
    checkpoint.set_optimizer_state_dict(network, optimiser, full, options=_broadcast())


def _full() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True)


def _broadcast() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
