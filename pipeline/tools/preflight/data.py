"""Data of a small run: collect, ingest, fit and encode, each held against what is specified."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline import encoders
from pipeline.collect.collect import collect
from pipeline.compute import parallel
from pipeline.encode import Options as Encode
from pipeline.encode.encode import encode
from pipeline.encode.shard import Saved
from pipeline.encode.shard import Source as Encoded
from pipeline.encoders import ENCODERS, SizedOptions
from pipeline.episodes import groups
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import Manifest
from pipeline.families import STATE
from pipeline.fit import Options as Fit
from pipeline.fit.fit import finite_latents, fit_encoder, sample
from pipeline.formats import FORMATS, OfficialSplit, Source, frame_interval
from pipeline.ingest import Options as Ingest
from pipeline.ingest.ingest import Job, ingest
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.params import Settings
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.scale import EPISODES, frame_size, promises_groups, root_of


@dataclass(frozen=True, slots=True)
class Specified:
    """What a preset says of its data; None where it is silent.

    Attributes:
        action_dim: of one environment step.
        latent_shape: of one frame.
        encoder: whose they are.
    """

    action_dim: int | None = None
    latent_shape: tuple[int, int, int] | None = None
    encoder: str | None = None


class FirstEpisodes:
    """The first episodes of an opened data set, with some of both parts of its own split."""

    def __init__(self, whole: Source, count: int) -> None:
        """At most `count` episodes of `whole`."""
        self.whole, self.split = whole, whole.split
        self.chosen = [*range(min(count, len(whole)))]
        if whole.split is not None:
            train = whole.split.train[: count - 1]
            self.chosen = [*train, *whole.split.val[:1]]
            self.split = OfficialSplit([*range(len(train))], [*range(len(train), len(self.chosen))])

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.chosen)

    def key(self, index: int) -> str:
        """See `Source.key`."""
        return self.whole.key(self.chosen[index])

    def __getitem__(self, index: int) -> Episode:
        """See `Source`."""
        return self.whole[self.chosen[index]]


def flow(settings: Settings, specified: Specified, folder: Path, found: Findings) -> LatentCache:
    """Episodes to a latent cache in `folder`, which also gets the codec.

    Raises:
        UserError: a stage refuses its params or its input.
    """
    manifest = _shards(settings, folder, found)
    _check_shards(settings, specified, manifest, found)
    cache = _latents(settings, folder, found)
    _check_latents(settings, specified, cache, found)
    return cache


def _shards(settings: Settings, folder: Path, found: Findings) -> Manifest:
    dataset = settings.variant(FORMATS)
    root, reader = root_of(settings), dataset.build()
    source: Source
    if root is None:
        collect(settings, folder / "raw")
        source = reader.open(folder / "raw")
        found.passed(f"collect: {len(source)} episodes of {settings.dataset}, simulated")
    else:
        source = FirstEpisodes(reader.open(root), EPISODES)
        found.passed(f"collect: {len(source)} episodes of {root}, as {dataset.name}")
    job = Job(settings.dataset, frame_interval(dataset), dataset.options, source)
    options, workers = (
        settings.section("ingest", Ingest),
        settings.section("cluster", parallel.Options),
    )
    manifest = ingest(job, options, workers, folder / "shards")
    found.passed(f"ingest: {manifest.frames:,} frames in {len(manifest.shards)} shards")
    return manifest


def _check_shards(
    settings: Settings, specified: Specified, manifest: Manifest, found: Findings
) -> None:
    if (size := frame_size(settings)) is not None:
        found.expect("frames", size, (manifest.view.height, manifest.view.width))
    if specified.action_dim is not None:
        found.expect("actions of a step", specified.action_dim, manifest.action_dim)
    if promises_groups(settings):
        found.expect("group system_action", groups.SYSTEM_ACTION.width, manifest.action_dim)
        parts = (groups.SYSTEM_STATE, groups.SYSTEM_CONTACT, groups.SYSTEM_TERMINATION)
        names, widths = "+".join(g.name for g in parts), "+".join(str(g.width) for g in parts)
        have = manifest.state_dim
        # A simulator may need further columns, which follow those of the groups.
        found.expect(f"groups {names}", widths, widths if have >= groups.OBSERVED else str(have))


def _latents(settings: Settings, folder: Path, found: Findings) -> LatentCache:
    shards, codec, variant = folder / "shards", folder / "codec", settings.variant(ENCODERS)
    fit = settings.section("fit", Fit)
    frames = sample(shards, "train", fit.train_frames, fit.frame_stride)
    with finite_latents(variant.name, variant.options):
        encoder = fit_encoder(variant, frames, fit.seed)
    encoders.save(
        encoder.to(torch.device("cpu")), variant.name, variant.options.model_dump(), codec
    )
    found.passed(f"fit: {variant.name} on {len(frames)} frames, saved and read back")
    source = Encoded(shards, Saved(codec), variant.name, encoders.digest(codec))
    where = settings.section("cluster", parallel.Options)
    metrics = encode(source, settings.section("encode", Encode), where, folder / "latents.zarr")
    found.passed(f"encode: latents of {metrics.frames:,} frames, stored as {metrics.storage}")
    return open_cache(folder / "latents.zarr")


def _check_latents(
    settings: Settings, specified: Specified, cache: LatentCache, found: Findings
) -> None:
    if promises_groups(settings):
        told = groups.hold_groups(np.array(cache.states))
        values = "gravity of length 1, flags of 0 and 1"
        found.expect("values of the groups", values, values if told else "others")
    shape, options = cache.spec.latent_shape, settings.variant(ENCODERS).options
    if specified.latent_shape is not None:
        name = settings.chosen(ENCODERS)
        what = "latents" if name == specified.encoder else f"latents, of {name} that stood in"
        found.expect(what, specified.latent_shape, shape)
    elif settings.chosen(ENCODERS) == STATE and promises_groups(settings):
        found.expect("latents", (groups.SYSTEM_STATE.width, 1, 1), shape)
    elif isinstance(options, SizedOptions):
        size = cache.spec.view.height, cache.spec.view.width
        found.expect("grid of the latents", options.latent_grid(*size), shape[1:])
