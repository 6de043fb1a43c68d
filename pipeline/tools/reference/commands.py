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
            help="A .safetensors or .ckpt of the reference, its folder, or its id on the hub.",
        ),
    ],
    out: Annotated[Path, output("OUT", "Folder for the world model; must not exist yet.")],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its config, if not the config.yaml beside it."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="NAME", help="Branch, tag or commit on the hub.")
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(metavar="LATENTS", help="Cache whose actions' statistics the model keeps."),
    ] = None,
) -> None:
    """Make a world model of a checkpoint of the reference; strict, and nothing is unpickled."""
    from pipeline.tools.reference import config as configs
    from pipeline.tools.reference import convert
    from pipeline.weights import hub

    _refuse_existing(out)
    path = Path(checkpoint)
    if not path.is_file():
        path = hub.folder(checkpoint, revision, (convert.WEIGHTS, convert.CONFIG)) / convert.WEIGHTS
    chosen = configs.read(config or path.parent / convert.CONFIG)
    model = convert.imported(path, chosen, latents)
    with stage.output(out) as partial:
        model.save_pretrained(partial)
    print(f"import: {model.parameters():,} parameters of {chosen.model.arch}, in {out}")
    if latents is None and chosen.dataset.loader.normalize_action:
        print(
            "import: trained on normalised actions, whose statistics no checkpoint holds: give "
            "--latents, or normalise actions yourself"
        )


def export(
    world_model: Model,
    out: Annotated[Path, output("OUT", "Folder for the checkpoint; must not exist yet.")],
) -> None:
    """Write a world model as a checkpoint of the reference: its key names, its config.yaml."""
    from pipeline.diffusion.world_model import WorldModel
    from pipeline.tools.reference import convert

    _refuse_existing(out)
    model = WorldModel.from_pretrained(world_model)
    with stage.output(out) as partial:
        convert.exported(model, partial)
    print(f"export: {model.parameters():,} parameters, in {out / convert.WEIGHTS}")


def _refuse_existing(out: Path) -> None:
    from pipeline.errors import DataError

    if out.exists():
        raise DataError(f"{out}: exists already; remove it or name another folder")
