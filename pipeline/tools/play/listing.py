"""`wm play --list`: the models of a workspace."""

from pathlib import Path

from pipeline import encoders
from pipeline.diffusion.model_folder import CONFIG
from pipeline.episodes.manifest import MANIFEST
from pipeline.errors import UserError
from pipeline.tools import tables
from pipeline.tools.play.sources import config_of, paths_of
from pipeline.tools.rollout.write import parts


def models(root: Path) -> list[Path]:
    """Folders of a workspace that hold a codec and a world model, and students beside one."""
    found = [*root.glob("models/*/*/world_model"), *root.glob("models/*/world_model")]
    folders = [folder.parent for folder in found if (folder.parent / "codec").is_dir()]
    students = [place.parent for folder in folders for place in folder.glob(f"student*/{CONFIG}")]
    return sorted([*folders, *students])


def show_models(params: Path) -> None:
    """Print which models of a workspace can be played."""
    from rich.table import Table

    table = Table("model", "frames", "window", "every", "steps", "playable")
    for folder in models(params.parent):
        try:
            world_model, codec = parts(folder)
            config = config_of(world_model)
            encoders.name_of(codec)
            shards = paths_of(folder, None, None, params).shards
        except UserError as error:
            table.add_row(str(folder), "", "", "", "", f"no: {error}")
            continue
        view, there = config.spec.view, (shards / MANIFEST).is_file()
        table.add_row(
            str(folder),
            f"{view.height} x {view.width}",
            f"{config.frames} frames",
            f"{config.interval} steps",
            f"{config.default_steps} a frame",
            "yes" if there else f"with --shards: there is no {shards / MANIFEST}",
        )
    tables.show(table)
    if not table.row_count:
        print(f"play: no model in {params.parent / 'models'}; `wm run` trains one")
