"""Asymmetric distribution matching distillation with self-rollout (CausVid; Self Forcing).

The student's rollouts are noised, and two models estimate what they were: a frozen one that knows
the data, and a critic that keeps learning what the student generates. Where they differ, the
student is moved towards the data (Yin et al. 2024, eq. 7 and 8).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.compute import device
from pipeline.compute.precision import Precision
from pipeline.diffusion.loss import frame_errors
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill.self_rollout import Draws, self_rollout
from pipeline.noise.levels import CLEAN
from pipeline.train.data.batches import MicroBatch
from pipeline.train.data.shuffle import seeded_generator
from pipeline.train.losses import Network, run
from pipeline.trajectories.guided_steps import guided, told

CLAMP = (0.02, 0.98)
"""Share of the levels at which rollouts are compared: next to the ends there is nothing to see."""
LEAST = 1e-8
"""Of what the gradient is divided by."""


@dataclass
class Matching:
    """What critic and student share.

    Attributes:
        student: the model that generates.
        real: the frozen model that knows the data.
        fake: the critic.
        guidance: of the frozen model by actions; 1 for none.
        seed: of all noise.
        step: of training, which it is drawn for.
        network: runs the student in the precision of training; set once its trainer exists.
        precision: of training, in which the other models run too; set likewise.
    """

    student: WorldModel
    real: WorldModel
    fake: WorldModel
    guidance: float
    seed: int
    step: int = 0
    network: Network | None = None
    precision: Precision = "float32"

    def generated(self, batch: MicroBatch, purpose: str) -> Tensor:
        """Clips [P, T, C, h, w] of the student, after the first frames of a batch."""
        assert self.network is not None
        known = self.student.config.student
        assert known is not None
        generator = seeded_generator(self.seed, f"{purpose} rollout", self.step)
        draws = Draws.of(generator, len(known.levels), batch.clean)
        actions = self.student.model_actions(batch.actions)
        denoiser, objective = self.student.denoiser, self.student.objective
        return self_rollout(
            self.network, denoiser, objective, known.levels, batch.clean, actions, draws
        )

    def noised(self, clips: Tensor, purpose: str) -> tuple[Tensor, Tensor, Tensor]:
        """Clips noised at a level each, but for their first frame; the noise, and levels [P, T]."""
        objective = self.student.objective
        generator = seeded_generator(self.seed, f"{purpose} noise", self.step)
        low, high = (int(share * objective.levels) for share in CLAMP)
        drawn = torch.randint(low, high, (len(clips), 1), generator=generator)
        level = drawn.repeat(1, clips.shape[1]).to(clips.device)
        level[:, 0] = CLEAN
        noise = torch.randn(clips.shape, generator=generator).to(clips)
        return objective.noised(clips, noise, level), noise, level


class CriticLoss:
    """The critic's squared error on the student's rollouts; it has no logs."""

    num_logs = 0

    def __init__(self, matching: Matching) -> None:
        """Learn what `matching.student` generates."""
        self.matching = matching

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """The mean over generated frames."""
        with torch.no_grad():
            clips = self.matching.generated(batch, "critic")
        noisy, noise, level = self.matching.noised(clips, "critic")
        actions = self.matching.fake.model_actions(batch.actions)
        output = network(noisy, level.clamp(min=0), actions)
        target = self.matching.fake.objective.target(clips, noise, level)
        return frame_errors(output, target)[:, 1:].mean(), torch.zeros(0, device=clips.device)

    def report(self, logs: Tensor) -> dict[str, float]:
        """Nothing."""
        return {}


class MatchingLoss:
    """Half the squared distance of the student's rollouts to where `matching_gradient` moves them.

    Its log is the critic's loss of the same step.
    """

    num_logs = 1

    def __init__(self, matching: Matching) -> None:
        """Train `matching.student`."""
        self.matching = matching

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """The mean over generated frames."""
        matching = self.matching
        clips = matching.generated(batch, "student")
        with torch.no_grad():
            noisy, _, level = matching.noised(clips, "student")
            actions = matching.student.model_actions(batch.actions)
            at, precision = (noisy, level, actions), matching.precision
            real = estimate_of(matching.real, *at, matching.guidance, precision)
            fake = estimate_of(matching.fake, *at, precision=precision)
            moved = clips[:, 1:] - matching_gradient(clips[:, 1:], real[:, 1:], fake[:, 1:])
        loss = 0.5 * (clips[:, 1:] - moved).square().mean()
        return loss, torch.zeros(1, device=clips.device)

    def report(self, logs: Tensor) -> dict[str, float]:
        """Mean loss of the critic over steps [n, 1]."""
        return {"critic_loss": float(logs.mean())}


def estimate_of(
    model: WorldModel,
    noisy: Tensor,
    level: Tensor,
    actions: Tensor,
    guidance: float = 1.0,
    precision: Precision = "float32",
) -> Tensor:
    """The clean frames that a model sees in noisy ones [P, T, C, h, w] at levels [P, T]."""

    def output_under(given: Tensor | None) -> Tensor:
        known, dropped = told(given, actions)
        with device.autocast(noisy.device.type, precision):
            return run(model.denoiser, noisy, level.clamp(min=0), known, dropped).float()

    output = guided(output_under, actions, guidance)
    return model.objective.to_clean(output, noisy, level)


def matching_gradient(clips: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """(fake - real) / mean |clips - real|, the mean of each clip [P, T, C, h, w].

    Args:
        clips: what the student has generated.
        real: what the frozen model sees in them.
        fake: what the critic sees in them.
    """
    size = (clips - real).abs().mean((1, 2, 3, 4), keepdim=True).clamp(min=LEAST)
    return torch.nan_to_num((fake - real) / size)
