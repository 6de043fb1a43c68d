"""Episodes in memory as a source, and shards of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import PARAMS

from pipeline.compute import parallel as cluster
from pipeline.datasets import DatasetOptions, OfficialSplit
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import Manifest
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.ingest import Job, ingest

HERE = cluster.Options(workers=1, ray=None)


@dataclass
class Listed:
    """A source of episodes that are given, of which an error stands for one that is damaged."""

    episodes: Sequence[Episode | DataError]
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        return len(self.episodes)

    def key(self, index: int) -> str:
        episode = self.episodes[index]
        return f"damaged_{index}" if isinstance(episode, DataError) else episode.key

    def __getitem__(self, index: int) -> Episode:
        episode = self.episodes[index]
        if isinstance(episode, DataError):
            raise episode
        return episode


def ingest_options(**changes: object) -> Options:
    """Those of params.yaml, some changed; episodes of tests are short."""
    return Options.model_validate({**PARAMS["ingest"], "shortest": 2, **changes})


def ingested(
    episodes: Sequence[Episode | DataError],
    out: Path,
    *,
    split: OfficialSplit | None = None,
    where: cluster.Options = HERE,
    normalise_actions: bool = True,
    resolution: tuple[int, int] | None = None,
    **changes: object,
) -> Manifest:
    """Shards of a set called wall; `changes` are options of ingest."""
    layout = DatasetOptions(
        root=None, normalise_actions=normalise_actions, resolution=resolution, antialias=True
    )
    job = Job("wall", 5, layout, Listed(episodes, split))
    return ingest(job, ingest_options(**changes), where, out)
