"""What state models are measured by, on a linear system whose answers are known."""

import math

import pytest
import torch
from state_helpers import CONTACTS, linear_cache, state_model
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.evaluate.detection import detection, rank_correlation, ratio, spearman
from pipeline.evaluate.forecast import measure
from pipeline.state_models import Memory, Prediction, StateNetwork


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return linear_cache(tmp_path_factory.mktemp("states") / "latents.zarr", length=50)


class Oracle(StateNetwork):
    """Knows the system; its two heads differ by `spread`, and say that they are off by `std`."""

    heads, history = 2, 3

    def __init__(self, spec, spread=0.0, std=0.01):
        super().__init__()
        self.mean, self.std = torch.tensor(spec.mean), torch.tensor(spec.std)
        self.spread, self.log_std = spread, math.log(std)

    def forward(self, states, actions, memory):
        raw = states[:, -1] * self.std + self.mean
        turn = torch.kron(torch.eye(2), torch.tensor([[0.8, -0.4], [0.4, 0.8]]))
        push = torch.tensor([[1, 0], [0, 0.5], [0, 1], [0.5, 0]])
        after = raw @ turn.T + self.raw_actions(actions[:, -1]) @ push.T
        mean = (after - self.mean) / self.std
        heads = torch.stack([mean - self.spread, mean + self.spread])
        contacts = 10 * after[:, :CONTACTS].expand(2, -1, -1)
        ended = torch.full((2, len(mean), 1), -1.0)
        return (
            Prediction(heads, torch.full_like(heads, self.log_std), contacts, ended),
            Memory(mean[None], mean[None]),
        )

    def raw_actions(self, actions: Tensor) -> Tensor:
        return actions * self.action_std + self.action_mean

    next_states = auxiliaries = log_std_bounds = remember = None


def measured(cache, **changes):
    model = state_model(cache.spec)
    model.network = Oracle(cache.spec, **changes)
    model.network.action_mean = cache.spec.action("mean", torch.zeros(1))
    model.network.action_std = cache.spec.action("std", torch.zeros(1))
    return measure(model, cache, clips=40, batch=16, seed=0)


def test_who_knows_the_system_makes_no_error_and_others_do(states):
    found = measured(states)
    assert [one.rows for one in found.forecasts] == [1, 8, 32]
    for one in found.forecasts:
        assert one.model.value < 2e-3  # float16 states
        assert one.persistence.value > 0.5
        assert one.shuffled.value > 0.3
        assert one.gain.value > 100
        for each in (one.model, one.persistence, one.shuffled):
            assert each.interval[0] < each.value < each.interval[1]
    assert found.contacts.f1.value > 0.99
    assert found.contacts.n == 40 * 32 * CONTACTS


def test_every_row_of_validation_is_predicted_and_every_fall_counted(states):
    found = measured(states)
    lengths = [entry.length for entry in states.seal.episodes if entry.split == "val"]
    assert found.next_rows == sum(length - 3 for length in lengths)
    assert (found.episodes, found.termination.events) == (4, 2)
    assert (found.termination.alarms, found.termination.precision) == (0, None)
    assert found.termination.recall.value == 0


def test_a_likelihood_is_best_where_the_std_is_right(states):
    sure, right, vague = (measured(states, std=std).calibration for std in (1e-5, 1e-3, 1.0))
    assert right.nll.value < min(sure.nll.value, vague.nll.value)
    assert vague.nll.value == pytest.approx(math.log(2 * math.pi) / 2, abs=1e-3)
    assert (sure.coverage, vague.coverage) == (pytest.approx(0.1, abs=0.1), 1.0)


def test_what_disagreement_adds_is_part_of_the_likelihood(states):
    found = measured(states, spread=1.0, std=1e-3).calibration
    assert found.nll.value == pytest.approx(math.log(2 * math.pi) / 2, abs=1e-3)


def test_the_means_are_numbers_that_dvc_compares(states):
    found = measured(states)
    means = found.means()
    assert means["error_8"] == found.forecasts[1].model.value
    assert means["contact_f1"] == found.contacts.f1.value
    assert "termination_precision" not in means


def test_episodes_that_are_too_short_are_named(tmp_path):
    cache = linear_cache(tmp_path / "short.zarr", length=3)
    cache.seal.episodes[:] = [
        entry.model_copy(update={"length": 3}) for entry in cache.seal.episodes
    ]
    with pytest.raises(ParamsError, match="3 frames"):
        measure(state_model(cache.spec), cache, 4, 4, 0)


def test_events_are_counted():
    logits = torch.tensor([[1.0], [1], [1], [-1], [-1]])
    labels = torch.tensor([[1.0], [1], [0], [1], [0]])
    found = detection(logits, labels, torch.arange(5))
    assert (found.n, found.events, found.alarms) == (5, 3, 3)
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.f1.value == pytest.approx(2 / 3)
    none = detection(-logits.abs(), torch.zeros_like(labels), torch.arange(5))
    assert (none.precision, none.recall, none.f1) == (None, None, None)
    assert detection(logits[:, :0], labels[:, :0], torch.arange(5)) is None


def test_groups_are_drawn_whole():
    """Ten equal rows of one episode say no more than one."""
    share = torch.tensor([1.0, 0.0, 1.0]).repeat_interleave(100)
    apart = ratio(share, torch.ones(300))
    groups = torch.arange(3).repeat_interleave(100)
    together = detection(share[:, None] - 0.5, torch.ones(300, 1), groups)
    assert together.recall.value == pytest.approx(2 / 3)
    assert apart.value == pytest.approx(2 / 3)
    assert together.recall.interval == (0.0, 1.0)
    assert apart.interval[0] > 0.5


def test_ranks_agree_or_do_not(generator):
    a = torch.randn(400, generator=generator)
    groups = torch.arange(40).repeat_interleave(10)
    assert spearman(a, a.exp()) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
    apart = rank_correlation(a, torch.randn(400, generator=generator), groups)
    assert apart.interval[0] < 0 < apart.interval[1]
    alike = rank_correlation(a, a + torch.randn(400, generator=generator), groups)
    assert 0.5 < alike.interval[0] < alike.value < alike.interval[1] < 0.9
