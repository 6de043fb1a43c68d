from fetch_helpers import hub, server

__all__ = ["hub", "server"]
