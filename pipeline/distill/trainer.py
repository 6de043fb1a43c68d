"""The trainer of distribution matching: a critic at every step, the student at some of them."""

from functools import partial

from pipeline.distill.dmd import CriticLoss, Matching, MatchingLoss
from pipeline.train import TrainerOptions
from pipeline.train.checkpoint import Checkpoint, State, add_prefix, with_prefix
from pipeline.train.data.batches import Batch, Batches
from pipeline.train.distributed.group import Group
from pipeline.train.monitoring.curve import SCALARS
from pipeline.train.trainer import Trainer

CRITIC = "critic."
"""Prefix of the critic's part of a state."""


class MatchingTrainer(Trainer):
    """Trains a student and its critic, each with an optimiser of its own; resumed exactly.

    A step is a pure function of both networks' weights, the seed and its number. Its scalars in the
    curve are the student's latest: 0 before its first step.

    Attributes:
        critic: the critic's trainer.
    """

    def __init__(
        self,
        matching: Matching,
        batches: Batches,
        options: TrainerOptions,
        critic: TrainerOptions,
        schedule: tuple[int, int],
        group: Group,
    ) -> None:
        """Start before the first step.

        Args:
            matching: the models.
            batches: clips, of which the first frames and the actions count.
            options: of the student's optimiser.
            critic: of the critic's.
            schedule: steps before the student's first, and from one of its steps to the next.
            group: of this process alone.
        """
        student, fake = matching.student.denoiser, matching.fake.denoiser
        super().__init__(student, MatchingLoss(matching), batches, options, group, stage="distill")
        self.critic = Trainer(fake, CriticLoss(matching), batches, critic, group, stage="distill")
        self.matching, self.schedule = matching, schedule
        matching.network = partial(self._forward, self._compiled)
        matching.precision = self.precision

    @property
    def updates(self) -> int:
        """Steps that the student has taken."""
        return self._due_until(self.step)

    def train_step(self, batch: Batch) -> None:
        """One step of the critic, and of the student if it is due.

        Raises:
            RunError: a loss or a gradient is not finite.
        """
        number = self.matching.step = self.step
        self.critic.train_step(batch)
        if self._due_until(number + 1) > self._due_until(number):
            super().train_step(batch)
        else:
            self.curve[number, : len(SCALARS)] = self.curve[max(number - 1, 0), : len(SCALARS)]
            self.step += 1
        self.curve[number, -1] = self.critic.curve[number, 0]

    def state_dict(self) -> State:
        """See `Trainer`; the critic's state is part of it."""
        return super().state_dict() | add_prefix(CRITIC, self.critic.state_dict())

    def load_state_dict(self, state: State | None) -> None:
        """See `Trainer`."""
        super().load_state_dict(state)
        inner = with_prefix(CRITIC, state or {})
        self.critic.load_state_dict(inner or None)

    def _save(self, checkpoint: Checkpoint) -> None:
        # Where the student's step failed after the critic's, no run could go on as from the start.
        if self.critic.step == self.step:
            super()._save(checkpoint)

    def _due_until(self, step: int) -> int:
        warm_up, ratio = self.schedule
        return max(0, step - warm_up) // ratio
