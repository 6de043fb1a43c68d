"""`wm play --list`: the models of a workspace."""

from pathlib import Path

from pipeline.diffusion.config import FORMAT, Config
from pipeline.diffusion.world_model import CONFIG
from pipeline.errors import UserError
from pipeline.tools import tables

REMEDY = "`dvc checkout` restores it"


def models(root: Path) -> list[Path]:
    """Folders of a workspace that hold a codec and a world model."""
    return sorted(
        folder.parent
        for folder in root.glob("models/*/*/world_model")
        if (folder.parent / "codec").is_dir()
    )


def show_models(root: Path) -> None:
    """Print what can be played: data set, encoder, frame size, window and folder."""
    from rich.table import Table

    table = Table("model", "data set", "encoder", "frames", "window", "every", "denoiser")
    for folder in models(root):
        try:
            config = FORMAT.read(folder / "world_model" / CONFIG, Config, REMEDY)
        except UserError as error:
            table.add_row(str(folder), str(error))
            continue
        spec = config.spec
        table.add_row(
            str(folder),
            spec.dataset,
            spec.encoder,
            f"{spec.view.height} x {spec.view.width}",
            f"{config.frames} frames",
            f"{config.interval} steps",
            config.denoiser.name,
        )
    tables.show(table)
    if not table.row_count:
        print(f"play: no model in {root / 'models'}; `wm run` trains one")
