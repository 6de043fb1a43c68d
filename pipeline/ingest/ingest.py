"""A data set to webdataset shards with a manifest."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import stage
from pipeline.compute import parallel as cluster
from pipeline.compute.shared import Shared
from pipeline.episodes.manifest import MANIFEST, Manifest, Split
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError
from pipeline.formats import DatasetOptions, Source
from pipeline.ingest import Options
from pipeline.ingest.pack import PackedShard, Shape, Task, pack, read_checked, with_skip_hint
from pipeline.ingest.split import split
from pipeline.ingest.statistics import ActionStatistics
from pipeline.metrics.ssim_window import check_window_fits

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Job:
    """A data set to ingest: its name, published frame interval, options and episodes."""

    dataset: str
    interval: int
    dataset_options: DatasetOptions
    source: Source


def ingest(job: Job, options: Options, workers: cluster.Options, out: Path) -> Manifest:
    """Write all episodes, split by episode, to tars in the new folder `out`; the manifest last.

    Raises:
        DataError: an episode is invalid and `ingest.on_error` is fail, or a split has no valid one.
    """
    source = job.source
    splits = split(source, options.train_share, options.split_seed)
    for name, indices in splits.items():
        if not indices:
            raise DataError(
                f"{len(source)} episodes leave none for the {name} split; record more or change "
                "ingest.train_share"
            )
    shape = _shape(source, splits["train"], options)
    view = _view(job, shape)
    times = Counter(source.key(index) for indices in splits.values() for index in indices)
    repeated = frozenset(key for key, count in times.items() if count > 1)
    out.mkdir()
    shared = Shared(source)
    tasks = [
        Task(shared, chunk, name, out / f"{name}-{number:06d}.tar", shape, options, repeated)
        for name, indices in splits.items()
        for number, chunk in enumerate(_chunks(indices, options.episodes_per_shard))
    ]
    packed = list(stage.track(cluster.parallel_map(pack, tasks, workers), "ingest", len(tasks)))
    manifest = _manifest(job, shape, view, tasks, packed)
    (out / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _chunks(indices: list[int], length: int) -> Iterator[list[int]]:
    return (indices[start : start + length] for start in range(0, len(indices), length))


def _shape(source: Source, indices: list[int], options: Options) -> Shape:
    """The shape that all episodes must have: that of the first training episode.

    Where wrong episodes are skipped, it is that of most of the first SAMPLE valid ones: the first
    may be the one that differs.
    """
    shapes: list[Shape] = []
    for index in indices:
        try:
            shapes.append(Shape.of(read_checked(source, index, options)))
        except DataError as error:
            if options.on_error == "fail":
                raise with_skip_hint(error) from None
            last = error
        if len(shapes) == (1 if options.on_error == "fail" else SAMPLE):
            break
    if not shapes:
        raise DataError(f"none of the {len(indices)} train episodes is valid; the last: {last}")
    return Counter(shapes).most_common(1)[0][0]


def _view(job: Job, shape: Shape) -> Preprocessing:
    """The size at which encoders will see the frames; refused if evaluate cannot score it."""
    height, width = job.dataset_options.resolution or shape.frames[:2]
    check_window_fits(height, width, f"{job.dataset}: frames")
    return Preprocessing(height=height, width=width, antialias=job.dataset_options.antialias)


def _manifest(
    job: Job, shape: Shape, view: Preprocessing, tasks: list[Task], results: list[PackedShard]
) -> Manifest:
    shards = [result.shard for result in results if result.shard is not None]
    quarantined = [skipped for result in results for skipped in result.quarantined]
    written: list[Split] = [shard.split for shard in shards]
    if "val" not in written:
        raise DataError(
            f"none of the val episodes is valid ({quarantined[-1].reason}); "
            "set ingest.on_error to fail to stop at the first"
        )
    statistics = ActionStatistics()
    for task, result in zip(tasks, results, strict=True):
        if task.split == "train":
            statistics.merge(result.statistics)
    if job.dataset_options.normalise_actions:
        _warn_of_constants(statistics)
    return Manifest(
        dataset=job.dataset,
        episodes=sum(len(shard.episodes) for shard in shards),
        frames=sum(sum(shard.lengths) for shard in shards),
        frame_shape=(shape.frames[0], shape.frames[1], shape.frames[2]),
        view=view,
        interval=job.interval,
        action_dim=shape.actions[0],
        state_dim=shape.states[0],
        normalise_actions=job.dataset_options.normalise_actions,
        actions=statistics.summary(),
        quarantined=quarantined,
        shards=shards,
    )


def _warn_of_constants(statistics: ActionStatistics) -> None:
    """Name on stderr the components of actions that models cannot learn anything about."""
    summary, varies = statistics.summary(), statistics.varies()
    source = ", the RMS of the other components' std" if varies.any() else ""
    for index in np.flatnonzero(~varies):
        print(
            f"ingest: action[{index}] is {summary['mean'][index]:.6g} throughout the train split, "
            "so a model cannot learn what it does; where it moves, it is divided by "
            f"{summary['std'][index]:.3g}{source}",
            file=sys.stderr,
        )
