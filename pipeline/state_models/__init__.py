"""State models: networks that predict the next state vector from the states and actions so far.

The robotic world model (RWM; Li, Krause & Hutter 2025, arXiv 2501.10100) and its ensemble (RWM-U).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from pipeline.families import Family, family
from pipeline.params import Params


class StateSize(BaseModel):
    """Shapes that the data impose on a network."""

    model_config = ConfigDict(frozen=True)

    state_dim: int
    action_dim: int
    contact_dim: int = 0
    """Number of contacts; 0 for none."""
    termination_dim: int = 0
    """1 where terminations are known, else 0."""

    @property
    def labels(self) -> int:
        """Numbers beside a state: contacts and termination."""
        return self.contact_dim + self.termination_dim


@dataclass(frozen=True, slots=True)
class Step:
    """One predicted row.

    Attributes:
        state: whitened [B, S].
        contacts: logits [B, C].
        termination: logit [B, 1], or [B, 0] where terminations are not known.
    """

    state: Tensor
    contacts: Tensor
    termination: Tensor


@dataclass(frozen=True, slots=True)
class Prediction:
    """The row after the last one that a network was fed, by each of its E heads.

    Attributes:
        mean: of the whitened state, [E, B, S].
        log_std: of the whitened state, [E, B, S].
        contacts: logits [E, B, C].
        termination: logits [E, B, 1], or [E, B, 0] where terminations are not known.
    """

    mean: Tensor
    log_std: Tensor
    contacts: Tensor
    termination: Tensor

    def averaged(self) -> Step:
        """The mean over the heads, of the logits too."""
        return Step(self.mean.mean(0), self.contacts.mean(0), self.termination.mean(0))

    def of_heads(self, heads: Tensor) -> Step:
        """Each row by a head of its own: `heads` is int64 [B]."""
        rows = torch.arange(len(heads), device=heads.device)
        return Step(*(v[heads, rows] for v in (self.mean, self.contacts, self.termination)))

    @property
    def aleatoric(self) -> Tensor:
        """Uncertainty that the heads predict, [B]: the mean over heads of the sum of stds."""
        return self.log_std.exp().mean(0).sum(-1)

    @property
    def epistemic(self) -> Tensor:
        """Disagreement of the heads, [B]: the sum of the std over heads; 0 for one head."""
        return disagreement(self.mean)


def disagreement(means: Tensor) -> Tensor:
    """The sum over numbers [...] of the std over heads of means [E, ..., S]; 0 for one head."""
    if len(means) == 1:
        return torch.zeros_like(means[0, ..., 0])
    away = (means - means.mean(0)).square_()
    return (away.sum(0) / (len(means) - 1)).sqrt_().sum(-1)


def shares(count: int, heads: int) -> list[slice]:
    """Which of `count` environments each head simulates: as many each, to one, in their order."""
    ends = [count * head // heads for head in range(heads + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a network knows of the rows that it was fed: one tensor [N, B, width] of each trunk."""

    state: Tensor
    auxiliary: Tensor

    def put_(self, rows: Tensor, other: "Memory") -> None:
        """Make the memory of `rows`, int64 [R], that of another R histories, in place."""
        self.state[:, rows], self.auxiliary[:, rows] = other.state, other.auxiliary

    def replaced(self, rows: Tensor, other: "Memory") -> "Memory":
        """A copy in which the memory of `rows`, int64 [R], is that of another R histories."""
        pairs = ((self.state, other.state), (self.auxiliary, other.auxiliary))
        return Memory(*(old.index_copy(1, rows, new) for old, new in pairs))


@dataclass(frozen=True, slots=True)
class Simulated:
    """What an action of each of N environments leads to.

    Attributes:
        step: the next row, as the environment's head has it, or the mean of the heads.
        epistemic: disagreement of the heads [N]; 0 where nobody asks for it.
    """

    step: Step
    epistemic: Tensor


class StateNetwork(nn.Module, ABC):
    """The network of a state model, built by a `StateModelModule`.

    Its heads share two trunks: one for states, one for contacts and terminations.
    """

    heads: int
    """Number E of heads."""
    history: int
    """Rows that it is fed at first."""

    @abstractmethod
    def forward(
        self, states: Tensor, actions: Tensor, memory: Memory | None
    ) -> tuple[Prediction, Memory]:
        """Predict the row after the last.

        Args:
            states: whitened [B, n, S]; n >= `history` without a memory.
            actions: scaled [B, n, A]; row t is chosen at state t and leads to state t + 1.
            memory: of the rows before; None: there were none.
        """

    @abstractmethod
    def remember(self, states: Tensor, actions: Tensor) -> Memory:
        """What it knows of rows [B, n, ...], n >= 1, which are all but the last of a history."""

    @torch.no_grad()
    def simulate(
        self, states: Tensor, actions: Tensor, memory: Memory, by_head: bool, disagree: bool
    ) -> Simulated:
        """Take N environments one row further, without gradients.

        Args:
            states: whitened [N, S].
            actions: scaled [N, A].
            memory: of the rows before; this one is added to it in place.
            by_head: environments are simulated by the head that `shares` gives them; otherwise all
                by the mean of the heads, of the logits too.
            disagree: whether the heads' disagreement is wanted.
        """
        prediction, after = self(states[:, None], actions[:, None], memory)
        memory.put_(torch.arange(len(states), device=states.device), after)
        epistemic = prediction.epistemic if disagree else torch.zeros_like(states[:, 0])
        if not by_head:
            return Simulated(prediction.averaged(), epistemic)
        heads = torch.empty(len(states), dtype=torch.int64, device=states.device)
        for head, rows in enumerate(shares(len(states), self.heads)):
            heads[rows] = head
        return Simulated(prediction.of_heads(heads), epistemic)

    @abstractmethod
    def next_states(
        self, states: Tensor, actions: Tensor, memory: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Means and log-stds [E, B / E, S], and the memory of the trunk for states.

        The rows are E groups of equal size, one after the other: each head sees its own.
        """

    @abstractmethod
    def auxiliaries(self, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of contacts and termination [E, B / E, n - history + 1, ...], groups as above.

        They are of the row after each of states [B, n, S] from the `history`-th on, and each head
        begins with an empty memory.
        """

    @abstractmethod
    def log_std_bounds(self) -> tuple[Tensor, Tensor]:
        """Learned lower and upper bounds of the log-std, each [E, S]."""


class StateModelModule(Protocol):
    """What `state_models/NAME/__init__.py` offers."""

    Options: type[Params]

    def build(self, options: Params, size: StateSize) -> StateNetwork:
        """An untrained network, initialised from torch's global generator."""


STATE_MODELS: Family[StateModelModule, Params] = family("state_models")
