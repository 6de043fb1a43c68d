"""The state model on gated recurrent units: predictions, rollouts, losses and gradients."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.state_models import Prediction, StateNetwork, StateSize, gru
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare
from pipeline.train import StateOptions
from pipeline.train.state.forecast import Forecast, Truth

TOLERANCE = 1e-7
"""Of float64 arrays from float64 weights, which are stored as float32."""
BOUND_WEIGHT = 0.01
LOSS = StateOptions(
    forecast=4,
    feedback="sample",
    decay=1,
    likelihood="squared_error",
    beta=0,
    bound_weight=BOUND_WEIGHT,
    termination_share=0.0,
    bootstrap=False,
)
GRADIENTS = {
    "grad_state_base_weight_ih_l0": "state_base.memory.rnn.weight_ih_l0",
    "grad_auxiliary_base_weight_hh_l1": "auxiliary_base.memory.rnn.weight_hh_l1",
    "grad_head0_mean0": "state_heads.0.state_mean_layers.0.weight",
}


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`forward_*`, `byhead_*`, `rollout_*`, `losses_per_head` and `grad_*`.

    The losses of heads whose memory runs on from that of the head before, another array of the
    file, are known as a defect of the reference, and compared with nothing.
    """
    arrays.inputs("losses_upstream_memory_carried_over")
    ours = outputs(network(arrays, folder), arrays)
    for name in arrays:
        if name in ours:
            yield compare(name, ours[name], arrays(name), TOLERANCE)


def network(arrays: Arrays, folder: Folder) -> StateNetwork:
    """The network of rwm_weights.safetensors in float64: GRU 2 x 32, heads of width 24."""
    size = StateSize(state_dim=45, action_dim=12, contact_dim=8, termination_dim=1)
    heads, history = int(arrays("ensemble")), int(arrays("history"))
    options = gru.Options(heads=heads, head_width=24, history=history, width=32, layers=2)
    model = gru.build(options, size)
    model.load_state_dict(folder.weights("rwm_weights"))
    return model.double()


def truth(arrays: Arrays) -> Truth:
    """The windows, aligned as here.

    Row t of the reference has the action that led into state t; here it has the one that is chosen
    at state t, which is that of the reference's next row.
    """
    action = arrays("action")
    chosen = torch.cat([action[:, 1:], torch.zeros_like(action[:, :1])], 1)
    return Truth(arrays("state"), chosen, arrays("contact"), arrays("termination"))


def outputs(model: StateNetwork, arrays: Arrays) -> dict[str, Tensor]:
    """What the network computes, by the name of the array."""
    windows, forecast = truth(arrays), int(arrays("forecast"))
    with torch.no_grad():
        start = model.history
        prediction, _ = model(windows.states[:, :start], windows.actions[:, :start], None)
        ours = _named("forward", prediction, None)
        ours |= _named("byhead", prediction, arrays("model_ids"))
        ours |= _rollout(model, windows, forecast)
    rows = torch.arange(len(windows.states)).expand(model.heads, -1)
    noise = torch.zeros_like(windows.states[:, :forecast])
    losses = Forecast(model, LOSS)(windows, rows, noise)
    (losses.mean(0) @ losses.new_tensor([1, BOUND_WEIGHT, 1, 1])).backward()
    weights = dict(model.named_parameters())
    gradients = {name: weights[key].grad for name, key in GRADIENTS.items()}
    return {
        **ours,
        "losses_per_head": losses.detach(),
        **{name: value for name, value in gradients.items() if value is not None},
    }


def _named(kind: str, prediction: Prediction, heads: Tensor | None) -> dict[str, Tensor]:
    step = prediction.averaged() if heads is None else prediction.of_heads(heads)
    return {
        f"{kind}_mean": step.state,
        f"{kind}_aleatoric": prediction.aleatoric,
        f"{kind}_epistemic": prediction.epistemic,
        f"{kind}_contact_logits": step.contacts,
        f"{kind}_termination_logits": step.termination,
    }


def _rollout(model: StateNetwork, windows: Truth, forecast: int) -> dict[str, Tensor]:
    """The ensemble's mean, fed back."""
    start = model.history
    states, actions, memory = windows.states[:, :start], windows.actions[:, :start], None
    steps, epistemic = [], []
    for number in range(forecast):
        prediction, memory = model(states, actions, memory)
        steps.append(prediction.averaged())
        epistemic.append(prediction.epistemic)
        states = steps[-1].state[:, None]
        actions = windows.actions[:, start + number, None]
    return {
        "rollout_states": torch.stack([step.state for step in steps], 1),
        "rollout_epistemic": torch.stack(epistemic, 1),
        "rollout_contact": torch.stack([step.contacts for step in steps], 1),
        "rollout_termination": torch.stack([step.termination for step in steps], 1),
    }
