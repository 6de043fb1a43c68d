"""Read a published layout into Episodes; write them as deterministic webdataset shards."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How episodes are split and packed."""

    episodes_per_shard: int = Field(gt=0)
    train_share: float = Field(gt=0, lt=1)
    split_seed: int = Field(ge=0)
