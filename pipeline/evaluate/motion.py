"""Whether generated frames move as their cameras were told to, where the world can tell."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline import stage
from pipeline.evaluate.agreement import agreement
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.control import camera_conditions
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.cameras import POSE
from pipeline.latents.spec import LatentSpec
from pipeline.metrics.schema.motion import MotionMetrics
from pipeline.params import Settings
from pipeline.worlds import WORLDS, World

CLIPS = 64
"""Most clips whose frames are located, each of which takes a fifth of a second."""


def of_world(settings: Settings, trained: LatentSpec) -> World | None:
    """The simulator of a model's data set; None if there is none, or the model has no cameras."""
    variant = settings.optional(WORLDS)
    if variant is None or trained.camera_scale is None:
        return None
    world = variant.build()
    return world if isinstance(world, World) else None


def measure(
    evaluator: Evaluator, clips: Clips, world: World, batch: int, seed: int
) -> MotionMetrics | None:
    """Motions of the camera in frames, recorded and generated, against the commanded ones.

    Args:
        evaluator: generates and decodes; its model is conditioned by cameras.
        clips: the fixed validation clips.
        world: locates frames.
        batch: clips at a time.
        seed: of the noise.

    Returns:
        None where the world cannot tell from where a frame was seen.
    """
    part, context = clips.part(0, CLIPS), evaluator.context
    conditions = camera_conditions(part.actions, part.actions.roll(1, 0))
    told = {"true": part.actions, **conditions}
    # A generator of its own: it changes no other number.
    noise = evaluator.noise(part, torch.Generator().manual_seed(seed + 3))

    def generated(actions: Tensor) -> Tensor:
        parts = [slice(start, start + batch) for start in range(0, len(part), batch)]
        latents = [
            evaluator.generate(
                part.part(rows.start, rows.stop), actions[rows], noise.part(rows.start, rows.stop)
            )
            for rows in parts
        ]
        return evaluator.decode(torch.cat(latents))

    shown: dict[str, Callable[[], Tensor]] = {
        "recorded": lambda: part.seen()[:, context:],
        "codec": lambda: evaluator.decode(part.latents[:, context:]),
        **{name: partial(generated, actions) for name, actions in told.items()},
    }
    commands = {name: _commanded(actions, context) for name, actions in told.items()}
    found = {}
    for name, frames in shown.items():
        estimated = _estimated(frames(), part, context, world, name)
        if estimated is None:
            return None
        command = commands.get(name, commands["true"])
        against = commands["true"] if name == "frozen" else command
        found[name] = agreement(estimated, command, against)
    return MotionMetrics(clips=len(part), frames=noise.start.shape[1], **found)


def _commanded(actions: Tensor, context: int) -> Tensor:
    """Relative poses [B, F, 3, 4] that lead from the last context frame on, of rows of actions."""
    return actions[:, context - 1 : -1, 0, -POSE:].unflatten(-1, (3, 4))


def _estimated(
    frames: Tensor, clips: Clips, context: int, world: World, name: str
) -> Tensor | None:
    """Relative poses [B, F, 3, 4] between frames uint8 [B, F, 3, H, W] after the context."""
    found, steps = [], clips.actions.shape[2]
    numbers = stage.track(range(len(clips)), f"evaluate: motion in {name} frames")
    for number in numbers:
        start, meta = clips.states[number, context - 1], clips.metas[number]
        pictures = frames[number].permute(0, 2, 3, 1).numpy()
        states = world.locate(pictures, start, steps, meta)
        cameras = None
        if states is not None:
            cameras = world.cameras(np.concatenate([start[None], states]), meta)
        if cameras is None:
            return None
        poses = torch.from_numpy(cameras.poses)
        found.append((poses[1:] @ poses[:-1].inverse())[:, :3])
    return torch.stack(found)
