"""The quadruped's measures, and pictures of it drawn from its states by numpy alone.

A picture shows what the group system_state tells: the joints, how the trunk is tilted, and in bars
its speed forwards, to the left, and of its turn. It does not tell where the robot is.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.groups import LEGS, SYSTEM_STATE

HIP = np.array([0.24, 0.1])
"""Distance of the hips from the middle of the trunk forwards and sideways, m."""
OFFSET = 0.06
"""Of a leg's plane from its hip, outwards, m."""
LIMB = 0.25
"""Length of a thigh and of a shank, m."""
BEND = 0.4
"""Of the hips in the default pose, rad: forelegs backwards, hind legs forwards; knees twice it back
again."""
TRUNK = np.array([0.28, 0.12, 0.07])
"""Half the length, width and height of the trunk, m."""
SIZE = 64
"""Height and width of a picture in pixels."""
SCALE = 58.0
"""Pixels per metre."""
CENTRE = np.array([31.5, 28.0])
"""Pixel of the middle of the trunk."""
DEPTH = np.array([0.3, -0.25])
"""How far right and down a metre to the left is seen, in metres: an oblique view."""
BACKGROUND, GROUND = (236, 240, 244), (150, 140, 120)
RIGHT, LEFT, BODY, FOOT = (40, 90, 160), (200, 90, 40), (60, 60, 70), (20, 20, 20)
BARS = ((20, 140, 60), (180, 40, 140), (30, 30, 200))
"""Colours of the bars of the speeds."""
LONGEST = 28.0
"""Pixels of a bar of 1 m/s or 1 rad/s, and more."""

Points = NDArray[np.float64]


def side(leg: str) -> int:
    """1 of a left leg, -1 of a right one."""
    return 1 if leg[0] == "L" else -1


def end(leg: str) -> int:
    """1 of a foreleg, -1 of a hind one."""
    return 1 if leg[1] == "F" else -1


def draw(states: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures uint8 [N, 64, 64, 3] of rows [N, 45] or longer that begin with system_state."""
    rows = np.asarray(states, np.float64)
    frames = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
    frames[:] = BACKGROUND
    tilt = _tilt(rows[:, SYSTEM_STATE.part("projected_gravity")])
    joints = rows[:, SYSTEM_STATE.part("joint_position")].reshape(-1, 3, len(LEGS))
    legs = [_pixels(_leg(leg, joints[:, :, n]) @ tilt) for n, leg in enumerate(LEGS)]
    floor = np.clip(np.max([leg[:, 3, 1] for leg in legs], 0) + 2, 0, SIZE - 1).astype(int)
    frames[np.arange(len(rows)), floor] = GROUND
    _limbs(frames, [legs[1], legs[0]], LEFT)
    _trunk(frames, tilt)
    _limbs(frames, [legs[3], legs[2]], RIGHT)
    for row, (speed, colour) in enumerate(zip(rows[:, [0, 1, 5]].T, BARS, strict=True)):
        reach = np.stack([np.zeros_like(speed), np.clip(speed, -1, 1) * LONGEST], 1)
        bar = np.stack([CENTRE[0] + reach, np.full_like(reach, 1 + 3 * row)], 2)
        _lines(frames, bar[:, None], colour, 2, int(LONGEST))
    return frames


def _tilt(gravity: Points) -> Points:
    """Matrices [N, 3, 3] from the body frame to an upright one of the same heading, transposed.

    `points @ tilt` turns points [N, P, 3].
    """
    up = -gravity / np.maximum(np.linalg.norm(gravity, axis=1, keepdims=True), 1e-6)
    ahead = np.array([1.0, 0, 0]) - up[:, :1] * up
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
    return np.stack([ahead, np.cross(up, ahead), up], 2)


def _leg(leg: str, joints: Points) -> Points:
    """Hip, thigh, knee and foot [N, 4, 3] in the body frame, of the joints [N, 3] of a leg."""
    sideways, swing, knee = joints[:, 0], joints[:, 1] + end(leg) * BEND, joints[:, 2]
    shank = swing + knee - end(leg) * 2 * BEND
    zero = np.zeros_like(swing)
    thigh = np.stack([-np.sin(swing), zero, -np.cos(swing)], 1) * LIMB
    lower = np.stack([-np.sin(shank), zero, -np.cos(shank)], 1) * LIMB
    hip = np.array([end(leg) * HIP[0], side(leg) * HIP[1], 0])
    out = np.stack([zero, zero + side(leg) * OFFSET, zero], 1)
    turned = np.stack([np.zeros_like(out), out, out + thigh, out + thigh + lower], 1)
    cos, sin = np.cos(sideways)[:, None], np.sin(sideways)[:, None]
    y, z = turned[..., 1], turned[..., 2]
    return hip + np.stack([turned[..., 0], cos * y - sin * z, sin * y + cos * z], 2)


def _pixels(points: Points) -> Points:
    """Pixels x, y [..., 2] of points [..., 3] in the upright frame."""
    seen = points[..., [0, 2]] * [1, -1] + points[..., 1:2] * DEPTH
    pixels: Points = CENTRE + SCALE * seen
    return pixels


def _limbs(frames: NDArray[np.uint8], legs: list[Points], colour: tuple[int, int, int]) -> None:
    for leg in legs:
        _lines(frames, np.stack([leg[:, :3], leg[:, 1:]], 2), colour, 2, 16)
        _lines(frames, leg[:, None, [3, 3]] + [[-0.5, 0.5], [0.5, 0.5]], FOOT, 2, 1)


def _trunk(frames: NDArray[np.uint8], tilt: Points) -> None:
    """Its twelve edges."""
    x, y, z = TRUNK
    near = np.array([[x, -y, z], [x, -y, -z], [-x, -y, -z], [-x, -y, z]])
    corners = _pixels(np.concatenate([near, near * [1, -1, 1]]) @ tilt)
    round_ = [[n + k, (n + 1) % 4 + k] for k in (0, 4) for n in range(4)]
    _lines(frames, corners[:, [*round_, *([n, n + 4] for n in range(4))]], BODY, 1, 34)


def _lines(
    frames: NDArray[np.uint8], ends: Points, colour: tuple[int, int, int], width: int, longest: int
) -> None:
    """Draw on each frame L lines between two pixels x, y: ends [N, L, 2, 2].

    None is of more than `longest` pixels.
    """
    along = np.linspace(0, 1, longest + 2)
    first, last = np.moveaxis(ends[..., None], 2, 0)  # [N, L, 2, 1]
    pixels = np.floor(first + (last - first) * along).astype(np.int32)
    x, y = np.moveaxis(pixels, 2, 0).reshape(2, len(frames), -1)
    index = np.arange(len(frames))[:, None]
    for down in range(width):
        for right in range(width):
            rows, columns = (np.clip(p, 0, SIZE - 1) for p in (y + down, x + right))
            frames[index, rows, columns] = colour
