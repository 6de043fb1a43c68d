"""Before the first page: a frame is generated, for the first takes longer than all others."""

import time
from statistics import median

import torch
from torch import Tensor

from pipeline.tools.play.dream import Dream
from pipeline.tools.play.playable import Playable

TRIED = 3
"""Frames by which numbers of threads are compared."""


def warmed(playable: Playable) -> Playable:
    """The same, with as many threads of torch as are fastest: one, or all that it has.

    A small model gains nothing from more than one, which then only take turns with the simulator
    and with other sessions.
    """
    start = playable.start(0, 0)
    dream = Dream(playable.model, playable.codec, playable.steps)
    dream.begin(start.history, start.actions, 0)
    idle = torch.tensor([playable.idle] * playable.interval)
    dream.step(idle)
    numbers = {1, torch.get_num_threads()}
    if playable.model.device.type == "cpu" and len(numbers) > 1:
        torch.set_num_threads(min(sorted(numbers), key=lambda n: _seconds(dream, idle, n)))
    return playable


def _seconds(dream: Dream, actions: Tensor, threads: int) -> float:
    """Of a frame on so many threads."""
    torch.set_num_threads(threads)
    taken = []
    for _ in range(TRIED):
        began = time.perf_counter()
        dream.step(actions)
        taken.append(time.perf_counter() - began)
    return median(taken)
