"""Encode small shards, with any encoder under the name of a member of the family."""

from collections.abc import Callable
from pathlib import Path

from helpers import PARAMS
from ingest_helpers import ONE_PROCESS

from pipeline.compute import parallel as cluster
from pipeline.encode import Options
from pipeline.encode.encode import encode
from pipeline.encode.shard import Source
from pipeline.encoders import Encoder
from pipeline.metrics.schema.encode import EncodeMetrics


def encoded(
    shards: Path,
    make: Callable[[], Encoder],
    out: Path,
    *,
    name: str = "patch_pca",
    digest: str = "digest",
    where: cluster.Options = ONE_PROCESS,
    **changes: object,
) -> EncodeMetrics:
    """A latent cache; `changes` are options of encode."""
    options = Options.model_validate({**PARAMS["encode"], **changes})
    return encode(Source(shards, make, name, digest), options, where, out)
