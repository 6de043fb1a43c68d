"""Metrics of images, and the files in which stages record their metrics."""

from typing import Literal

Perceptual = Literal["lpips", "fid"]
