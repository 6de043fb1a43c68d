"""Bytes as people read them."""

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def readable(count: int) -> str:
    """Bytes in MB, GB or TB."""
    size, unit = next((s, u) for s, u in UNITS if count >= s or u == "MB")
    return f"{count / size:.2f} {unit}"
