"""Networks of state models, alike and one by one."""

import pytest
import torch
from helpers import default, every, member_of

from pipeline.state_models import STATE_MODELS, Prediction, StateSize
from pipeline.testing.state_models import StateModelTests


class TestEveryStateModel(StateModelTests):
    @pytest.fixture(scope="class", params=every(STATE_MODELS))
    @classmethod
    def member(cls, request):
        return member_of(STATE_MODELS, request.param)


def test_an_untrained_network_predicts_almost_no_change():
    module, options = default(STATE_MODELS, "gru")
    network = module.build(options, StateSize(state_dim=4, action_dim=2))
    for head in network.state_heads:
        for weight in head.state_mean_layers.parameters():
            torch.nn.init.zeros_(weight)
    states = torch.randn(3, options.history, 4)
    prediction, _ = network(states, torch.randn(3, options.history, 2), None)
    assert torch.equal(prediction.mean, states[:, -1].expand(options.heads, -1, -1))


def test_without_contacts_and_terminations_there_are_no_logits():
    module, options = default(STATE_MODELS, "gru")
    network = module.build(options, StateSize(state_dim=4, action_dim=2))
    rows = torch.randn(3, options.history, 4), torch.randn(3, options.history, 2)
    prediction, _ = network(*rows, None)
    assert prediction.contacts.shape == prediction.termination.shape == (options.heads, 3, 0)


def test_an_mlp_names_the_rows_that_it_misses():
    module, options = default(STATE_MODELS, "mlp")
    network = module.build(options, StateSize(state_dim=4, action_dim=2))
    with pytest.raises(ValueError, match="2 rows, but the network sees 8"):
        network(torch.randn(3, 2, 4), torch.randn(3, 2, 2), None)


def test_spread_of_two_heads_is_epistemic_and_their_stds_are_aleatoric():
    mean = torch.tensor([[[0.0, 1.0]], [[2.0, 1.0]]])
    log_std = torch.tensor([[[0.0, 0.0]], [[0.0, 1.0]]])
    none = torch.zeros(2, 1, 0)
    prediction = Prediction(mean, log_std, none, none)
    assert prediction.epistemic.tolist() == pytest.approx([2**0.5])
    assert prediction.aleatoric.tolist() == pytest.approx([(2 + 1 + torch.e) / 2])
    assert prediction.averaged().state.tolist() == [[1.0, 1.0]]
    assert prediction.of_heads(torch.tensor([1])).state.tolist() == [[2.0, 1.0]]
    alone = Prediction(mean[:1], log_std[:1], none[:1], none[:1])
    assert alone.epistemic.tolist() == [0.0]
