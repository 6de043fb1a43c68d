"""`wm import` and `wm export`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import Model, output


def import_(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Checkpoint of the reference: .safetensors or .ckpt, a folder, or a hub id.",
        ),
    ],
    out: Annotated[Path, output("OUT", "Folder for the world model; must not exist yet.")],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its config; by default config.yaml beside it."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="NAME", help="Branch, tag or commit on the hub.")
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(
            metavar="LATENTS", help="Latent cache from which to take the action statistics."
        ),
    ] = None,
) -> None:
    """Convert a checkpoint of the reference to a world model; nothing is unpickled."""
    from pipeline.tools.reference import config as configs
    from pipeline.tools.reference import convert
    from pipeline.weights import hub

    _refuse_existing(out)
    path = Path(checkpoint)
    if not path.is_file():
        path = hub.folder(checkpoint, revision, (convert.WEIGHTS, convert.CONFIG)) / convert.WEIGHTS
    reference_config = configs.read(config or path.parent / convert.CONFIG)
    model = convert.import_checkpoint(path, reference_config, latents)
    with stage.output(out) as partial:
        model.save_pretrained(partial)
    print(f"import: {model.parameters():,} parameters of {reference_config.model.arch}, in {out}")
    if latents is None and reference_config.dataset.loader.normalize_action:
        print(
            "import: the model was trained on normalised actions, but a checkpoint holds no action "
            "statistics: take them from a cache with --latents, or normalise actions yourself"
        )


def export(
    world_model: Model,
    out: Annotated[Path, output("OUT", "Folder for the checkpoint; must not exist yet.")],
) -> None:
    """Convert a world model to a checkpoint of the reference, with its config.yaml."""
    from pipeline.diffusion.world_model import WorldModel
    from pipeline.tools.reference import convert

    _refuse_existing(out)
    model = WorldModel.from_pretrained(world_model)
    with stage.output(out) as partial:
        convert.export_checkpoint(model, partial)
    print(f"export: {model.parameters():,} parameters, in {out / convert.WEIGHTS}")


def _refuse_existing(out: Path) -> None:
    from pipeline.errors import DataError

    if out.exists():
        raise DataError(f"{out}: already exists; remove it or name another folder")
