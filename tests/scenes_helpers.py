"""Rollouts of the room without a model, `wm` in this process, and a mistake in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers import PARAMS
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.diffusion import SamplingOptions
from pipeline.errors import UserError
from pipeline.rollout import card, clips
from pipeline.rollout.files import Form, writers
from pipeline.worlds.room import Room

SAMPLING = SamplingOptions.model_validate(PARAMS["evaluate"]["sampling"])
SIZE = (48, 64)
"""Height and width of the recorded frames."""
SEEN = (24, 32)
"""Those of the frames of the model."""


def write_rollout(room: Room, folder: Path, *, cameras: bool = True) -> None:
    """Two clips in which the model, who sees half of the pixels, copies the truth, darker."""
    length = clips.Length(history=2, frames=4, interval=3)
    loaded = [load() for load in clips.simulated(room, length, 2, 0)]
    if not cameras:
        loaded = [replace(clip, cameras=None) for clip in loaded]
    folder.mkdir(parents=True)
    with writers(folder, loaded, Form(8, native=False, videos=True, images=True)) as files:
        for clip, file in zip(loaded, files, strict=True):
            for frame in clip.truth():
                small = frame.reshape(SEEN[0], 2, SEEN[1], 2, 3).mean((1, 3)).astype(np.uint8)
                file.write(small // 2, small)
    known = [
        card.ClipCard(name=f"clip_{i:03d}", source="simulated", episode=clip.episode, start=0,
                      truth=True, states=True, meta=dict(clip.meta))
        for i, clip in enumerate(loaded)
    ]  # fmt: skip
    content = card.RolloutCard(
        model=card.ModelCard(folder="m", sha256="", config_sha256="", codec_sha256=""),
        latents=card.LatentsCard(
            folder="l", sha256="", dataset="room", encoder="", shards_sha256=""
        ),
        sampler="sequential", sampling=SAMPLING, seed=0, batch=1, history=2,
        frames=4, interval=3, fps=8, height=SEEN[0], width=SEEN[1], recorded_height=SIZE[0],
        recorded_width=SIZE[1], native=False, videos=True, images=True, clips=known,
    )  # fmt: skip
    (folder / card.CARD).write_text(card.FORMAT.text(content))


def wm(*words: object) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception
    return done.output


def refused(*words: object) -> str:
    """The one line with which a command ends."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, UserError), (done.output, done.exception)
    line = str(done.exception)
    assert "\n" not in line
    return line
