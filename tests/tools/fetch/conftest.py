from fetch_helpers import server

__all__ = ["server"]
