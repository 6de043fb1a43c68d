"""`python -m pipeline.collect.locate FOLDER`: what the chosen data set is, for DVC to follow.

A dependency of dvc.yaml can be named by one selector, `${dataset}`, but not by an option of the
chosen data set. So what options name gets names of its own, and later stages depend on these:
links to the set's files and to the models that a student is distilled from, and for its format,
its world and an encoder that it names a file with the member's name, its options and a digest of
the code that it runs. Editing one format runs nothing again for a set of another.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, output

if TYPE_CHECKING:
    from pipeline.params import AnyFamily, Settings

LINK = "files"


def command(
    out: Annotated[Path, output("FOLDER", "Folder for the link.")],
    params: ParamsFile = PARAMS,
) -> None:
    """Link to what params.yaml names by its path; name what the data set chooses itself.

    What is on the hub is downloaded before.
    """
    from pipeline.collect.listing import files_below, folder_of
    from pipeline.collect.root import provide
    from pipeline.families import FAMILIES
    from pipeline.formats import FORMATS
    from pipeline.params import read

    settings = read(params)
    root = provide(settings.variant(FORMATS).options, out.parent)
    with stage.output(out) as partial:
        partial.mkdir()
        for family in FAMILIES:
            if family.of_dataset or family.replaceable:
                stage.write_json(partial / f"{family.selector}.json", _member(settings, family))
        for key, folder in parents(settings).items():
            if folder is None:
                (partial / key).write_text("the world model\n")
            else:
                (partial / key).symlink_to(folder.resolve())
        if root is None:
            (partial / LINK).write_text("simulated\n")
            return
        here = folder_of(root)
        listing = files_below(here)
        (partial / "root").write_text(f"{root}\n")
        if not listing.linked_folders:
            (partial / LINK).symlink_to(here.resolve())
            return
        for path in listing.files:  # DVC does not look behind a folder's link, but a file's
            link = partial / LINK / path.relative_to(here)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def parents(settings: "Settings") -> dict[str, Path | None]:
    """Folders of the models that a student is distilled from, by key; None for the world model.

    Raises:
        DataError: there is no such folder.
    """
    from pipeline.errors import DataError
    from pipeline.files.places import from_project

    method = settings.value("distill", "method")
    read_by = {"init": ("consistency", "dmd"), "real": ("dmd",)}
    found: dict[str, Path | None] = {}
    for key, methods in read_by.items():
        named = settings.value("distill", key) if method in methods else None
        found[key] = None if named is None else from_project(named)
        if named is not None and not from_project(named).is_dir():
            raise DataError(
                f"distill.{key}: {named}: no such folder in {Path.cwd()}; name that of a model, or "
                "null for the world model"
            )
    return found


def _member(settings: "Settings", family: "AnyFamily") -> dict[str, Any]:
    """A member of a family that the data set chooses: all that decides what it does."""
    from pipeline import imports

    name = settings.chosen_by_dataset(family)
    if name is None:
        return {family.selector: None}
    block, key = settings.block(family).split(".", 1)
    return {
        family.selector: name,
        "options": settings.values[block][key],
        "code": imports.digest([family.module(name)]),
    }


if __name__ == "__main__":
    stage.main(command)
