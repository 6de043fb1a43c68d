"""Checkpoints of the robotic world model, read and written under the reference's keys."""

import pytest
import torch
from helpers import default

from pipeline.errors import DataError
from pipeline.state_models import STATE_MODELS, StateSize
from pipeline.tools.reference import state_checkpoint

SIZE = StateSize(state_dim=5, action_dim=2, contact_dim=3, termination_dim=1)


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_network_is_what_was_written(name, tmp_path):
    module, options = default(STATE_MODELS, name)
    network = module.build(options, SIZE)
    state_checkpoint.write(network, tmp_path / "model_0.pt")
    found, read_options, read = state_checkpoint.read(tmp_path / "model_0.pt", options.history)
    assert (found, read_options) == (name, options)
    for key, value in network.state_dict().items():
        assert torch.equal(read.state_dict()[key], value)


def test_what_is_no_such_checkpoint_is_named(tmp_path):
    path = tmp_path / "model_0.pt"
    with pytest.raises(DataError, match="no such file"):
        state_checkpoint.read(path, 8)
    torch.save({"model_state_dict": {}}, path)
    with pytest.raises(DataError, match="holds no system_dynamics_state_dict"):
        state_checkpoint.read(path, 8)
    torch.save({state_checkpoint.KEY: {"weight": torch.zeros(1)}}, path)
    with pytest.raises(DataError, match=r"lacks 'state_heads\.0"):
        state_checkpoint.read(path, 8)
    torch.save({state_checkpoint.KEY: torch.nn.Linear(1, 1)}, path)
    with pytest.raises(DataError, match="execute code"):
        state_checkpoint.read(path, 8)
