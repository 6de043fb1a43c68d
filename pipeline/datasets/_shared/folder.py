"""The folder of a data set, before anything in it is looked at."""

from pathlib import Path

from pipeline.errors import DataError


def require(raw: Path, dataset: str) -> None:
    """Refuse a folder that is not there."""
    if not raw.is_dir():
        raise DataError(
            f"{raw}: no such folder; run `dvc repro collect` to simulate one, "
            f"or set datasets.{dataset}.root to the folder that you have"
        )
