"""What tests share: golden numbers, members of families, small episodes."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.families import PUBLISHED, Family
from pipeline.params import Params, Variant

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def every(family: Family) -> list[str]:
    """All members of a family, for parametrize: a new file is tested before its author writes."""
    return family.names()


DATASETS = sorted(PUBLISHED)
"""The published data sets."""


def default(family: Family, name: str, **changes: object) -> tuple[ModuleType, Params]:
    """A member's module, and its options from params.yaml with some changed.

    Formats go by the published data set in them.
    """
    block = "datasets" if family.in_dataset else family.block
    member = PUBLISHED[name] if family.in_dataset else name
    module = family.load(member, "test")
    return module, module.Options.model_validate({**PARAMS[block][name], **changes})


def member_of(family: Family, name: str, **changes: object) -> Variant:
    """A member with its options from params.yaml, some changed, for the suites of testing/."""
    return Variant(name, *default(family, name, **changes))


def golden_arrays(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of a golden file."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def golden(name: str) -> Callable[[str], torch.Tensor]:
    """The arrays of a golden file, each as a tensor when it is asked for."""
    arrays = golden_arrays(name)
    return lambda key: torch.from_numpy(arrays[key])


def make_episode(key: str, length: int = 12, size: int = 16, seed: int = 0) -> Episode:
    """An episode of a square that slides to the right, with actions that say how far."""
    rng = np.random.default_rng([seed, *key.encode()])
    actions = rng.normal(size=(length, 2)).astype(np.float32)
    frames: NDArray[np.uint8] = np.zeros((length, size, size, 3), np.uint8)
    for step in range(length):
        frames[step, 4:8, step % size : step % size + 4] = rng.integers(100, 255, 3)
    states = np.cumsum(actions, 0, dtype=np.float32)
    return Episode(key, frames, actions, states, {"door": 30.0, "wall": 32.0})


def content(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}
