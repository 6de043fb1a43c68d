"""Conformance of a state model's network; see `pipeline.state_models.StateNetwork`."""

import pytest
import torch
from torch import Tensor

from pipeline.params import Params, Variant
from pipeline.state_models import (
    STATE_MODELS,
    Memory,
    StateModelModule,
    StateNetwork,
    StateSize,
    shares,
)
from pipeline.testing.member import MemberTests

Member = Variant[StateModelModule, Params]
SIZE = StateSize(state_dim=5, action_dim=2, contact_dim=3, termination_dim=1)
BATCH, LATER = 4, 3


class StateModelTests(MemberTests):
    """The promises of a StateNetwork."""

    family = STATE_MODELS

    @pytest.fixture
    def network(self, member: Member) -> StateNetwork:
        """The network, for states of 5 numbers and actions of 2."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return member.module.build(member.options, SIZE).eval().requires_grad_(False)

    @pytest.fixture
    def rows(self, network: StateNetwork) -> tuple[Tensor, Tensor]:
        """States and actions of four histories and three rows after them."""
        generator = torch.Generator().manual_seed(0)
        shape = (BATCH, network.history + LATER)
        return tuple(  # type: ignore[return-value]
            torch.randn((*shape, width), generator=generator) for width in (5, 2)
        )

    def test_every_head_predicts_a_row(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor]
    ) -> None:
        prediction, _ = network(*rows, None)
        shapes = [
            list(value.shape)
            for value in (
                prediction.mean, prediction.log_std, prediction.contacts, prediction.termination
            )
        ]  # fmt: skip
        assert shapes == [[network.heads, BATCH, width] for width in (5, 5, 3, 1)]

    def test_memory_stands_for_the_rows_before(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor]
    ) -> None:
        states, actions = rows
        whole, _ = network(states, actions, None)
        first = network.history
        part, memory = network(states[:, :first], actions[:, :first], None)
        for row in range(first, first + LATER):
            part, memory = network(states[:, row, None], actions[:, row, None], memory)
        torch.testing.assert_close(part.mean, whole.mean, atol=1e-5, rtol=1e-5)

    def test_histories_do_not_mix(self, network: StateNetwork, rows: tuple[Tensor, Tensor]) -> None:
        together, _ = network(*rows, None)
        alone, _ = network(*(row[2:3] for row in rows), None)
        torch.testing.assert_close(alone.mean[:, 0], together.mean[:, 2], atol=1e-5, rtol=1e-5)

    def test_a_memory_can_be_replaced_row_by_row(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor]
    ) -> None:
        states, actions = rows
        first = network.history
        _, memory = network(states[:, :first], actions[:, :first], None)
        swapped = memory.replaced(torch.tensor([0, 1]), network(
            states[2:, :first], actions[2:, :first], None)[1])  # fmt: skip
        later = (states[2:, first:], actions[2:, first:])
        again, _ = network(*(torch.cat([row, row]) for row in later), swapped)
        torch.testing.assert_close(again.mean[:, :2], again.mean[:, 2:], atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("by_head", [True, False])
    def test_environments_are_simulated_as_predicted(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor], by_head: bool
    ) -> None:
        states, actions = (row.repeat(7, 1, 1)[:-1] for row in rows)
        start = network.history - 1
        memory = network.remember(states[:, :start], actions[:, :start])
        count = len(states)
        sizes = torch.tensor([part.stop - part.start for part in shares(count, network.heads)])
        heads = torch.arange(network.heads).repeat_interleave(sizes)
        for row in range(start, start + LATER):
            now = states[:, row], actions[:, row]
            again = Memory(memory.state.clone(), memory.auxiliary.clone())
            done = network.simulate(*now, memory, by_head, disagree=True)
            other = network.simulate(*now, again, by_head, disagree=False)
            known = (fed[:, : row + 1] for fed in (states, actions))
            whole, _ = network(*known, None)
            expected = whole.of_heads(heads) if by_head else whole.averaged()
            for name in ("state", "contacts", "termination"):
                values = getattr(done.step, name)
                torch.testing.assert_close(values, getattr(expected, name), atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(values, getattr(other.step, name))
            torch.testing.assert_close(done.epistemic, whole.epistemic, atol=1e-5, rtol=1e-4)
            assert not other.epistemic.any()

    def test_heads_see_the_rows_of_their_own_group(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor]
    ) -> None:
        states, actions = (row[:, : network.history] for row in rows)
        prediction, _ = network(states, actions, None)
        states, actions = (row.repeat(network.heads, 1, 1) for row in (states, actions))
        mean, log_std, _ = network.next_states(states, actions, None)
        contacts, termination = network.auxiliaries(states, actions)
        torch.testing.assert_close(mean, prediction.mean, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(log_std, prediction.log_std, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(contacts[:, :, 0], prediction.contacts, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            termination[:, :, 0], prediction.termination, atol=1e-5, rtol=1e-5
        )

    def test_log_stds_lie_between_their_bounds(
        self, network: StateNetwork, rows: tuple[Tensor, Tensor]
    ) -> None:
        prediction, _ = network(*(100 * row for row in rows), None)
        low, high = network.log_std_bounds()
        # Each bound is soft: where they are near, the other's slope shows.
        assert (prediction.log_std >= low[:, None] - 1e-4).all()
        assert (prediction.log_std <= high[:, None] + 0.7).all()
