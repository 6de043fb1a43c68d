"""Paths of arrays in params.yaml."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def _several(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_several)]
"""Paths of arrays; one alone may stand without brackets."""
