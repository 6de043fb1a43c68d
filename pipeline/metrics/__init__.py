"""How generated frames are compared with true ones."""

from typing import Literal

Perceptual = Literal["lpips", "fid"]
