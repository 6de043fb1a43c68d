"""Workspaces that look as if every stage had run, with numbers that are known."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
from helpers import ROOT
from pipeline_helpers import set_params
from plan_helpers import plan_metrics

SCORES = {"latent_mse": [0.1, 0.3], "psnr": [30.0, 28.0], "ssim": [0.9, 0.8]}
WORSE = {"latent_mse": [0.5, 0.5], "psnr": [20.0, 18.0], "ssim": [0.7, 0.6]}
EVALUATE = {
    **{"clips": 4, "frames": 2, "decoder": "own", "model": SCORES},
    **dict.fromkeys(("repeat_last", "shuffled_actions", "zero_actions"), WORSE),
}
PLAN = plan_metrics(planner=40, noop=0, random=10, replay=50)
FIT = {
    **{"val_psnr": 35.0, "decoder": "own", "latent_rank": 2.5, "latent_spread": 0.5},
    **{"train_frames": 10, "val_frames": 5},
}
TRAIN = {"loss": 0.1, "validation_loss": 0.1234, "steps": 100, "parameters": 900_000}
ENCODE = {
    **{"frames": 10, "bytes": 100, "latent_shape": [4, 8, 8], "storage": "float16"},
    "rounding_error": 0.0,
}
METRICS = {"fit": FIT, "encode": ENCODE, "train": TRAIN, "evaluate": EVALUATE, "plan": PLAN}


def measured_workspace(
    folder: Path, params: dict[str, object] | None = None, *, seed: int = 0, **changes: object
) -> Path:
    """A workspace with the outputs that are compared.

    Args:
        folder: to be made.
        params: dotted keys of params.yaml that are changed.
        seed: of the recorded frames.
        changes: of metrics, by stage.
    """
    for place in ("metrics/seconds", "plots", "results"):
        (folder / place).mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    set_params(folder, params or {})
    for stage, values in METRICS.items():
        of_stage = {**values, **changes.get(stage, {})}
        (folder / f"metrics/{stage}.json").write_text(json.dumps(of_stage))
        seconds = {"seconds": 1.5, "clips_per_second": 64.0}
        (folder / f"metrics/seconds/{stage}.json").write_text(json.dumps(seconds))
    loss = changes.get("train", {}).get("loss", 0.1)
    _table(folder / "plots/train.csv", "step,loss,learning_rate,gradient_norm", loss)
    _table(folder / "plots/validation.csv", "step,loss,error_0.0_0.1,error_0.1_0.2", loss)
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 255, (3, 4, 3, 16, 16), np.uint8)
    np.savez(folder / "results/dreams.npz", truth=truth, prediction=truth[:, ::-1])
    np.savez(
        folder / "results/films.npz",
        frames=rng.integers(0, 255, (3, 5, 16, 16, 3), np.uint8),
        lengths=np.array([5, 3, 4]),
        goals=rng.integers(0, 255, (3, 16, 16, 3), np.uint8),
        success=np.array([True, False, True]),
    )
    return folder


def _table(path: Path, header: str, loss: float) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(header.split(","))
        rows.writerows([step, loss * 10 / step, 0.5, 0.25] for step in range(1, 30))
