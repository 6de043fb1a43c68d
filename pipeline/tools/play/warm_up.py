"""Before the first page: frames are generated, for the first takes longer than all others."""

import time
from statistics import median

import numpy as np
import torch

from pipeline.tools.play.engine import Act, Engine
from pipeline.tools.play.planning import Planning
from pipeline.tools.play.playable import Playable

TRIED = 5
"""Frames by which numbers of threads are compared."""
GAIN = 0.8
"""Share of one thread's time that all must stay below: they take turns with other sessions too."""


def warmed(playable: Playable) -> Playable:
    """The same, with as many threads of torch as are fastest: one, or all that it has.

    A small model gains little from more than one, which then wait for those of the simulator's
    encoder and of other sessions.
    """
    count = torch.get_num_threads()
    shared = playable.model.device.type == "cpu" and count > 1
    alone = _seconds(playable, 1 if shared else count)
    if shared and _seconds(playable, count) > GAIN * alone:
        torch.set_num_threads(1)
    return playable


def _seconds(playable: Playable, threads: int) -> float:
    """Of a frame of model and simulator, each on so many threads."""
    torch.set_num_threads(threads)
    # Of its own: a thread keeps the number of torch's threads that it has begun with.
    engine = Engine(playable, Planning(playable))
    engine.reset(0, 0, 0)
    idle = Act(np.array(playable.idle, np.float32))
    engine.advance(idle)
    taken = []
    for _ in range(TRIED):
        began = time.perf_counter()
        engine.advance(idle)
        taken.append(time.perf_counter() - began)
    engine.close()
    return median(taken)
