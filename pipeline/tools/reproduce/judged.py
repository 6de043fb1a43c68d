"""A checkpoint in place of training: the published one, or anybody's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.diffusion.world_model import CONFIG
from pipeline.errors import ParamsError
from pipeline.tools.reference import config as configs
from pipeline.tools.reference import convert
from pipeline.tools.reference.commands import import_
from pipeline.tools.reproduce import experiment, stages
from pipeline.tools.reproduce.published import Run
from pipeline.weights import hub

PUBLISHED = "published"
"""Stands for the checkpoint that published.json names."""
FOLDER = Path("results/reproduce")


def located(name: str, run: Run, checkpoint: str) -> Path:
    """Where a checkpoint lies, fetched from the hub if it must be; `published` is the run's own.

    Raises:
        ParamsError: that of this run is not published.
        DataError: it cannot be found, or is neither a world model nor the reference's.
    """
    wanted = run.checkpoint if checkpoint == PUBLISHED else checkpoint
    if wanted is None:
        raise ParamsError(f"no checkpoint of {name} is published; name one, or train it")
    path = hub.folder(wanted, None, (convert.WEIGHTS, convert.CONFIG))
    if not (path / CONFIG).is_file():
        configs.read((path.parent if path.is_file() else path) / convert.CONFIG)
    return path


def judge(name: str, checkpoint: Path, values: Mapping[str, Any]) -> dict[str, Path]:
    """Import a checkpoint and run evaluate's own command on it, on the latents that are there.

    Args:
        name: the run.
        checkpoint: a world model's folder, or a checkpoint of the reference.
        values: params.yaml as the run wants it.

    Returns:
        Where what evaluate records lies, by its path in dvc.yaml: in a folder no stage knows.
    """
    folder = FOLDER / name
    stage.remove(folder)
    model = checkpoint
    if not (checkpoint / CONFIG).is_file():
        model = folder / "world_model"
        import_(str(checkpoint), model, latents=Path(stages.read("encode", values).outs[0]))
    evaluate, trained = (stages.read(of, values) for of in ("evaluate", "train"))
    written = [*evaluate.outs, *evaluate.records]
    moved = {path: str(folder / path) for path in written} | {trained.outs[0]: str(model)}
    experiment.stage_command([moved.get(word, word) for word in evaluate.command])
    return {path: folder / path for path in evaluate.records}
