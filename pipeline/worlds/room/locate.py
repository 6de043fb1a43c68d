"""From where in a room a frame was seen: the camera whose picture is most like it, coarse to fine.

Poses are drawn all over a window around a known one, and again around the best of them; the best
of these is moved downhill by Gauss-Newton steps, over pictures of more and more pixels.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.worlds.room.camera import fine_rays, picture
from pipeline.worlds.room.scene import SIZE, Floats, Scene

FIRST, SECOND, ELITES = 256, 96, 32
"""Poses of the window, poses around the best of them, and how many these are."""
STEPS = ((8, 2.0),) * 2 + ((16, 2.0),) * 3 + ((32, 1.0),) * 5
"""Gauss-Newton steps: side of the pictures in pixels, differences in units of DIFFERENCE."""
DIFFERENCE = np.array([0.04, 0.04, 0.02, 0.02])
"""Of derivatives: metres and radians by which the samples of tiles differ."""
DAMPING = 1e-3
LONGEST = 0.1
"""Metres or radians of a step."""
AWAY = 0.02
"""Metres that a candidate keeps from walls."""


@dataclass(frozen=True, slots=True)
class Target:
    """A frame in a few sizes, and where it is sought.

    Attributes:
        scene: the room.
        near: state [4] around which it is sought.
        frames: [side, side, C] for the sides of STEPS; channels past C show something else.
        directions: rays of as many pixels.
    """

    scene: Scene
    near: Floats
    frames: dict[int, Floats]
    directions: dict[int, Floats]

    def states(self, moves: Floats) -> Floats:
        """States [N, 4] after moves [N, 4] from `near`: ahead, right, turn to the left, up."""
        (ahead, right, turn, up), yaw = moves.T, self.near[2]
        x = self.near[0] + ahead * np.cos(yaw) + right * np.sin(yaw)
        y = self.near[1] + ahead * np.sin(yaw) - right * np.cos(yaw)
        x, y = (np.clip(each, AWAY, end - AWAY) for each, end in zip((x, y), SIZE, strict=False))
        return np.stack([x, y, yaw + turn, self.near[3] + up], -1)

    def pictures(self, moves: Floats, side: int) -> Floats:
        """What is seen after moves [N, 4], [N, P] with P numbers a picture."""
        shape, size = self.frames[side].shape, (side, side)
        seen = [picture(self.scene, s, self.directions[side], size) for s in self.states(moves)]
        return np.stack(seen)[..., : shape[-1]].reshape(len(seen), -1).astype(np.float64)

    def errors(self, moves: Floats, side: int) -> Floats:
        """Mean squared differences [N] of the frame and what is seen after moves [N, 4]."""
        return np.square(self.pictures(moves, side) - self.frames[side].ravel()).mean(1)


def lenses(normalised: Floats, size: tuple[int, int]) -> dict[int, Floats]:
    """Rays of square pictures of all of a frame, by side, none larger than its `size`.

    Intrinsics [4] are in units of the frame's width and height.
    """
    sides = {min(side, *size) for side, _ in STEPS}
    return {side: fine_rays((side, side), normalised * side) for side in sides}


def shrunk(frame: Floats, side: int) -> Floats:
    """A frame [H, W, C], averaged over the pixels of each of side x side fields."""
    for axis in (0, 1):
        starts = np.arange(side) * frame.shape[axis] // side
        counts = np.diff(np.append(starts, frame.shape[axis]))
        sums = np.add.reduceat(frame, starts, axis)
        frame = sums / np.expand_dims(counts, tuple(i for i in range(3) if i != axis))
    return frame


def located(target: Target, reach: Floats) -> Floats:
    """The state [4] of which the frame is most likely a picture.

    It is sought within `reach` [4] of the state that is near, ahead, to the right, turned and up.
    """
    rng, coarse = np.random.default_rng(0), min(target.frames)
    moves = _mirrored(rng.uniform(-1, 1, (FIRST // 2, 4))) * reach
    elites = moves[target.errors(moves, coarse).argsort()[:ELITES]]
    spread = np.linalg.cholesky(np.cov(elites.T) + 1e-8 * np.eye(4))
    around = elites.mean(0) + _mirrored(rng.standard_normal((SECOND // 2, 4))) @ spread.T
    moves = np.concatenate([elites[:1], around])
    best: Floats = moves[target.errors(moves, coarse).argmin()]
    for side, wide in STEPS:
        best = _downhill(target, best, min(side, max(target.frames)), wide * DIFFERENCE)
    return target.states(best[None])[0]


def _downhill(target: Target, best: Floats, side: int, difference: Floats) -> Floats:
    """The best of a move [4], its Gauss-Newton step and half of that."""
    ends = np.concatenate([best + np.diag(difference), best - np.diag(difference), best[None]])
    seen = target.pictures(ends, side)
    slopes = (seen[:4] - seen[4:8]) / (2 * difference[:, None])
    square = slopes @ slopes.T
    damped = square + DAMPING * np.diag(square.diagonal()) + 1e-9 * np.eye(4)
    step = np.linalg.solve(damped, slopes @ (target.frames[side].ravel() - seen[8]))
    step = step.clip(-LONGEST, LONGEST)
    tried = np.stack([best, best + step, best + step / 2])
    found: Floats = tried[target.errors(tried, side).argmin()]
    return found


def _mirrored(draws: Floats) -> Floats:
    """Draws [N, 4] and their opposites, [2 N, 4]: no direction is favoured."""
    return np.concatenate([draws, -draws])
