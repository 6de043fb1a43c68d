"""What the stage does: learn, write the policy, and try it beside other controllers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pipeline import imports, stage
from pipeline.checksum import sha256
from pipeline.compute.generators import seeded
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.dynamics.load import load_for
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.groups import POLICY, STATE, policy_observation
from pipeline.errors import ParamsError
from pipeline.families import Module
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.metrics.schema.policy import PolicyMetrics, Walking
from pipeline.params import Settings, Variant
from pipeline.policy import Options, baselines, starts
from pipeline.policy.actor import Actor, ActorConfig
from pipeline.policy.imitation import demonstrations, imitate
from pipeline.policy.judging import Judge, imagined_return
from pipeline.policy.simulated import Simulated
from pipeline.policy.walking import Controller, Walk, scored, walks
from pipeline.state_models import STATE_MODELS
from pipeline.train.checkpoint import Checkpoint
from pipeline.worlds import WORLDS, Recorder, World, WorldOptions

if TYPE_CHECKING:
    from pipeline.policy.vec_env import Environment

INSTALL = (
    "policy.method = 'ppo' needs rsl-rl, which is not installed: `pip install -e '.[rl]'`, or "
    "choose policy.method: none"
)
CPU = torch.device("cpu")
Simulator = Variant[Module[Recorder, WorldOptions], WorldOptions]


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the stage reads and writes."""

    latents: Path
    world_model: Path
    out: Path
    metrics: Path
    seconds: Path | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a policy is learnt with."""

    cache: LatentCache
    model: StateModel
    world: Callable[[], World]
    options: Options
    period: float


def work(settings: Settings, simulator: Simulator | None, paths: Paths) -> None:
    """Learn a policy and try it.

    Raises:
        ParamsError: rsl-rl is missing, or the data set has no simulator.
        DataError: the model or the cache is not that of a walking robot.
    """
    with stage.timed(paths.seconds) as summarise:
        parts = load(settings, simulator, paths)
        try:
            from pipeline.policy.ppo import learn
        except ImportError:
            raise ParamsError(INSTALL) from None
        options = parts.options
        low, high = (torch.from_numpy(end) for end in (parts.world().low, parts.world().high))
        config = ActorConfig(
            observation_dim=POLICY.width,
            widths=options.ppo.widths,
            low=low.tolist(),
            high=high.tolist(),
        )
        first = imitator(parts, config)
        with stage.scratch("policy", *identity(parts, paths)) as folder:
            begin = environments(parts, low, high)
            learnt = learn(
                begin,
                options.ppo,
                options.seed,
                Checkpoint(folder),
                None if first is None else first.state_dict(),
                options.imitation.kl_weight,
                held_out(parts, config),
            )
        actor = Actor(config)
        actor.load_state_dict(learnt.actor)
        with stage.output(paths.out) as unfinished:
            actor.save_pretrained(unfinished)
        tried = compare(parts, actor.eval(), first)
        count = options.imagination.environments or options.simulated
        tenth = -(-len(learnt.rewards) // 10)
        PolicyMetrics(
            imagined=options.imagination.environments,
            iterations=len(learnt.rewards),
            kept=learnt.kept,
            steps=len(learnt.rewards) * options.ppo.steps * count,
            first_reward=float(np.mean(learnt.rewards[:tenth])) / parts.period,
            last_reward=float(np.mean(learnt.rewards[-tenth:])) / parts.period,
            controllers=tried,
        ).write(paths.metrics)
        own = tried["policy"]
        summarise(
            f"policy: walks {own.distance:.2f} m in {own.seconds:.1f} s and falls in "
            f"{own.falls:.0%} of {own.episodes} episodes, in {paths.metrics}"
        )


def load(settings: Settings, simulator: Simulator | None, paths: Paths) -> Parts:
    """Open what the stage reads; errors as for `work`."""
    options = settings.section("policy", Options)
    cache = open_cache(paths.latents)
    period = float(starts.metas(cache)[0]["dt"])
    model = load_for(paths.world_model, CPU, cache)
    assert isinstance(model, StateModel)  # of states, nothing else is trained
    if simulator is None:
        raise ParamsError(
            f"{settings.place(WORLDS)} is null, but a policy is tried in a simulator; name one, or "
            "choose policy.method: none"
        )

    def build() -> World:
        built = simulator.build()
        assert isinstance(built, World)  # that of a robot is no mere recorder
        return built

    return Parts(cache, model, build, options, period)


def identity(parts: Parts, paths: Paths) -> tuple[str, ...]:
    """All that decides the policy; states go by it."""
    member = STATE_MODELS.module(parts.model.config.state_model.name)
    texts = (parts.options.model_dump_json(), parts.cache.seal.model_dump_json())
    code = imports.digest(["pipeline.policy.__main__", "pipeline.policy.worker", member])
    return (*texts, sha256(paths.world_model / WEIGHTS), code)


def imitator(parts: Parts, config: ActorConfig) -> Actor | None:
    """The actor that PPO begins with; None where it begins with random weights.

    Raises:
        DataError: there is nothing to imitate.
    """
    options = parts.options
    if not options.imitation.steps:
        return None
    shown = demonstrations(parts.cache, torch.tensor(config.low), torch.tensor(config.high))
    return imitate(shown, config, options.imitation, options.imagination.noise, options.seed)


def environments(parts: Parts, low: Tensor, high: Tensor) -> Callable[[int], "Environment"]:
    """Makes the environments of a part of the run, imagined or simulated."""
    from pipeline.policy.vec_env import Environment

    options = parts.options
    limit = options.imagination.steps
    if not options.imagination.environments:
        worlds = [parts.world() for _ in range(options.simulated)]

        def simulated(part: int) -> Environment:
            rng = np.random.default_rng([options.seed, part])
            inner = Simulated(worlds, options.imagination, parts.period, rng)
            return Environment(inner, low, high, limit)

        return simulated
    begin = starts.imagined(parts.cache, parts.model, options, parts.period)
    return lambda part: Environment(begin(part), low, high, limit)


def held_out(parts: Parts, config: ActorConfig) -> Judge | None:
    """Judges a policy in imagined episodes of the validation split.

    None where imagination is off, or every episode of that split ends in a fall.
    """
    options = parts.options
    if not options.imagination.environments or not any(starts.upright(parts.cache, "val")):
        return None
    begin = starts.imagined(parts.cache, parts.model, options, parts.period, "val")
    return imagined_return(partial(begin, 0), Actor(config))


def compare(parts: Parts, actor: Actor, first: Actor | None) -> dict[str, Walking]:
    """The policy beside others from the same starts, and the policy that collected the data.

    The others are the actor that it began with, if any, random actions, and standing still.
    """
    trial, seed = parts.options.trial, parts.options.seed
    worlds = [parts.world() for _ in range(trial.episodes)]
    controllers: dict[str, Controller] = {
        "policy": partial(follow, actor),
        "random": baselines.Random(worlds[0], seeded(seed, 1)),
        "standing": baselines.standing,
    }
    if first is not None:
        controllers["imitation"] = partial(follow, first)
    weights = parts.options.imagination.weights
    tried = {
        name: scored(walks(worlds, controller, trial.steps, seed), weights, parts.period)
        for name, controller in controllers.items()
    }
    recorded = baselines.collected(worlds[0], trial, seed)
    return {**tried, "collecting": scored(recorded, weights, parts.period)}


@torch.inference_mode()
def follow(actor: Actor, on: Sequence[Walk]) -> Tensor:
    """The policy's actions [B, 12]."""
    states = np.stack([walk.states[-1][STATE] for walk in on])
    none = np.zeros(len(actor.config.low), np.float32)
    last = np.stack([walk.actions[-1] if walk.actions else none for walk in on])
    command = torch.stack([walk.command for walk in on]).numpy()
    actions: Tensor = actor(torch.from_numpy(policy_observation(states, command, last)))
    return actions
