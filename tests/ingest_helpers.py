"""A source of episodes in memory, and shards of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import PARAMS

from pipeline.compute import parallel as cluster
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import Manifest
from pipeline.formats import DatasetOptions, OfficialSplit, Source
from pipeline.ingest import Options
from pipeline.ingest.ingest import Job, ingest

ONE_PROCESS = cluster.Options(workers=1, ray=None)


@dataclass
class InMemory:
    """A source of episodes in memory; an error in their place stands for a damaged one."""

    episodes: Sequence[Episode | Exception]
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        return len(self.episodes)

    def key(self, index: int) -> str:
        episode = self.episodes[index]
        return f"damaged_{index}" if isinstance(episode, Exception) else episode.key

    def __getitem__(self, index: int) -> Episode:
        episode = self.episodes[index]
        if isinstance(episode, Exception):
            raise episode
        return episode


def ingest_options(**changes: object) -> Options:
    """The ingest options of params.yaml with changes; test episodes are short."""
    return Options.model_validate({**PARAMS["ingest"], "shortest": 2, **changes})


def ingested(
    episodes: Source | Sequence[Episode | Exception],
    out: Path,
    *,
    split: OfficialSplit | None = None,
    workers: cluster.Options = ONE_PROCESS,
    normalise_actions: bool = True,
    resolution: tuple[int, int] | None = None,
    **changes: object,
) -> Manifest:
    """Ingest a source, or episodes of one called wall; `changes` are ingest options."""
    dataset_options = DatasetOptions(
        root=None, normalise_actions=normalise_actions, resolution=resolution, antialias=True
    )
    source = InMemory(episodes, split) if isinstance(episodes, Sequence) else episodes
    job = Job("wall", 5, dataset_options, source)
    return ingest(job, ingest_options(**changes), workers, out)
