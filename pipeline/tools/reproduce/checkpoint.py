"""Evaluate an existing checkpoint instead of training: the published one, or any other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.diffusion.model_folder import CONFIG
from pipeline.errors import ParamsError
from pipeline.tools.dvc_yaml import DVC_YAML
from pipeline.tools.dvc_yaml.read import stages
from pipeline.tools.reference import config as configs
from pipeline.tools.reference import convert
from pipeline.tools.reference.commands import import_
from pipeline.tools.reproduce import experiment
from pipeline.tools.reproduce.published import Run
from pipeline.weights import hub

PUBLISHED = "published"
"""Stands for the checkpoint that published.json names."""
FOLDER = Path("results/reproduce")


def resolve(name: str, run: Run, checkpoint: str) -> Path:
    """Local path of a checkpoint, downloaded from the hub if necessary.

    Args:
        name: of the run.
        run: of the paper.
        checkpoint: a folder, a hub id, or PUBLISHED for the run's own checkpoint.

    Raises:
        ParamsError: the run has no published checkpoint.
        DataError: there is no such checkpoint, or it is neither a world model nor the reference's.
    """
    source = run.checkpoint if checkpoint == PUBLISHED else checkpoint
    if source is None:
        raise ParamsError(f"{name} has no published checkpoint; name another one, or train it")
    path = hub.folder(source, None, (convert.WEIGHTS, convert.CONFIG))
    if not (path / CONFIG).is_file():
        configs.read((path.parent if path.is_file() else path) / convert.CONFIG)
    return path


def evaluate(name: str, checkpoint: Path, values: Mapping[str, Any]) -> dict[str, Path]:
    """Import a checkpoint and run the command of evaluate on it, on the latents of this workspace.

    Args:
        name: of the run.
        checkpoint: a world model's folder, or a checkpoint of the reference.
        values: params.yaml of the run.

    Returns:
        Metrics and plots by their paths in dvc.yaml; they lie in a folder that no stage writes.
    """
    folder = FOLDER / name
    stage.remove(folder)
    parsed = stages(DVC_YAML)
    encode, train, evaluate = (parsed[of].filled(values) for of in ("encode", "train", "evaluate"))
    model = checkpoint
    if not (checkpoint / CONFIG).is_file():
        model = folder / "world_model"
        import_(str(checkpoint), model, latents=Path(encode.outs[0]))
    moved = {path: str(folder / path) for path in (*evaluate.outs, *evaluate.records)}
    moved[train.outs[0]] = str(model)
    experiment.stage_command([moved.get(word, word) for word in evaluate.command])
    return {path: folder / path for path in evaluate.records}
