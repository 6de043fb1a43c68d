"""The loss of state models: aligned rows, heads that know nothing of each other, exact terms."""

import pytest
import torch
from helpers import GOLDEN, default
from torch.nn import functional

from pipeline.state_models import STATE_MODELS, StateSize
from pipeline.tools.parity.checks import rwm
from pipeline.tools.parity.golden import Folder
from pipeline.train.state.forecast import Forecast, Truth

HISTORY, FORECAST, BATCH = 3, 4, 5
SIZE = StateSize(state_dim=4, action_dim=2, contact_dim=3, termination_dim=1)


def make(name="gru", heads=2, size=SIZE, **changes):
    module, options = default(STATE_MODELS, name, heads=heads, history=HISTORY)
    network = module.build(options, size)
    return Forecast(network, rwm.LOSS.model_copy(update=changes))


@pytest.fixture
def truth(generator):
    def draw(width):
        return torch.randn((BATCH, HISTORY + FORECAST, width), generator=generator)

    return Truth(draw(4), draw(2), (draw(3) > 0).float(), (draw(1) > 1).float())


@pytest.fixture
def noise(generator):
    return torch.randn((BATCH, FORECAST, 4), generator=generator)


def all_rows(heads=2):
    return torch.arange(BATCH).expand(heads, -1)


class Linear(torch.nn.Module):
    """s' = s + a, known exactly, in place of a trunk and a head."""

    heads, history = 1, HISTORY

    def __init__(self):
        super().__init__()
        self.fed = []

    def next_states(self, states, actions, memory):
        self.fed.append(actions[:, -1])
        mean = (states[:, -1] + actions[:, -1])[None]
        return mean, torch.full_like(mean, -30.0), torch.zeros(1, len(states), 1)

    def auxiliaries(self, states, actions):
        changed = (states + actions)[:, HISTORY - 1 :]
        return changed[None, ..., :1] * 1e3, changed[None, ..., :0]

    def log_std_bounds(self):
        return torch.zeros(1, 4), torch.ones(1, 4)


@pytest.mark.parametrize("feedback", ["sample", "mean", "truth"])
def test_the_action_beside_a_state_is_the_one_that_leads_on(feedback, generator):
    """On s' = s + a nothing is left to explain; an action one row off is an error."""
    actions = torch.randn((BATCH, HISTORY + FORECAST, 4), generator=generator)
    states = torch.cumsum(actions, 1).roll(1, 1)
    states[:, 0] = 0
    contacts = (states[..., :1] > 0).float()
    loss = Forecast(Linear(), rwm.LOSS.model_copy(update={"feedback": feedback}))
    rows, noise = all_rows(1), torch.zeros(BATCH, FORECAST, 4)
    right = Truth(states, actions, contacts, contacts[..., :0])
    state, bound, contact, termination = loss(right, rows, noise)[0].tolist()
    assert state == pytest.approx(0, abs=1e-8)
    assert (bound, termination) == (1.0, 0.0)
    assert contact == pytest.approx(0, abs=1e-2)
    wrong = Truth(states, actions.roll(1, 1), contacts, contacts[..., :0])
    assert loss(wrong, rows, noise)[0, 0] > 1


def test_the_last_action_of_a_window_is_not_used(truth, noise):
    loss = make()
    actions = truth.actions.clone()
    actions[:, -1] += 100
    changed = Truth(truth.states, actions, truth.contacts, truth.termination)
    assert torch.equal(loss(changed, all_rows(), noise), loss(truth, all_rows(), noise))


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_head_knows_nothing_of_the_rows_of_another(name, truth, noise):
    """The reference's memory runs on from head to head (see `Forecast`)."""
    loss = make(name)
    other = torch.stack([torch.arange(BATCH), torch.tensor([3, 3, 0, 1, 1])])
    together, apart = loss(truth, all_rows(), noise), loss(truth, other, noise)
    assert torch.equal(together[0], apart[0])
    assert not torch.allclose(together[1], apart[1])


def test_the_losses_differ_from_those_of_a_memory_that_runs_on():
    folder = Folder(GOLDEN / "rwm")
    arrays = folder.arrays("rwm")
    ours = rwm.outputs(rwm.network(arrays, folder), arrays)["losses_per_head"].mean(0)
    leaking = arrays("losses_upstream_memory_carried_over")
    assert abs(float(ours[0] - leaking[0])) > 1


def test_teacher_forcing_is_one_step_at_a_time(truth, noise):
    """Each row of the forecast as if it were the only one, after all the rows before it."""
    loss = make(feedback="truth")
    network = loss.network
    errors = []
    for row in range(HISTORY, HISTORY + FORECAST):
        prediction, _ = network(truth.states[:, :row], truth.actions[:, :row], None)
        errors.append((prediction.mean - truth.states[:, row]).square().sum(-1).mean(1))
    found = loss(truth, all_rows(), torch.zeros_like(noise))[:, 0]
    torch.testing.assert_close(found, torch.stack(errors).mean(0), atol=1e-5, rtol=1e-5)


def test_a_sample_is_what_is_judged_and_fed_back(truth, noise):
    loss = make(feedback="sample")
    later = noise.clone()
    later[:, :-1] = 0
    sampled, last, without = (
        loss(truth, all_rows(), own)[:, 0] for own in (noise, later, torch.zeros_like(noise))
    )
    assert (sampled != last).all()
    assert (last != without).all()
    loss.options = loss.options.model_copy(update={"feedback": "mean"})
    assert torch.equal(loss(truth, all_rows(), torch.zeros_like(noise))[:, 0], without)
    loss.options = loss.options.model_copy(update={"likelihood": "beta_nll"})
    judged = loss(truth, all_rows(), noise), loss(truth, all_rows(), torch.zeros_like(noise))
    assert torch.equal(*judged)


def test_later_rows_count_less_with_a_decay(truth, noise):
    loss = make(feedback="truth")
    noise = torch.zeros_like(noise)
    even = loss(truth, all_rows(), noise)[:, 0] * FORECAST
    loss.options = loss.options.model_copy(update={"decay": 1e-9})
    first = loss(truth, all_rows(), noise)[:, 0] * FORECAST
    prediction, _ = loss.network(truth.states[:, :HISTORY], truth.actions[:, :HISTORY], None)
    error = (prediction.mean - truth.states[:, HISTORY]).square().sum(-1).mean(1)
    torch.testing.assert_close(first, error)
    assert (even > first).all()


def test_likelihood_is_that_of_a_gaussian(truth, noise):
    loss = make(feedback="truth", likelihood="beta_nll", beta=0.0)
    prediction, _ = loss.network(truth.states[:, :HISTORY], truth.actions[:, :HISTORY], None)
    target = truth.states[:, HISTORY].expand_as(prediction.mean)
    expected = functional.gaussian_nll_loss(
        prediction.mean, target, (2 * prediction.log_std).exp(), reduction="none"
    )
    short = Truth(*(part[:, : HISTORY + 1] for part in (
        truth.states, truth.actions, truth.contacts, truth.termination)))  # fmt: skip
    found = loss(short, all_rows(), noise)[:, 0]
    torch.testing.assert_close(found, expected.sum(-1).mean(1), atol=1e-5, rtol=1e-5)


def test_without_contacts_and_terminations_their_loss_is_nothing(truth, noise):
    loss = make(size=StateSize(state_dim=4, action_dim=2))
    none = truth.contacts[..., :0]
    terms = loss(Truth(truth.states, truth.actions, none, none), all_rows(), noise)
    assert terms[:, 2:].abs().max() == 0
    terms.mean().backward()
