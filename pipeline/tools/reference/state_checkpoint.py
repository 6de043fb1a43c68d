"""Checkpoints of the robotic world model (rsl_rl_rwm): read safely, and written under its keys."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import DataError
from pipeline.params import Params
from pipeline.state_models import STATE_MODELS, StateNetwork, StateSize
from pipeline.weights import torch_load
from pipeline.weights.load import load_weights

KEY = "system_dynamics_state_dict"
"""Of the network's weights; a checkpoint has those of the policy and of optimisers beside it."""
GRU, LAYER, HEAD = "state_base.memory.rnn.", "state_base.layers.", "state_heads.0."
ANOTHER = "name a checkpoint of rsl_rl_rwm (model_*.pt)"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The network of a checkpoint on the CPU: member of `state_models`, its options and sizes."""

    name: str
    options: Params
    size: StateSize
    network: StateNetwork


def contents(path: Path) -> dict[str, Any]:
    """What a .pt file holds, `KEY` among it; nothing in it is executed.

    Raises:
        DataError: it is damaged, would execute code, or holds no network.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; {ANOTHER}")
    found = torch_load.load(path, if_damaged=ANOTHER, if_unsafe="save its weights alone")
    if not isinstance(found, dict) or not isinstance(found.get(KEY), dict):
        raise DataError(f"{path}: holds no {KEY}; {ANOTHER}")
    return found


def read(path: Path, history: int) -> Checkpoint:
    """Read the network of a checkpoint.

    Args:
        path: a .pt file.
        history: rows that a recurrent network is fed at first, which its weights do not tell; of
            an MLP they must agree.

    Raises:
        DataError: it is damaged, would execute code, or holds no such network.
    """
    state = contents(path)[KEY]
    try:
        name, values, size = described(state, history)
    except (KeyError, IndexError) as error:
        raise DataError(f"{path}: {KEY} lacks {error}; {ANOTHER}") from None
    module = STATE_MODELS.load(name, "state_model")
    options = module.Options.model_validate(values)
    network = module.build(options, size)
    load_weights(network, {key: value.float() for key, value in state.items()}, path)
    return Checkpoint(name, options, size, network)


def write(network: StateNetwork, path: Path, infos: dict[str, Any] | None = None) -> None:
    """Write a file that rsl_rl_rwm loads the network from; `infos` is handed on to its callers."""
    weights = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    torch.save({KEY: weights, "iter": 0, "infos": infos}, path)


def described(
    state: dict[str, Tensor], history: int
) -> tuple[str, dict[str, int | list[int]], StateSize]:
    """Name, options and sizes of the network that weights are of, by their shapes.

    Raises:
        KeyError: a weight is missing.
    """
    heads = len({key.split(".")[1] for key in state if key.startswith("state_heads.")})
    hidden = state[f"{HEAD}state_mean_layers.0.weight"].shape[0]
    states = state[f"{HEAD}state_min_logstd"].shape[1]
    values: dict[str, int | list[int]] = {"heads": heads, "head_width": hidden, "history": history}
    if f"{GRU}weight_ih_l0" in state:
        name, inner = "gru", state[f"{GRU}weight_ih_l0"]
        layers = sum(key.startswith(f"{GRU}weight_ih_l") for key in state)
        values |= {"width": inner.shape[0] // 3, "layers": layers}
        rows = inner.shape[1]
    else:
        name = "mlp"
        numbers = sorted(
            int(key.removeprefix(LAYER).split(".")[0])
            for key in state
            if key.startswith(LAYER) and key.endswith("weight")
        )
        values["widths"] = [state[f"{LAYER}{number}.weight"].shape[0] for number in numbers]
        rows = state[f"{LAYER}0.weight"].shape[1] // history
    size = StateSize(
        state_dim=states,
        action_dim=rows - states,
        contact_dim=_outputs(state, "contact_layers"),
        termination_dim=_outputs(state, "termination_layers"),
    )
    return name, values, size


def _outputs(state: dict[str, Tensor], layers: str) -> int:
    """Outputs of a part of an auxiliary head; 0 if there is none."""
    bias = state.get(f"auxiliary_heads.0.{layers}.2.bias")
    return 0 if bias is None else len(bias)
