"""What a page is told first: the model, its controls, and what can be asked for."""

from typing import Any

import torch

from pipeline.tools.play import messages
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.session import AHEAD


def hello(playable: Playable, fps: float, sessions: int) -> dict[str, Any]:
    """The first message of a session."""
    model, spec = playable.model, playable.model.spec
    return {
        "type": "hello",
        "version": messages.VERSION,
        "model": {
            "folder": str(playable.paths.folder),
            "dataset": spec.dataset,
            "encoder": spec.encoder,
            "decoder": playable.encoder.decoder_kind,
            "parameters": model.parameters(),
            "height": spec.view.height,
            "width": spec.view.width,
            "interval": playable.interval,
            "window": model.config.frames,
            "history": playable.history,
            "steps": playable.steps,
            "device": str(model.device),
            "threads": torch.get_num_threads(),
        },
        "actions": {
            "size": spec.action_dim,
            "low": spec.actions["min"],
            "high": spec.actions["max"],
            "mean": spec.actions["mean"],
        },
        "controls": playable.controls.described(spec.actions["min"], spec.actions["max"]),
        "clips": [{"episode": key, "frames": frames} for key, frames in playable.episodes],
        "simulator": playable.no_simulator is None,
        "no_simulator": playable.no_simulator,
        "no_planner": playable.no_planner(),
        "limits": {"sessions": sessions, "ahead": AHEAD, "message": messages.LARGEST, "fps": fps},
    }
