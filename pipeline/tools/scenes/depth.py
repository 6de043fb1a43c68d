"""Depth that Depth Anything 3 (Lin et al. 2025) estimates, in an environment of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline import stage
from pipeline.errors import DataError, ParamsError
from pipeline.tools.scenes import da3_worker, depth_maps
from pipeline.tools.scenes.card import DEPTH, TRUTH, ExportCard

INSTALL = "python -m venv .venv-da3 && .venv-da3/bin/pip install depth-anything-3"
WEIGHTS = ("config.json", "model.safetensors")


@dataclass(frozen=True, slots=True)
class Estimate:
    """How depth is estimated.

    Attributes:
        python: of the environment that has depth_anything_3.
        model: folder of a model of the hub: config.json and model.safetensors.
        name: what the depth is called in the export.
        frames: most images, which the network sees together.
        step: images from one of them to the next.
        resolution: of the longer side, in pixels, at which it sees them.
    """

    python: Path
    model: Path
    name: str
    frames: int
    step: int
    resolution: int

    def check(self) -> None:
        """Refuse what is not there.

        Raises:
            ParamsError: there is no such environment, or the name is taken by true depth.
            DataError: there are no such weights.
        """
        if self.name == TRUTH or Path(self.name).name != self.name or self.name.startswith("."):
            raise ParamsError(f"--name {self.name}: choose another, such as da3")
        if not self.python.is_file() or not os.access(self.python, os.X_OK):
            raise ParamsError(f"--python {self.python}: no such program; make one by `{INSTALL}`")
        for file in WEIGHTS:
            if not (self.model / file).is_file():
                raise DataError(
                    f"{self.model}: holds no {file}; download a model, such as "
                    "depth-anything/DA3-LARGE, from the hub to that folder"
                )


def estimate(folder: Path, card: ExportCard, chosen: Estimate) -> int:
    """Add depth to an export, whole or not at all; with its cameras, where they are known.

    Returns:
        The number of images.

    Raises:
        ParamsError: the environment is not there, or lacks depth_anything_3.
        DataError: weights are missing, or the network failed or gave something else than depth.
    """
    chosen.check()
    numbers = list(range(0, len(card.frames), chosen.step)[: chosen.frames])
    with stage.output(folder / DEPTH / chosen.name) as partial, TemporaryDirectory() as scratch:
        partial.mkdir(parents=True)
        out = [(partial / f"{number:06d}.npz").resolve() for number in numbers]
        request = {
            "model": str(chosen.model.resolve()),
            "images": [str((folder / card.frames[n].file).resolve()) for n in numbers],
            "cameras": _cameras(card, numbers, Path(scratch)),
            "resolution": chosen.resolution,
            "out": [str(path) for path in out],
        }
        path = Path(scratch) / "request.json"
        path.write_text(json.dumps(request))
        _run(chosen, path)
        for number, written in zip(numbers, out, strict=True):
            depth_maps.read_file(written, folder, card, number)
    return len(numbers)


def _cameras(card: ExportCard, numbers: list[int], scratch: Path) -> str | None:
    """A file of the known cameras, as Depth Anything 3 takes them; None if they are unknown."""
    intrinsics, poses = card.intrinsics(), card.poses()
    if intrinsics is None or poses is None:
        return None
    matrices = np.tile(np.eye(3, dtype=np.float32), (len(numbers), 1, 1))
    matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = intrinsics[numbers]
    path = scratch / "cameras.npz"
    np.savez(path, extrinsics=poses[numbers].astype(np.float32), intrinsics=matrices)
    return str(path)


def _run(chosen: Estimate, request: Path) -> None:
    # The other environment must find its own packages, and weights that are here alone.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = [str(chosen.python.absolute()), str(Path(da3_worker.__file__).resolve()), str(request)]
    done = subprocess.run(
        words, env=environment | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True
    )
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
    if done.returncode == da3_worker.ABSENT:
        raise ParamsError(
            f"--python {chosen.python}: has no depth_anything_3 ({said}); install it there by "
            f"`{INSTALL}`"
        )
    if done.returncode:
        raise DataError(
            f"{chosen.model}: Depth Anything 3 ended with {done.returncode} ({said}); take fewer "
            "--frames or a lower --resolution if memory ran out, or another model"
        )
