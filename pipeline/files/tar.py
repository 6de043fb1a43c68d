"""Members of tar archives."""

import tarfile
from collections.abc import Iterator

REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
"""Types of members whose bytes lie in the archive: no links, no files with holes."""


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Every member, in the archive's order.

    Raises:
        TarError: one has a negative size, after which Python would go back in the archive for ever.
    """
    for member in archive:
        if member.size < 0:
            raise tarfile.TarError(f"{member.name!r} claims {member.size} bytes")
        yield member
