"""A refusal of too many bytes names options that are valid and really smaller, and no others."""

import pytest
from torch import nn

from pipeline.encode import size
from pipeline.encoders import Encoder
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.errors import ParamsError
from pipeline.files.units import readable
from pipeline.tools.parity.latent_spec import latent_spec

FRAMES = 10**6
ACTIONS = 4


class Plain(Encoder):
    """An encoder with the default methods alone."""


class Frozen:
    """A backbone that never runs."""

    def to(self, device):
        return self


def refusal(shape, name, pool=1, **changes):
    """The error for latents of an encoder that are one byte too large."""
    kind = {"encoder": name, "dataset": "pusht", "latent_shape": shape}
    spec = latent_spec().model_copy(update={"interval": 5, **kind, **changes})
    pool = None if name == "tiny_dino" else pool
    encoder = FeatureCodec(Frozen(), nn.Identity(), pool) if name != "tiny_vae" else Plain()
    with pytest.raises(ParamsError) as caught:
        size.check(spec, [FRAMES], encoder, size.total_bytes(spec, [FRAMES]) - 1)
    return str(caught.value)


def test_features_may_be_pooled_reduced_and_seen_smaller():
    said = refusal((1024, 16, 16), "web_dino", storage="int8", stride=5)
    row, scale = 1024 * 16 * 16, 1024 * 4
    kept = FRAMES / 5
    now, pooled, half = (
        (kept * bytes_each + FRAMES * ACTIONS) / 1e9
        for bytes_each in (row + scale, row / 4 + scale, (row + scale) / 2)
    )
    assert f"latents take {now:.2f} GB; raise it, or make them smaller: " in said
    ways = said.split("smaller: ")[1].split(", ")
    assert ways == [
        f"encoders.web_dino.pool: 2 takes {pooled:.2f} GB",
        f"encoders.web_dino.channels: 512 takes {half:.2f} GB",
        "a lower encoders.web_dino.size",
    ]


@pytest.mark.parametrize(
    ("shape", "name", "pool", "offered"),
    [
        ((48, 5, 5), "web_dino", 1, ".pool: 5 "),
        ((48, 8, 8), "web_dino", 2, ".pool: 4 "),
        ((48, 9, 6), "dinov2", 2, ".pool: 6 "),
        ((48, 7, 4), "web_dino", 1, None),
        ((48, 1, 1), "web_dino", 16, None),
        ((16, 8, 8), "tiny_dino", 1, None),
    ],
)
def test_the_next_pool_is_one_that_divides_the_grid(shape, name, pool, offered):
    said = refusal(shape, name, pool)
    assert offered is None or f"encoders.{name}{offered}takes" in said
    assert ("pool" in said) is (offered is not None)


@pytest.mark.parametrize("name", ["web_dino", "tiny_dino"])
def test_a_single_channel_is_not_halved(name):
    assert "channels" not in refusal((1, 8, 8), name)
    assert f"encoders.{name}.channels: 1 takes" in refusal((3, 8, 8), name)


def test_int8_is_offered_only_where_its_scales_weigh_less_than_it_saves():
    assert "int8" not in refusal((48, 1, 1), "web_dino")
    assert "both" not in refusal((48, 1, 1), "web_dino")
    assert "encode.stride: 5 takes" in refusal((48, 1, 1), "web_dino")
    said = refusal((48, 4, 4), "web_dino")
    assert "encode.storage: int8 takes" in said
    assert "both takes" in said


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("tiny_vae", "datasets.pusht.resolution"),
        ("tiny_dino", "datasets.pusht.resolution"),
        ("dinov2", "encoders.dinov2.size"),
        ("vjepa2_1", "encoders.vjepa2_1.size"),
    ],
)
def test_frames_are_made_smaller_where_the_encoder_sees_that(name, lower):
    said = refusal((8, 4, 4), name)
    assert said.endswith(f", a lower {lower}")
    assert said.count("a lower") == 1
    assert "a lower" not in refusal((8, 1, 1), name)


def test_where_nothing_helps_nothing_is_offered():
    assert refusal((1, 1, 1), "web_dino", stride=5).endswith("MB; raise it")


def test_a_way_out_is_enough_where_it_says_so():
    kind = {"encoder": "patch_pca", "latent_shape": (4, 8, 8), "interval": 5}
    spec = latent_spec().model_copy(update=kind)
    smaller = spec.model_copy(update={"stride": 5})
    total = size.total_bytes(smaller, [FRAMES])
    with pytest.raises(ParamsError, match=f"encode.stride: 5 takes {readable(total)},"):
        size.check(spec, [FRAMES], Plain(), total)
    assert size.check(smaller, [FRAMES], Plain(), total) == total
