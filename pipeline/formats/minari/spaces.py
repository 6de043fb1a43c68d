"""Gymnasium's spaces as Minari's metadata.json describes them, and actions of each as vectors."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel
from pipeline.formats._shared import discrete
from pipeline.formats._shared.hdf5_arrays import float32


class Box(FileModel):
    """Numbers of one shape."""

    type: Literal["Box"]
    dtype: str
    shape: list[int]


class Discrete(FileModel):
    """One of n actions, counted from `start`."""

    type: Literal["Discrete"]
    n: int
    start: int = 0


class MultiDiscrete(FileModel):
    """Several choices at once."""

    type: Literal["MultiDiscrete"]
    nvec: list[int]
    start: list[int]


class MultiBinary(FileModel):
    """Several switches."""

    type: Literal["MultiBinary"]


class Dict(FileModel):
    """Spaces by name."""

    type: Literal["Dict"]
    subspaces: "dict[str, Space]"


class Tuple(FileModel):
    """Spaces in an order."""

    type: Literal["Tuple"]
    subspaces: "list[Space]"


class Text(FileModel):
    """A line of text."""

    type: Literal["Text"]


Space = Annotated[
    Box | Discrete | MultiDiscrete | MultiBinary | Dict | Tuple | Text, Field(discriminator="type")
]
Leaf = Box | Discrete | MultiDiscrete | MultiBinary | Text
_SPACE: TypeAdapter[Any] = TypeAdapter(Space)


def parse(content: str, place: str, way_out: str) -> Leaf | Dict | Tuple:
    """A space from its JSON.

    Raises:
        DataError: it is damaged, or of a kind that Minari does not write.
    """
    with parsing(place, way_out):
        space: Leaf | Dict | Tuple = _SPACE.validate_json(content, strict=True)
        return space


def leaves(space: Leaf | Dict | Tuple, path: str, index: str) -> Iterator[tuple[str, Leaf]]:
    """The spaces that hold values, by the path of their array.

    Args:
        space: the space.
        path: of its array or group.
        index: what stands before the number of a Tuple's part.
    """
    if isinstance(space, Dict):
        for name, part in space.subspaces.items():
            yield from leaves(part, f"{path}/{name}", index)
    elif isinstance(space, Tuple):
        for number, part in enumerate(space.subspaces):
            yield from leaves(part, f"{path}/{index}{number}", index)
    else:
        yield path, space


def vectors(space: Leaf, values: NDArray[Any], place: str) -> NDArray[np.float32]:
    """Values [T, K] of a space as float32 [T, dim]; a choice becomes one-hot.

    Raises:
        DataError: they are text, or a choice that the space has not.
    """
    if isinstance(space, Text):
        raise DataError(f"{place}: an action is text, which no model here takes; leave the set out")
    if isinstance(space, Discrete):
        return discrete.one_hot(values, space.n, place, space.start)
    if isinstance(space, MultiDiscrete):
        if not len(space.nvec) == len(space.start) == values.shape[1]:
            raise DataError(
                f"{place}: {values.shape[1]} choices a step, but its space has {len(space.nvec)}"
            )
        each = zip(values.T, space.nvec, space.start, strict=True)
        return np.hstack([discrete.one_hot(v[:, None], n, place, s) for v, n, s in each])
    return float32(values)
