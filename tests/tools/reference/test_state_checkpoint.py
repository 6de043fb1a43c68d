"""Checkpoints of the robotic world model, read and written under the reference's keys."""

import pytest
import torch
from helpers import ROOT, default
from policy_helpers import toy_cache
from safetensors.torch import load_file
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import DataError, ParamsError
from pipeline.state_models import STATE_MODELS, StateSize
from pipeline.tools.reference import state_checkpoint, state_convert

SIZE = StateSize(state_dim=5, action_dim=2, contact_dim=3, termination_dim=1)


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_network_is_what_was_written(name, tmp_path):
    module, options = default(STATE_MODELS, name)
    network = module.build(options, SIZE)
    state_checkpoint.write(network, tmp_path / "model_0.pt")
    read = state_checkpoint.read(tmp_path / "model_0.pt", options.history)
    assert (read.name, read.options, read.size) == (name, options, SIZE)
    for key, value in network.state_dict().items():
        assert torch.equal(read.network.state_dict()[key], value)


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


def wm(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_reference_s_own_weights_are_imported_exported_and_imported_again(tmp_path):
    weights = load_file(ROOT / "tests/golden/rwm/rwm_weights.safetensors")
    theirs, cache = tmp_path / "model_7.pt", tmp_path / "latents.zarr"
    torch.save({state_checkpoint.KEY: weights, "iter": 7, "infos": None}, theirs)
    spec = toy_cache(cache).spec
    assert "parameters of gru" in wm("import", theirs, tmp_path / "a", "--latents", cache)
    first = StateModel.from_pretrained(tmp_path / "a")
    assert (first.context, first.config.frames, first.config.contacts) == (32, 40, 8)
    assert first.spec.std == state_convert.STD
    assert not first.spec.normalise_actions
    assert first.spec.differs(spec) is None
    assert str(tmp_path / "b/model_0.pt") in wm("export", tmp_path / "a", tmp_path / "b")
    written = torch.load(tmp_path / "b/model_0.pt", weights_only=True)[state_checkpoint.KEY]
    assert written.keys() == weights.keys()
    assert all(torch.equal(written[name], weights[name].float()) for name in weights)
    wm("import", tmp_path / "b/model_0.pt", tmp_path / "c", "--latents", cache, "--history", 5)
    assert StateModel.from_pretrained(tmp_path / "c").config == first.config
    assert load_file(tmp_path / "c/model.safetensors").keys() == weights.keys()


def test_a_checkpoint_needs_the_states_that_it_predicts(tmp_path):
    module, options = default(STATE_MODELS, "gru")
    path, cache = tmp_path / "model_0.pt", tmp_path / "latents.zarr"
    state_checkpoint.write(module.build(options, SIZE), path)
    with pytest.raises(ParamsError, match="give --latents"):
        wm("import", path, tmp_path / "out")
    toy_cache(cache)
    with pytest.raises(DataError, match=r"predicts 5 numbers .* has 45 and 12; give a cache"):
        wm("import", path, tmp_path / "out", "--latents", cache)
