"""What a page is told first: the model, its controls, and what can be asked for."""

import torch

from pipeline.tools.play import MOST_STEPS, messages
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.replies import Actions, ClipEntry, Hello, Limits, Model
from pipeline.tools.play.session import AHEAD


def hello(playable: Playable, fps: float, sessions: int) -> Hello:
    """The first message of a session."""
    model, spec = playable.model, playable.model.spec
    student = model.config.student
    low, high = spec.actions["min"], spec.actions["max"]
    return Hello(
        model=Model(
            folder=str(playable.paths.folder),
            dataset=spec.dataset,
            encoder=spec.encoder,
            decoder=playable.codec.encoder.decoder_kind,
            parameters=model.parameters(),
            height=spec.view.height,
            width=spec.view.width,
            interval=playable.interval,
            window=model.config.frames,
            history=playable.history,
            steps=playable.steps,
            most_steps=len(student.levels) if student else MOST_STEPS,
            device=str(model.device),
            threads=torch.get_num_threads(),
        ),
        actions=Actions(size=spec.action_dim, low=low, high=high, mean=spec.actions["mean"]),
        controls=playable.controls.described(low, high),
        clips=[ClipEntry(episode=key, frames=frames) for key, frames in playable.episodes],
        simulator=playable.no_simulator is None,
        no_simulator=playable.no_simulator,
        no_planner=playable.no_planner,
        limits=Limits(sessions=sessions, ahead=AHEAD, message=messages.LARGEST, fps=fps),
    )
