"""The simulator, under the same actions as the dream, in a thread of its own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.cameras import Cameras
from pipeline.episodes.episode import Meta
from pipeline.plan.measure import Codec
from pipeline.tools.play.dream import Frame, as_frame
from pipeline.worlds import World

State = NDArray[np.float32]
Decide = Callable[[int, State], NDArray[np.float32]]
"""The number of an environment step from 0 and the state [S] before it to its action [A]."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the simulator shows.

    Attributes:
        frame: [H, W, 3] of the size that the model sees.
        latent: whitened [C, h, w].
        milliseconds: that it took to draw and encode.
    """

    frame: Frame
    latent: Tensor
    milliseconds: float


class Truth:
    """What really happens, while the caller's thread dreams.

    Renderers belong to the thread that has made them, so every call is done in the same one.
    """

    def __init__(self, build: Callable[[], World], codec: Codec) -> None:
        """Have the simulator made, which is no other session's."""
        self._thread = ThreadPoolExecutor(1, "simulator")
        self._made = self._thread.submit(build)
        self._codec = codec
        self._meta: Meta = {}

    def begin(self, state: State, meta: Meta) -> Future[Sight]:
        """Start from a state [S] of an episode with this `meta`."""
        self._meta = meta
        self._thread.submit(lambda: self._world.restore(state, meta)).result()
        return self.look()

    def act(self, decide: Decide, steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take so many steps; their actions [steps, A], and the states [steps, S] after them."""
        return self._thread.submit(self._act, decide, steps).result()

    def look(self) -> Future[Sight]:
        """What is there to be seen now; it is drawn and encoded meanwhile."""
        return self._thread.submit(self._look)

    def film(self, states: NDArray[np.float32]) -> tuple[NDArray[np.uint8], Cameras | None]:
        """Frames [N, H, W, 3] of states [N, S], and their cameras where they have some."""
        return self._thread.submit(self._film, states).result()

    def close(self) -> None:
        """No more calls come; what is under way ends by itself."""
        self._thread.submit(vars(self).pop, "_made")
        self._thread.shutdown(wait=False)

    @property
    def _world(self) -> World:
        return self._made.result()

    def _act(self, decide: Decide, steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        actions, states = [], [self._world.snapshot()]
        for step in range(steps):
            actions.append(decide(step, states[-1]))
            self._world.step(actions[-1])
            states.append(self._world.snapshot())
        return np.stack(actions), np.stack(states[1:])

    def _look(self) -> Sight:
        began = time.perf_counter()
        frame = self._world.render()
        seen = as_frame(self._codec.pixels(frame[None])[0])
        latent = self._codec.encode(frame[None])[0]
        return Sight(seen, latent, 1000 * (time.perf_counter() - began))

    def _film(self, states: NDArray[np.float32]) -> tuple[NDArray[np.uint8], Cameras | None]:
        now = self._world.snapshot()
        frames = self._world.draw(states, self._meta)
        cameras = self._world.cameras(states, self._meta)
        self._world.restore(now, self._meta)
        return frames, cameras
