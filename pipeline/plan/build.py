"""Build the controllers that params.yaml describes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.sampling import Sampling
from pipeline.dynamics import Dynamics
from pipeline.encoders import Encoder
from pipeline.episodes.episode import Meta
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.plan import Controller as Name
from pipeline.plan import Distance, Options
from pipeline.plan.action_space import ActionSpace, are_one_hot
from pipeline.plan.apart import mean_error_apart
from pipeline.plan.controllers import Run
from pipeline.plan.dynamics import Imagination, ModelDynamics, goals_of
from pipeline.plan.measure import Codec, Measure, Seen, build_measure, pixels, squared_distance
from pipeline.plan.mpc import Mpc
from pipeline.plan.plan import Controllers
from pipeline.plan.proposals import Proposer
from pipeline.plan.simulator import SimulatorDynamics
from pipeline.plan.stretches import Stretches
from pipeline.planners import Planner
from pipeline.probe.probe import Probe
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Parts:
    """What controllers are built of."""

    world: World
    cache: LatentCache
    model: Dynamics
    encoder: Encoder
    probe: Probe
    planner: Planner
    sampling: Sampling
    options: Options


def build_controllers(parts: Parts) -> Controllers:
    """Every controller of the stage.

    A planner that follows gradients has no simulators: they have none.

    Raises:
        ParamsError: it is to follow those of decoded pixels, which are whole numbers.
    """
    options = parts.options
    follows = bool(getattr(parts.planner, "needs_gradient", False))
    if follows and options.distance.metric == "pixels":
        raise ParamsError(
            "plan.distance.metric = 'pixels' has no gradient for the planner to follow; choose "
            "mse, cosine or readout, or another planner"
        )
    codec = Codec(parts.encoder, parts.model.spec, options.batch)
    measure = build_measure(options.distance, codec, parts.probe)
    one_hot = are_one_hot(parts.cache.actions)
    space = ActionSpace(parts.model.spec, parts.model.config.interval, one_hot)
    cache = parts.cache.whitened_by(parts.model.spec)
    proposer = _proposer(parts, cache, codec, space, measure)
    imagination = Imagination(
        parts.model, codec, parts.sampling, measure, options.distance, options.batch
    )
    dynamics = ModelDynamics(parts.world, imagination, options.context)
    accept = options.accept
    if accept:
        accept *= mean_error_apart(cache, measure, options.seed)
    planner = Mpc(dynamics, parts.planner, space, options, proposer.propose, accept)
    simulated: dict[str, tuple[Name, SimulatorDynamics]] = {
        "state": ("simulator_state", _of_states(parts)),
        "pixels": ("simulator_pixels", _of_frames(parts, pixels(codec, options.distance.blur))),
        "latent": ("simulator_latent", _of_frames(parts, _latent(parts, codec))),
    }
    # What is good enough is a cost in the model's own measure.
    own = "pixels" if options.distance.metric == "pixels" else "latent"
    simulators = {}
    for form in [] if follows else options.simulator:
        name, of_simulator = simulated[form]
        good_enough = accept if form == own else 0.0
        simulators[name] = Mpc(
            of_simulator, parts.planner, space, options, proposer.propose, good_enough
        )
    return Controllers(planner, proposer, simulators)


def _proposer(
    parts: Parts, cache: LatentCache, codec: Codec, space: ActionSpace, measure: Measure
) -> Proposer:
    """Stretches are compared by coordinates where the planner is, else by latents."""
    options = parts.options
    if options.distance.metric not in ("mse", "readout"):
        latents = Distance(frames="last", metric="mse", base=1.0, blur=0.0)
        measure = build_measure(latents, codec, None)
    stretches = Stretches(parts.world, cache, measure, space)
    return Proposer(
        parts.world, codec, space, stretches, parts.probe, options.proposals, options.horizon
    )


def _of_states(parts: Parts) -> SimulatorDynamics:
    """The simulator with the true distance: that of coordinates."""

    def of_states(states: NDArray[np.float32], _: Meta) -> Tensor:
        return torch.from_numpy(parts.world.coordinates(states))

    def of_goal(run: Run) -> Tensor:
        return of_states(run.task.goal[None], run.task.meta)

    return SimulatorDynamics(
        parts.world,
        of_states,
        of_goal,
        squared_distance,
        squared_distance,
        parts.options.distance,
    )


def _of_frames(parts: Parts, measure: Measure) -> SimulatorDynamics:
    """The simulator with a distance between rendered frames, `batch` at a time."""

    def of_states(states: NDArray[np.float32], meta: Meta) -> Tensor:
        parts_of = np.array_split(states, -(-len(states) // parts.options.batch))
        seen = [Seen(parts.world.draw(part, meta), part) for part in parts_of]
        return torch.cat([measure.of_frames(part) for part in seen])

    def of_goal(run: Run) -> Tensor:
        return measure.of_frames(goals_of([run]))

    return SimulatorDynamics(
        parts.world, of_states, of_goal, measure.metric, measure.error, parts.options.distance
    )


def _latent(parts: Parts, codec: Codec) -> Measure:
    """The model's own measure, or the error of latents where that one is of pixels."""
    distance = parts.options.distance
    if distance.metric == "pixels":
        distance = distance.model_copy(update={"metric": "mse"})
    return build_measure(distance, codec, parts.probe)
