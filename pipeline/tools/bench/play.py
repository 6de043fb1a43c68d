"""A person's view of `wm play`: frames a second and time from key to frame, over its WebSocket."""

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UserError
from pipeline.rollout.clips import Clip
from pipeline.rollout.files import Shown
from pipeline.rollout.generate import Generator
from pipeline.rollout.run import steps_of
from pipeline.tools.bench.timing import TimeStats
from pipeline.tools.machine import Machine, describe
from pipeline.tools.play import replies
from pipeline.tools.play.playable import Playable

CHECKED = 8
"""Frames of the page that are compared with those of the rollout, before anything is timed."""
SEED = 1
"""Of the noise; a session begins with another."""
PATIENCE = 60.0
"""Seconds that a message may take."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How it is timed: `frames` and then `keys`, in each of `rounds` rounds.

    Attributes:
        fps: most frames a second while a key is waited for; 60 while frames are counted.
    """

    frames: int
    keys: int
    rounds: int
    fps: float
    steps: int
    threads: int


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that the bench results.

    Attributes:
        setting: of the bench.
        machine: that server and page ran on, together.
        model: dataset, encoder and size of frames.
        simulator: whether it was shown beside the dream.
        page: frames a second that a page receives, of each round.
        rollout: frames a second of the bare rollout, of each round.
        cost: share of the rollout's frames that the page costs; median over rounds.
        key_to_frame: milliseconds from an action to the first frame that follows it.
    """

    bench: str
    setting: Setting
    machine: Machine
    model: str
    simulator: bool
    page: TimeStats
    rollout: TimeStats
    cost: float
    key_to_frame: TimeStats


class Page:
    """What the page does, without a browser: it takes frames, and says that they are shown."""

    def __init__(self, socket: Any) -> None:
        """Talk over an open WebSocket."""
        self.socket = socket
        self.threads: int = self.message("hello")["model"]["threads"]

    def say(self, kind: str, **values: object) -> None:
        """Send a message."""
        self.socket.send(json.dumps({"type": kind, **values}))

    def frame(self) -> dict[str, Any]:
        """The next frame: its header, and `images` by name."""
        frame = self.message("frame")
        self.say("shown", number=frame["number"])
        return frame

    def message(self, kind: str) -> dict[str, Any]:
        """The next message of a kind.

        Raises:
            UserError: the server complains.
        """
        while True:
            content = self.socket.recv(PATIENCE)
            if isinstance(content, bytes):
                message, images = replies.unpack(content)
                message["images"] = images
            else:
                message = json.loads(content)
            if message["type"] == kind:
                return message
            if message["type"] in ("error", "bye"):
                raise UserError(f"wm play: {message.get('message') or message['reason']}")

    def rate(self, frames: int) -> float:
        """Frames a second, of so many."""
        self.say("settings", fps=60)
        self.say("pause", paused=False)
        for _ in range(3):
            self.frame()
        began = time.perf_counter()
        for _ in range(frames):
            self.frame()
        rate = frames / (time.perf_counter() - began)
        self.say("pause", paused=True)
        return rate

    def answers(self, actions: Sequence[list[float]], fps: float) -> list[float]:
        """Milliseconds from each action, sent at any time, to the first frame that follows it."""
        self.say("settings", fps=fps)
        self.say("pause", paused=False)
        rng, taken = np.random.default_rng(SEED), []
        for action in actions:
            for _ in range(int(rng.integers(1, 4))):
                self.frame()
            time.sleep(rng.uniform(0, 1 / fps))
            began = 1000 * time.perf_counter()
            self.say("action", time=began, action=action)
            while self.frame()["time"] != began:
                pass
            taken.append(1000 * time.perf_counter() - began)
        self.say("pause", paused=True)
        return taken


def run(playable: Playable, frames: int, keys: int, rounds: int, fps: float) -> Results:
    """Time a server and the bare rollout by turns, on as many threads.

    Raises:
        UserError: the server does not start, or complains.
        AssertionError: a page's frames are not those of the rollout.
    """
    actions = _actions(playable, max(frames, CHECKED))
    with _served(playable, fps) as page:
        torch.set_num_threads(page.threads)
        _check(page, playable, actions[:CHECKED])
        pages, rollouts, answers = list[float](), list[float](), list[float]()
        for _ in range(rounds):
            rollouts.append(_rollout_rate(playable, actions[:frames]))
            pages.append(page.rate(frames))
            answers += page.answers(_actions(playable, keys).tolist(), fps)
    spec, view = playable.model.spec, playable.model.spec.view
    return Results(
        bench="play",
        setting=Setting(frames, keys, rounds, fps, playable.steps, torch.get_num_threads()),
        machine=describe(torch.device("cpu")),
        model=f"{spec.dataset} {spec.encoder}, {view.height} x {view.width}",
        simulator=playable.simulator is not None,
        page=TimeStats.of(pages),
        rollout=TimeStats.of(rollouts),
        cost=round(1 - median(p / r for p, r in zip(pages, rollouts, strict=True)), 3),
        key_to_frame=TimeStats.of(answers),
    )


@contextmanager
def _served(playable: Playable, fps: float) -> Iterator[Page]:
    """A page of a server in a process of its own, on this machine."""
    from websockets.sync.client import connect

    paths = playable.paths
    words = ["play", paths.folder, "--latents", paths.latents, "--shards", paths.shards]
    words += ["--params", paths.params, "--steps", playable.steps, "--fps", fps, "--port", 0]
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if (found := re.search(r":(\d+)/", said)) is None:
                raise UserError("wm play did not start; call it yourself")
            with connect(f"ws://127.0.0.1:{found[1]}/ws", max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()


def _check(page: Page, playable: Playable, actions: NDArray[np.float32]) -> None:
    """Compare a page's frames with those of the rollout under the same actions."""
    page.say("pause", paused=True)
    page.say("settings", format="png")
    page.say("reset", clip=0, start=0, seed=SEED)
    while page.message("state")["seed"] != SEED:
        pass
    page.frame()
    shown = []
    for action in actions:
        page.say("action", time=0, action=action.tolist())
        page.say("single_step")
        shown.append(page.frame()["images"]["imagined"])
    page.say("settings", format="webp")
    for number, (ours, png) in enumerate(zip(_rollout(playable, actions), shown, strict=True)):
        assert np.array_equal(ours, np.asarray(Image.open(io.BytesIO(png)))), f"frame {number}"


