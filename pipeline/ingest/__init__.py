"""Read a published layout into Episodes; write them as deterministic webdataset shards."""

from typing import Literal

from pydantic import Field

from pipeline.episodes.frame_formats import Codec
from pipeline.params import Params


class Options(Params):
    """How episodes are split and packed."""

    codec: Codec = Field(description="for frames that were not recorded as video")
    episodes_per_shard: int = Field(gt=0)
    shortest: int = Field(gt=1, description="frames that an episode must have: one window's")
    on_error: Literal["fail", "skip"] = Field(
        description="stop at the first episode that is wrong, or list it in the manifest and go on"
    )
    train_share: float = Field(gt=0, lt=1, description="where the set has no split of its own")
    split_seed: int = Field(ge=0)
