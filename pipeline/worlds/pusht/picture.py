"""What PushT looks like: the published colours, drawn at about 512 px and averaged down."""

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

GOAL = (256.0, 256.0, np.pi / 4)  # x, y, angle; scenery, whatever the goal of a plan is
WHITE, LIGHT_GREEN, LIGHT_GRAY = (255, 255, 255), (144, 238, 144), (211, 211, 211)
# Outline and fill; the fill is 1.2 times as light.
SLATE_GRAY, LIGHT_SLATE = (119, 136, 153), (143, 163, 184)
ROYAL_BLUE, LIGHT_BLUE = (65, 105, 225), (78, 126, 255)
OUTLINE = 2.0  # pixels of the block's outline on either side of its edges
RIM = 4.0  # pixels of the agent's rim


class Picture:
    """Draws states at one size."""

    def __init__(self, size: int) -> None:
        """Paint what never changes: the walls and the goal."""
        from PIL import Image, ImageDraw

        self.fold = max(2, round(SIDE / size))  # drawn pixels a pixel
        self.scale = size * self.fold / SIDE  # drawn pixels a pixel of the world
        self.scenery = Image.new("RGB", (size * self.fold,) * 2, WHITE)
        canvas = ImageDraw.Draw(self.scenery)
        low, high = WALLS
        for edge, colour in ((THICKNESS, LIGHT_GRAY), (-THICKNESS, WHITE)):
            self._box(canvas, (low, low, high, high), (0, 0, 0), edge, colour)
        for part in (BAR, STEM):
            self._box(canvas, part, GOAL, 0, LIGHT_GREEN)

    def draw(self, state: State) -> NDArray[np.uint8]:
        """The frame of a state [7], [size, size, 3] RGB."""
        from PIL import ImageDraw

        image = self.scenery.copy()
        canvas = ImageDraw.Draw(image)
        x, y, block_x, block_y, angle, _, _ = state.tolist()
        for part in (BAR, STEM):
            self._box(canvas, part, (block_x, block_y, angle), OUTLINE, SLATE_GRAY)
            self._box(canvas, part, (block_x, block_y, angle), -OUTLINE, LIGHT_SLATE)
        self._disc(canvas, x, y, RADIUS, ROYAL_BLUE)
        self._disc(canvas, x, y, RADIUS - RIM, LIGHT_BLUE)
        return np.array(image.reduce(self.fold))

    def _box(
        self,
        canvas: "ImageDraw",
        box: Box,
        pose: tuple[float, float, float],
        grown: float,
        colour: tuple[int, int, int],
    ) -> None:
        """A box, grown on all sides, turned and moved to a pose (x, y, angle)."""
        x, y, angle = pose
        cos, sin = np.cos(angle), np.sin(angle)
        left, top, right, bottom = box
        grown_box = (left - grown, top - grown, right + grown, bottom + grown)
        # Pillow counts in middles of pixels, and takes whole ones only.
        points = [
            (
                round((x + cos * u - sin * v) * self.scale - 0.5),
                round((y + sin * u + cos * v) * self.scale - 0.5),
            )
            for u, v in corners(grown_box)
        ]
        canvas.polygon(points, fill=colour)

    def _disc(
        self, canvas: "ImageDraw", x: float, y: float, radius: float, colour: tuple[int, int, int]
    ) -> None:
        low_x, low_y = (round((middle - radius) * self.scale) for middle in (x, y))
        high_x, high_y = (round((middle + radius) * self.scale) - 1 for middle in (x, y))
        canvas.ellipse((low_x, low_y, high_x, high_y), fill=colour)
