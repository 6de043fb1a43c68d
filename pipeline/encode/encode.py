"""Encode shards of episodes into a sealed latent cache, shard by shard."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import imports, stage
from pipeline.compute import device
from pipeline.compute import parallel as cluster
from pipeline.encode import Options, size
from pipeline.encode.runner import Execution, Runner
from pipeline.encode.shard import (
    MARKS,
    Source,
    Task,
    encode_shard,
    finished,
    load_runner,
)
from pipeline.encoders import ENCODERS
from pipeline.episodes import shards
from pipeline.episodes.manifest import Manifest, read_manifest
from pipeline.errors import telling_full_disk
from pipeline.files.json_model import read_json
from pipeline.files.units import readable
from pipeline.latents import cameras, metadata, writer
from pipeline.latents.shard_layout import shard_rows, split_into_shards
from pipeline.latents.spec import EpisodeEntry, LatentSpec, Seal
from pipeline.latents.statistics import LatentStatistics, ShardSums, merge
from pipeline.metrics.schema.encode import EncodeMetrics

RESUME = "run encode again, which encodes this shard anew"


def encode(source: Source, options: Options, where: cluster.Options, out: Path) -> EncodeMetrics:
    """Encode every episode into a new store; a repeated run resumes after the finished shards.

    Raises:
        ParamsError: the store would be larger than `options.max_bytes`.
        DataError: a latent is too large to be stored, or the disk is full.
    """
    manifest = read_manifest(source.folder)
    shards.verify(source.folder)
    lengths = [length for shard in manifest.shards for length in shard.lengths]
    execution = _execution(options)
    runner = load_runner(source, device.of_process(), execution)
    tables = list(shards.tables(source.folder))
    spec = _spec(source, manifest, options, runner)
    spec = spec.model_copy(update={"camera_scale": _camera_scale(manifest, tables)})
    total = size.check(spec, lengths, runner.encoder, options.max_bytes)
    identity = (
        manifest.digest(),
        source.encoder_name,
        source.codec_digest,
        options.model_dump_json(exclude={"max_bytes"}),
        imports.digest(["pipeline.encode.__main__", ENCODERS.module(source.encoder_name)]),
        device.pick().type,
        execution.precision,
    )
    needed = f"the cache takes {readable(total)}, and finished shards are kept"
    with telling_full_disk(out, needed), stage.resumable(out, *identity) as partial:
        statistics = _encoded(_tasks(source, manifest, options, spec, partial), where)
        moments = {"mean": statistics.mean().tolist(), "std": statistics.std().tolist()}
        spec = spec.model_copy(update=moments)
        seal = Seal(spec=spec, episodes=_entries(manifest, tables))
        writer.seal(partial, _unstrided(manifest, tables, spec), seal)
        stage.remove(partial / MARKS)
    frames = sum(map(spec.num_latents, lengths))
    metrics = EncodeMetrics(
        frames=frames,
        bytes=total,
        latent_shape=spec.latent_shape,
        storage=spec.storage,
        rounding_error=statistics.rounding_error(),
    )
    dead = int((~statistics.alive()).sum())
    return metrics.model_copy(update={"dead_channels": dead}) if dead else metrics


def _execution(options: Options) -> Execution:
    """Precision and compilation of every process; prints a line if the precision is overridden."""
    where = device.of_process()
    precision = device.encoding_precision(options.precision, where)
    device.report_emulation("encode", options.precision, precision, where)
    return Execution(precision, options.compile)


def _tasks(
    source: Source, manifest: Manifest, options: Options, spec: LatentSpec, out: Path
) -> list[Task]:
    """One task for each shard of the latents; creates the arrays of a new store."""
    episodes = [(key, split, spec.num_latents(length)) for key, split, length in manifest.listed()]
    train = sum(latents for _, split, latents in episodes if split == "train")
    rows = sum(latents for _, _, latents in episodes)
    columns = {name: column for name, column in spec.columns().items() if column.strided}
    shard = shard_rows(rows, columns["mean"].row_bytes)
    if not (out / MARKS).is_dir() or not metadata.is_of(out, columns, rows, shard):
        for left in (MARKS, metadata.METADATA, *columns):
            stage.remove(out / left)
        writer.create(out, columns, rows, shard)
    return [
        Task(
            source=source,
            spec=spec,
            compile=options.compile,
            batch=options.batch,
            out=out,
            number=number,
            start=number * shard,
            train=train - number * shard,
            segments=segments,
        )
        for number, segments in enumerate(
            split_into_shards([(key, n) for key, _, n in episodes], shard)
        )
    ]


def _encoded(tasks: list[Task], where: cluster.Options) -> LatentStatistics:
    """Run the tasks that no earlier run has finished; the statistics of all."""
    waiting = [task for task in tasks if finished(task) is None]
    if len(waiting) < len(tasks):
        print(f"encode: resuming after {len(tasks) - len(waiting)} of {len(tasks)} shards")
    encoding = cluster.parallel_map(encode_shard, waiting, where, on_gpu=True)
    for _ in stage.track(encoding, "encode", len(waiting)):
        pass
    marks = (read_json(task.mark, ShardSums, RESUME) for task in tasks)
    return merge(marks, tasks[0].spec.latent_shape[0])


def _entries(manifest: Manifest, tables: list[shards.Table]) -> list[EpisodeEntry]:
    splits = [shard.split for shard in manifest.shards for _ in shard.episodes]
    return [
        EpisodeEntry(key=table.key, split=split, length=len(table.actions), meta=dict(table.meta))
        for table, split in zip(tables, splits, strict=True)
    ]


def _camera_scale(manifest: Manifest, tables: list[shards.Table]) -> float | None:
    """Of the train split; None unless the cameras of every episode are known."""
    train = {key for key, split, _ in manifest.listed() if split == "train"}
    known = {table.key: table.cameras for table in tables if table.cameras is not None}
    if len(known) < len(tables):
        return None
    return cameras.translation_scale((known[key] for key in train), manifest.interval)


def _unstrided(
    manifest: Manifest, tables: list[shards.Table], spec: LatentSpec
) -> dict[str, list[NDArray[np.float32]]]:
    """Actions, states and, if all are known, cameras of each episode."""
    rows = {name: [getattr(table, name) for table in tables] for name in ("actions", "states")}
    if spec.camera_scale is not None:
        size = manifest.frame_shape[:2]
        rows["cameras"] = [
            cameras.camera_rows(table.cameras, size) for table in tables if table.cameras
        ]
    return rows


def _spec(source: Source, manifest: Manifest, options: Options, runner: Runner) -> LatentSpec:
    """The spec of the latents, with placeholders for their mean and std."""
    takes_states = runner.encoder.takes == "states"
    frame = manifest.view.apply(np.zeros((1, *manifest.frame_shape), np.uint8))
    probe = runner.encode(torch.zeros(1, manifest.state_dim) if takes_states else frame)
    channels, height, width = probe.mean.shape[1:]
    return LatentSpec(
        dataset=manifest.dataset,
        encoder=source.encoder_name,
        codec=source.codec_digest,
        source=manifest.digest(),
        view=manifest.view,
        interval=manifest.interval,
        latent_shape=(channels, height, width),
        stochastic=probe.std is not None,
        storage="float32" if takes_states else options.storage,
        stride=options.stride,
        mean=[0.0] * channels,
        std=[1.0] * channels,
        action_dim=manifest.action_dim,
        state_dim=manifest.state_dim,
        normalise_actions=manifest.normalise_actions,
        actions=manifest.actions,
        published_scale=runner.encoder.published_scale,
        precision=runner.precision,
    )
