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
            help="Checkpoint of the reference: .safetensors or .ckpt, a folder, or a hub id; or "
            "one of a state model, RWM's model_*.pt, with --latents.",
        ),
    ],
    out: Annotated[Path, output("OUT", "Folder for the model; must not exist yet.")],
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
    history: Annotated[
        int, typer.Option(min=1, metavar="ROWS", help="That RWM's own state model is fed at first.")
    ] = 32,
) -> None:
    """Convert a checkpoint of the reference to a world model; nothing is unpickled."""
    from pipeline.tools.reference import config as configs
    from pipeline.tools.reference import convert
    from pipeline.weights import hub

    _refuse_existing(out)
    path = Path(checkpoint)
    if path.suffix == ".pt":
        _import_states(path, out, latents, history)
        return
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
    """Convert a model to a checkpoint of the reference, with its config.yaml; or to RWM's."""
    from pipeline.dynamics.load import load_model
    from pipeline.dynamics.state_model import StateModel
    from pipeline.tools.reference import convert, state_convert

    _refuse_existing(out)
    model = load_model(world_model)
    with stage.output(out) as partial:
        if isinstance(model, StateModel):
            state_convert.export_checkpoint(model, partial)
        else:
            convert.export_checkpoint(model, partial)
    (written,) = (path for path in out.iterdir() if path.name != convert.CONFIG)
    print(f"export: {model.parameters():,} parameters, in {written}")


def _import_states(path: Path, out: Path, latents: Path | None, history: int) -> None:
    from pipeline.errors import ParamsError
    from pipeline.tools.reference import state_convert

    if latents is None:
        raise ParamsError(
            f"{path}: a state model is imported for the states of a data set; give --latents "
            "data/NAME/latents/ENCODER.zarr"
        )
    model = state_convert.import_checkpoint(path, latents, history)
    with stage.output(out) as partial:
        model.save_pretrained(partial)
    name = model.config.state_model.name
    print(f"import: {model.parameters():,} parameters of {name}, in {out}")


def _refuse_existing(out: Path) -> None:
    from pipeline.errors import DataError

    if out.exists():
        raise DataError(f"{out}: already exists; remove it or name another folder")
