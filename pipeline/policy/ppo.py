"""PPO by rsl-rl, without its runner: its checkpoints are pickles, ours are safetensors.

Everything that an iteration draws follows from the seed and its number, and every `save_every`
iterations all environments begin anew: a run that goes on from there ends with the same bytes as
one that was not interrupted. rsl-rl draws actions and mini-batches from torch's global generator,
which is therefore seeded here, and put back.
"""

import copy
import io
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from torch import Tensor

from pipeline.compute.generators import seeded
from pipeline.compute.progress import progress
from pipeline.errors import RunError
from pipeline.policy import Ppo
from pipeline.policy.judging import Judge, Kept
from pipeline.policy.vec_env import Environment
from pipeline.train.checkpoint import Checkpoint, State, add_prefix, with_prefix

ACTOR, CRITIC, OPTIMISER = "actor.", "critic.", "optimiser."


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a run ends with.

    Attributes:
        actor: its weights.
        kept: iterations after which it had them.
        rewards: the mean reward of a step by iteration.
    """

    actor: State
    kept: int
    rewards: list[float]


def learn(
    begin: Callable[[int], Environment],
    options: Ppo,
    seed: int,
    checkpoint: Checkpoint,
    initial: State | None = None,
    anchor: float = 0.0,
    judge: Judge | None = None,
) -> Learnt:
    """Learn for `options.iterations`, from the newest state if there is one.

    The actor is judged before the first iteration, every `save_every`, and after the last one.

    Args:
        begin: makes the environments of the n-th `save_every` iterations.
        options: of the algorithm.
        seed: from which all that is random follows.
        checkpoint: where states are written to.
        initial: weights of the actor to begin with; None draws them.
        anchor: weight in the loss of the divergence from `initial`.
        judge: of what is kept; None keeps the last.

    Raises:
        RunError: the rewards are not finite.
    """
    with torch.random.fork_rng(devices=[]), ExitStack() as opened:
        torch.manual_seed(seed)
        environment = begin(0)
        learner = algorithm(environment, options)
        if initial is not None:
            learner.actor.load_state_dict({**learner.actor.state_dict(), **initial})
            learner.symmetry = Anchor(learner.actor, anchor)
        kept = Kept(judge)
        rewards, resumed = _load(learner, kept, checkpoint.read())
        if not resumed:
            kept.offer(learner.actor, 0)
        bar = opened.enter_context(progress("policy: iteration", options.iterations, resumed))
        for iteration in range(resumed, options.iterations):
            part, place = divmod(iteration, options.save_every)
            if place == 0 and part:  # the first have begun already
                if iteration > resumed:
                    kept.offer(learner.actor, iteration)
                    checkpoint.write({**_state(learner, rewards), **kept.state()}, iteration)
                environment = begin(part)
            torch.manual_seed(seeded(seed, iteration).initial_seed())
            _freeze_actor(learner, iteration < options.critic_first)
            rewards.append(_iterate(learner, environment, options.steps, iteration))
            bar.advance()
            if bar.due():
                bar.note(f"reward {rewards[-1]:.5f}")
        kept.offer(learner.actor, options.iterations)
        return Learnt(kept.weights, kept.iteration, rewards)


def algorithm(environment: Environment, options: Ppo) -> PPO:
    """rsl-rl's PPO, its networks drawn from torch's global generator."""
    network = {"class_name": "MLPModel", "hidden_dims": options.widths, "activation": "elu"}
    spread = {"class_name": "GaussianDistribution", "init_std": options.std}
    config: dict[str, Any] = {
        "num_steps_per_env": options.steps,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "multi_gpu": None,
        "actor": {**network, "distribution_cfg": spread},
        "critic": dict(network),
        "algorithm": {
            "class_name": "PPO",
            "learning_rate": options.learning_rate,
            "schedule": "adaptive",
            "desired_kl": options.kl,
            "clip_param": options.clip,
            "gamma": options.discount,
            "lam": options.trace,
            "entropy_coef": options.entropy,
            "num_learning_epochs": options.epochs,
            "num_mini_batches": options.mini_batches,
        },
    }
    with redirect_stdout(io.StringIO()):  # it prints its networks
        return PPO.construct_algorithm(
            environment.get_observations(), environment, config, str(environment.device)
        )


class Anchor:
    """A part of PPO's loss: the divergence of the actor from what it began with, in nats.

    It is given to rsl-rl in place of the mirror loss of symmetric robots, the part of its loss that
    a caller can add.
    """

    use_mirror_loss = True

    def __init__(self, actor: Any, weight: float) -> None:
        """Remember an actor of rsl-rl as it is now."""
        self.initial, self.mirror_loss_coeff = copy.deepcopy(actor), weight

    def augment_batch(self, batch: Any, size: int) -> None:
        """Add no observations."""

    def compute_loss(self, actor: Any, batch: Any, size: int) -> Tensor:
        """KL(actor || initial) of diagonal Gaussians, its mean over the observations."""
        with torch.no_grad():
            self.initial(batch.observations, stochastic_output=True)
        theirs = self.initial.output_distribution_params
        divergence: Tensor = actor.get_kl_divergence(actor.output_distribution_params, theirs)
        return divergence.mean()


def _freeze_actor(learner: PPO, frozen: bool) -> None:
    """Whether only the critic learns; a rate adapted to the divergence would then only rise."""
    for weight in learner.actor.parameters():
        weight.requires_grad_(not frozen)
    learner.schedule = "fixed" if frozen else "adaptive"


def _iterate(learner: PPO, environment: Environment, steps: int, number: int) -> float:
    """One rollout and one update; the mean reward of a step."""
    learner.train_mode()
    total = 0.0
    observations = environment.get_observations()
    with torch.inference_mode():
        for _ in range(steps):
            actions = learner.act(observations)
            observations, rewards, dones, extras = environment.step(actions)
            learner.process_env_step(observations, rewards, dones, extras)
            total += float(rewards.mean())
        learner.compute_returns(observations)
    if total != total or abs(total) == float("inf"):
        raise RunError(
            f"policy: rewards of iteration {number} are not finite; lower "
            "policy.imagination.steps, after which imagined episodes end, or train a better model"
        )
    learner.update()
    return total / steps


def _state(learner: PPO, rewards: list[float]) -> State:
    """All of a run after an iteration."""
    state: State = add_prefix(ACTOR, learner.actor.state_dict())
    state |= add_prefix(CRITIC, learner.critic.state_dict())
    for number, moments in learner.optimizer.state_dict()["state"].items():
        state |= {f"{OPTIMISER}{number}.{name}": value for name, value in moments.items()}
    state["learning_rate"] = torch.tensor(learner.learning_rate, dtype=torch.float64)
    state["rewards"] = torch.tensor(rewards, dtype=torch.float64)
    return {name: value.detach().clone().contiguous() for name, value in state.items()}


def _load(learner: PPO, kept: Kept, state: State | None) -> tuple[list[float], int]:
    """Take a state, strictly; the rewards so far, and their number."""
    if state is None:
        return [], 0
    kept.load(state)
    learner.actor.load_state_dict(with_prefix(ACTOR, state))
    learner.critic.load_state_dict(with_prefix(CRITIC, state))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in with_prefix(OPTIMISER, state).items():
        number, field = name.split(".")
        moments.setdefault(int(number), {})[field] = value
    rate = float(state["learning_rate"])
    groups = learner.optimizer.state_dict()["param_groups"]
    groups = [{**group, "lr": rate} for group in groups]
    learner.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    learner.learning_rate = rate
    rewards: list[float] = state["rewards"].tolist()
    return rewards, len(rewards)
