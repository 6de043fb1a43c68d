"""Ingest: read a data set in its published layout, write deterministic webdataset shards."""

from typing import Literal

from pydantic import Field

from pipeline.episodes.frame_formats import Codec
from pipeline.params import Params


class Options(Params):
    """How episodes are split, checked and packed."""

    codec: Codec = Field(description="lossless, for frames that were not recorded as video")
    episodes_per_shard: int = Field(gt=0)
    shortest: int = Field(gt=1, description="minimum length of an episode, in frames")
    on_error: Literal["fail", "skip"] = Field(
        description="at an invalid episode: fail, or skip it and list it in the manifest"
    )
    train_share: float = Field(
        gt=0, lt=1, description="of the episodes, where the data set has no official split"
    )
    split_seed: int = Field(ge=0)
