"""`wm dvc-yaml`: hold the code dependencies of dvc.yaml against the code, or write them."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to look at.")] = Path(
        "dvc.yaml"
    ),
    write: Annotated[bool, typer.Option(help="Mend the file where it is not as it should be.")] = (
        False
    ),
) -> None:
    """Check that dvc.yaml names exactly the code that each stage imports, or write these lines.

    Raises:
        DataError: it does not, and may not be written.
    """
    from pipeline import stage
    from pipeline.errors import DataError
    from pipeline.tools.dvc_yaml.code_deps import written
    from pipeline.tools.dvc_yaml.read import stages

    tables = stages(file)
    before = file.read_text()
    after = written(before, tables)
    if before == after:
        print(f"{file}: the code of its {len(tables)} stages is as they import it")
        return
    if not write:
        raise DataError(
            f"{file}: its code dependencies are not what the stages import; run "
            "`wm dvc-yaml --write` and commit the file"
        )
    with stage.output(file) as partial:
        partial.write_text(after)
    print(f"{file}: written")
