"""`python -m pipeline.code FOLDER`: which files of this package each stage runs, for DVC to follow.

A dependency of dvc.yaml is a path, and what a stage imports changes. So it is listed in
FOLDER/STAGE.txt, which the stage depends on, as `sha256sum` prints it: `sha256sum --check` takes
such a file, and a diff of two tells what has changed.
"""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import output


def command(out: Annotated[Path, output("FOLDER", "Folder for the lists.")]) -> None:
    """List the files of this package that each stage runs, with their digests."""
    from pipeline.code.listing import listing, stages

    with stage.output(out) as partial:
        partial.mkdir()
        for name, module in stages().items():
            (partial / f"{name}.txt").write_text(listing(module))


if __name__ == "__main__":
    stage.main(command)
