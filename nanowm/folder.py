"""The folder of a model: codec and world model, each as its stage wrote it, and how to sample.

FOLDER/codec and FOLDER/world_model are what `models/NAME/ENCODER` of a workspace holds, so that
loads as it stands; nanowm.json and README.md are added when a model is saved.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from nanowm import model_card
from pipeline import stage
from pipeline.diffusion.config import refuse_skipped
from pipeline.diffusion.model_folder import CONFIG
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.places import from_project
from pipeline.files.versioned import Format
from pipeline.weights import hub
from pipeline.weights.pretrained import POINTER, Pointer

if TYPE_CHECKING:
    from nanowm.world_model import WorldModel

CODEC, DYNAMICS, DEFAULTS, CARD = "codec", "world_model", "nanowm.json", "README.md"
FILES = (DEFAULTS, f"{CODEC}/*", f"{DYNAMICS}/*")
"""What is downloaded of a repository."""
FORMAT = Format()
"""Of nanowm.json; a change of Defaults that earlier files do not go with needs a migration."""


class Defaults(FileModel):
    """nanowm.json: how the model is sampled unless its caller says otherwise."""

    steps: int = Field(gt=0, le=1000)
    """Denoising steps per frame."""


def read_defaults(folder: Path, steps: int) -> Defaults:
    """What nanowm.json says, or `steps` where a stage wrote the folder."""
    path = folder / DEFAULTS
    if path.exists():
        return FORMAT.read(path, Defaults, "get the model again from where it comes")
    return Defaults(steps=steps)


def parts(folder: Path) -> tuple[Path, Path]:
    """World model and codec: those in a folder that holds both, or a student beside its codec.

    Raises:
        DataError: they are not there; the line says what to give instead.
    """
    refuse_skipped(folder)
    missing = [part for part in (CODEC, DYNAMICS) if not (folder / part).is_dir()]
    if not missing:
        return folder / DYNAMICS, folder / CODEC
    if (folder / CONFIG).is_file() and (folder.parent / CODEC).is_dir():
        if folder.name == DYNAMICS:
            raise DataError(f"{folder}: a world model without its codec; give {folder.parent}")
        return folder, folder.parent / CODEC
    raise DataError(
        f"{folder}: no folder {' and no folder '.join(missing)} in it; give one that holds both, "
        "such as models/DATASET/ENCODER of a workspace, or one that save_pretrained wrote"
    )


def find(name: str | Path, revision: str | None) -> tuple[Path, Path, Path]:
    """The folder of a model, on the hub or here, with its world model and its codec.

    Raises:
        DataError: there is none, or see `parts`.
    """
    path = Path(name)
    if not path.exists() and (path.is_absolute() or len(path.parts) > 2):
        raise DataError(f"{name}: no such folder; name one, or an id on the hub, OWNER/NAME")
    folder = hub.folder(name, revision, FILES)
    return (folder, *parts(folder))


def save(model: "WorldModel", codec: Path, folder: Path) -> None:
    """Write a model whose codec was read from a folder; what else lies in `folder` stays.

    The codec's files are copied, as their digest is what says that both belong together.

    Raises:
        DataError: they are gone.
    """
    if not codec.is_dir():
        raise DataError(f"{codec}: gone, and the codec is copied from there; load the model again")
    folder.mkdir(parents=True, exist_ok=True)
    if codec.resolve() != (folder / CODEC).resolve():
        stage.remove(folder / CODEC)
        shutil.copytree(codec, folder / CODEC)
    model.dynamics.save_pretrained(folder / DYNAMICS)
    (folder / DEFAULTS).write_text(FORMAT.text(Defaults(steps=model.steps)))
    (folder / CARD).write_text(model_card.text(model))


def check_portable(codec: Path) -> None:
    """Check that a codec can be used on another machine.

    Raises:
        DataError: it names weights by a path of this one.
    """
    path = codec / POINTER
    if not path.is_file():
        return
    weights = read_json(path, Pointer, "load the model again").weights
    if weights.revision is None or from_project(weights.source).exists():
        raise DataError(
            f"{codec}: points at the published weights in {weights.source}, which only this "
            "machine has; fit the encoder with their id and revision on the hub as its source"
        )
