"""A readable data set to shards with a manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.compute import parallel as cluster
from pipeline.datasets import DatasetOptions, Source
from pipeline.episodes.manifest import MANIFEST, Manifest, Split
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.pack import Packed, Shape, Task, checked, hinted, pack
from pipeline.ingest.split import split
from pipeline.ingest.statistics import ActionStatistics


@dataclass(frozen=True, slots=True)
class Job:
    """What is ingested: a data set's name, how models are fed from it, and its episodes."""

    dataset: str
    interval: int
    layout: DatasetOptions
    source: Source


def ingest(job: Job, options: Options, where: cluster.Options, out: Path) -> Manifest:
    """Write every episode of a source, split by episode, and the manifest last.

    Raises:
        DataError: an episode is wrong and `on_error` says fail, or a split has none that is right.
    """
    source = job.source
    parts = split(source, options.train_share, options.split_seed)
    for name, indices in parts.items():
        if not indices:
            raise DataError(
                f"{len(source)} episodes leave none for {name}; record more or change "
                "ingest.train_share"
            )
    shape = _first_shape(source, parts["train"], options)
    out.mkdir()
    tasks = [
        Task(source, part, name, out / f"{name}-{number:06d}.tar", shape, options)
        for name, indices in parts.items()
        for number, part in enumerate(_runs(indices, options.episodes_per_shard))
    ]
    done = list(stage.track(cluster.scatter(pack, tasks, where), "ingest", len(tasks)))
    manifest = _manifest(job, shape, tasks, done)
    (out / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _runs(indices: list[int], length: int) -> Iterator[list[int]]:
    return (indices[start : start + length] for start in range(0, len(indices), length))


def _first_shape(source: Source, indices: list[int], options: Options) -> Shape:
    """The shape that all must have: that of the first training episode which can be read."""
    for index in indices:
        try:
            return Shape.of(checked(source, index, options))
        except DataError as error:
            if options.on_error == "fail":
                raise hinted(error) from None
    raise DataError(
        f"none of the {len(indices)} training episodes can be read; set ingest.on_error to fail "
        "to see why"
    )


def _manifest(job: Job, shape: Shape, tasks: list[Task], done: list[Packed]) -> Manifest:
    shards = [packed.shard for packed in done if packed.shard is not None]
    quarantined = [bad for packed in done for bad in packed.quarantined]
    written: list[Split] = [shard.split for shard in shards]
    if "val" not in written:
        raise DataError(
            f"none of the validation episodes can be read ({quarantined[-1].reason}); "
            "set ingest.on_error to fail to stop at the first"
        )
    statistics = ActionStatistics()
    for task, packed in zip(tasks, done, strict=True):
        if task.split == "train":
            statistics.merge(packed.statistics)
    height, width = job.layout.resolution or shape.frames[:2]
    return Manifest(
        dataset=job.dataset,
        episodes=sum(len(shard.episodes) for shard in shards),
        frames=sum(sum(shard.lengths) for shard in shards),
        frame_shape=(shape.frames[0], shape.frames[1], shape.frames[2]),
        view=Preprocessing(height=height, width=width, antialias=job.layout.antialias),
        interval=job.interval,
        action_dim=shape.actions[0],
        state_dim=shape.states[0],
        normalise_actions=job.layout.normalise_actions,
        actions=statistics.summary(),
        quarantined=quarantined,
        shards=shards,
    )
