"""Room on the disk of a download."""

import shutil
from pathlib import Path

from pipeline.errors import DataError


def require_space(dest: Path, needed: int, fewer: str = "") -> None:
    """Check the free disk space.

    Args:
        dest: folder that is downloaded into.
        needed: bytes.
        fewer: a further way out.

    Raises:
        DataError: less than `needed` bytes are free.
    """
    from rich.filesize import decimal

    if needed > free(dest):
        raise DataError(
            f"{dest}: needs {decimal(needed)}, but only {decimal(free(dest))} are free; "
            f"make room, or choose a folder on another disk{fewer}"
        )


def free(dest: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet."""
    existing = next(path for path in (dest, *dest.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free
