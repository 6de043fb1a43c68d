"""Rendering of PushT: the published colours, drawn at about 512 px and box-filtered down."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.pusht.physics import (
    BAR,
    RADIUS,
    SIDE,
    STEM,
    THICKNESS,
    WALLS,
    Box,
    State,
    corners,
)

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

GOAL = (256.0, 256.0, np.pi / 4)  # x, y, angle: part of the background, not the goal of a task
WHITE, LIGHT_GREEN, LIGHT_GRAY = (255, 255, 255), (144, 238, 144), (211, 211, 211)
# Outline and fill; the fill is 1.2 times as bright.
SLATE_GRAY, LIGHT_SLATE = (119, 136, 153), (143, 163, 184)
ROYAL_BLUE, LIGHT_BLUE = (65, 105, 225), (78, 126, 255)
OUTLINE = 2.0  # px of the block's outline on either side of its edges
RIM = 4.0  # px, width of the agent's outline


class Renderer:
    """Renders states at one resolution."""

    def __init__(self, size: int) -> None:
        """Draw the static background: the walls and the goal."""
        from PIL import Image, ImageDraw

        self.supersampling = max(2, round(SIDE / size))  # drawn pixels per pixel of a frame
        self.scale = size * self.supersampling / SIDE  # drawn pixels per pixel of the world
        self.background = Image.new("RGB", (size * self.supersampling,) * 2, WHITE)
        canvas = ImageDraw.Draw(self.background)
        low, high = WALLS
        for edge, colour in ((THICKNESS, LIGHT_GRAY), (-THICKNESS, WHITE)):
            self._box(canvas, (low, low, high, high), (0, 0, 0), edge, colour)
        for part in (BAR, STEM):
            self._box(canvas, part, GOAL, 0, LIGHT_GREEN)

    def render(self, state: State) -> NDArray[np.uint8]:
        """The frame of a state [7], uint8 [size, size, 3] RGB."""
        from PIL import ImageDraw

        image = self.background.copy()
        canvas = ImageDraw.Draw(image)
        x, y, block_x, block_y, angle, _, _ = state.tolist()
        for part in (BAR, STEM):
            self._box(canvas, part, (block_x, block_y, angle), OUTLINE, SLATE_GRAY)
            self._box(canvas, part, (block_x, block_y, angle), -OUTLINE, LIGHT_SLATE)
        self._disc(canvas, x, y, RADIUS, ROYAL_BLUE)
        self._disc(canvas, x, y, RADIUS - RIM, LIGHT_BLUE)
        return np.array(image.reduce(self.supersampling))

    def _box(
        self,
        canvas: "ImageDraw",
        box: Box,
        pose: tuple[float, float, float],
        margin: float,
        colour: tuple[int, int, int],
    ) -> None:
        """Draw a box at a pose (x, y, angle), enlarged by `margin` on all sides."""
        x, y, angle = pose
        cos, sin = np.cos(angle), np.sin(angle)
        left, top, right, bottom = box
        enlarged = (left - margin, top - margin, right + margin, bottom + margin)
        # Pillow has integer coordinates, at the centres of pixels.
        points = [
            (
                round((x + cos * u - sin * v) * self.scale - 0.5),
                round((y + sin * u + cos * v) * self.scale - 0.5),
            )
            for u, v in corners(enlarged)
        ]
        canvas.polygon(points, fill=colour)

    def _disc(
        self, canvas: "ImageDraw", x: float, y: float, radius: float, colour: tuple[int, int, int]
    ) -> None:
        low_x, low_y = (round((middle - radius) * self.scale) for middle in (x, y))
        high_x, high_y = (round((middle + radius) * self.scale) - 1 for middle in (x, y))
        canvas.ellipse((low_x, low_y, high_x, high_y), fill=colour)
