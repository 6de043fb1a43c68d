"""`python -m pipeline.collect.locate FOLDER`: a link to the user's own set, for DVC to follow.

A dependency of dvc.yaml can be named by one selector, `${dataset}`, but not by the option of the
chosen data set. So the link has a name of its own, and `collect` depends on what lies behind it.
"""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, output

LINK = "files"


def command(
    out: Annotated[Path, output("FOLDER", "Folder for the link.")],
    params: ParamsFile = PARAMS,
) -> None:
    """Link to `datasets.NAME.root`, so that DVC notices its changes; a note if it is simulated."""
    from pipeline.collect.listing import files_below, folder_of
    from pipeline.datasets import DATASETS
    from pipeline.params import read

    root = read(params).variant(DATASETS).options.root
    with stage.output(out) as partial:
        partial.mkdir()
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


if __name__ == "__main__":
    stage.main(command)
