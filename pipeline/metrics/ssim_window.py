"""The window of SSIM, and which frames are too small for it; light, for stages that score none."""

from pipeline.errors import DataError

WINDOW = 11
"""Side of the Gaussian window in pixels (Wang et al. 2004)."""


def check_window_fits(height: int, width: int, what: str) -> None:
    """Refuse frames that have no SSIM; errors name them by `what`.

    Raises:
        DataError: a side is shorter than the window.
    """
    if min(height, width) < WINDOW:
        least = [max(height, WINDOW), max(width, WINDOW)]
        raise DataError(
            f"{what}: {height} x {width} pixels, but SSIM compares windows of {WINDOW} x {WINDOW}; "
            f"set datasets.NAME.resolution to {least} or more"
        )