def _rollout_rate(playable: Playable, actions: NDArray[np.float32]) -> float:
    began = time.perf_counter()
    count = sum(1 for _ in _rollout(playable, actions))
    return count / (time.perf_counter() - began)


def _rollout(playable: Playable, actions: NDArray[np.float32]) -> Iterator[NDArray[np.uint8]]:
    """Frames [H, W, 3] after those that are given, as `wm rollout` makes them."""
    start, model, view = playable.start(0, 0), playable.model, playable.model.spec.view
    chunks = torch.from_numpy(actions).unsqueeze(1).expand(-1, playable.interval, -1)
    clip = Clip(
        number=0,
        source="actions",
        episode=start.episode.key,
        start=0,
        history=start.episode.frames[:1],
        latents=start.history,
        actions=chunks,
        truth=None,
        states=None,
        meta={},
    )
    sampling = model.sampling("sequential", playable.steps)
    generator = Generator(model, playable.codec.encoder, sampling, SEED)
    shown = Shown(view, (view.height, view.width))
    for step in steps_of(generator, [clip], shown, 1):
        if step.latents is not None:
            yield step.generated[0]


def _actions(playable: Playable, count: int) -> NDArray[np.float32]:
    """Random actions [count, A] within the recorded range."""
    rng = np.random.default_rng(SEED)
    shape = (count, len(playable.low))
    return rng.uniform(playable.low, playable.high, shape).astype(np.float32)
