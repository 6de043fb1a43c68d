"""`wm dvc-yaml`: check the code dependencies of dvc.yaml against the imports, or write them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.tools.dvc_yaml import DVC_YAML


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The dvc.yaml.")] = DVC_YAML,
    write: Annotated[bool, typer.Option("--write", help="Write the lines that differ.")] = False,
) -> None:
    """Check that dvc.yaml names exactly the code that each stage imports, or write these lines."""
    from pipeline import stage
    from pipeline.errors import DataError
    from pipeline.tools.dvc_yaml.code_deps import written
    from pipeline.tools.dvc_yaml.read import stages

    parsed = stages(file)
    before = file.read_text()
    after = written(before, parsed)
    if before == after:
        print(f"{file}: names exactly the code that its {len(parsed)} stages import")
        return
    if not write:
        raise DataError(
            f"{file}: its code dependencies differ from what the stages import; run "
            "`wm dvc-yaml --write` and commit the file"
        )
    with stage.output(file) as partial:
        partial.write_text(after)
    print(f"{file}: written")
