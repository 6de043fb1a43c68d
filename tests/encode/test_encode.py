"""Encoding: the same bytes whoever does it, as small as asked, and as exact as it says."""

import shutil
from functools import partial

import numpy as np
import pytest
import torch
from encode_helpers import encoded
from helpers import content, make_episode
from ingest_helpers import ingested

from pipeline import encoders
from pipeline.compute import device, worker
from pipeline.encode import shard
from pipeline.encode.shard import Saved, load_runner
from pipeline.encoders import Encoder, Posterior
from pipeline.episodes import shards
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import open_cache
from pipeline.latents.shard_layout import (
    CHUNK_FRAMES,
    SHARD_BYTES,
    Segment,
    shard_rows,
    split_into_shards,
)
from pipeline.latents.windows import Windows


class Spread(Encoder):
    """Block means, and a spread of which each pixel knows its own."""

    stochastic = True
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        mean = torch.nn.functional.avg_pool2d(frames.float(), 4) / 255
        return Posterior(mean, 0.1 + mean / 3)


class Known(Spread):
    """Two channels of two pixels: 127 and what `part` says; 0 and 0."""

    stochastic = False

    def __init__(self, part):
        self.part = part

    def encode(self, frames):
        mean = torch.tensor([[[127.0, self.part]], [[0.0, 0.0]]])
        return Posterior(mean.expand(len(frames), 2, 1, 2).clone(), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Episodes of 31, 32, ... frames: shards of the store begin in the middle of some."""
    path = tmp_path_factory.mktemp("encode") / "shards"
    episodes = [make_episode(f"episode_{i:03d}", length=31 + i) for i in range(9)]
    ingested(episodes, path, episodes_per_shard=4, train_share=0.7, split_seed=0)
    return path


@pytest.mark.parametrize(
    ("rows", "row_bytes", "expected"),
    [
        (10, 512, 64),
        (20_000, 512, 576),
        (10**7, 2**19, 128),
        (10**7, 512, 2**17),
        (64, 2**21, 64),
    ],
)
def test_shards_are_whole_chunks_of_bounded_size_and_many_enough(rows, row_bytes, expected):
    found = shard_rows(rows, row_bytes)
    assert found == expected
    assert found % CHUNK_FRAMES == 0
    assert found == CHUNK_FRAMES or (found * row_bytes <= SHARD_BYTES and rows / found >= 32)


def test_a_set_is_cut_without_gap_or_overlap():
    shown = list(split_into_shards([("a", 5), ("b", 1), ("c", 4)], 4))
    assert shown == [
        [Segment("a", 0, 4)],
        [Segment("a", 4, 1), Segment("b", 0, 1), Segment("c", 0, 2)],
        [Segment("c", 2, 2)],
    ]


@pytest.fixture
def card(folder_of_latents):
    codec = folder_of_latents / "codec"
    return {"name": encoders.name_of(codec), "digest": encoders.digest(codec)}


def test_a_process_encodes_on_one_device_of_many_and_that_changes_no_byte(
    folder_of_latents, card, tmp_path, monkeypatch
):
    """Names of the processor stand for devices."""
    folder, many, used = folder_of_latents, [torch.device("cpu", n) for n in range(3)], []
    monkeypatch.setattr(device, "all_devices", lambda: many)
    monkeypatch.setattr(worker, "number", lambda: 4)
    monkeypatch.setattr(shard, "load_runner", lambda *a: used.append(a[1]) or load_runner(*a))
    encoded(folder / "shards", Saved(folder / "codec"), tmp_path / "many.zarr", **card)
    assert len(used) >= 2
    assert set(used) == {many[1]}
    assert content(tmp_path / "many.zarr") == content(folder / "latents.zarr")


def test_the_number_of_threads_changes_no_byte(folder_of_latents, card, tmp_path):
    folder, before = folder_of_latents, torch.get_num_threads()
    torch.set_num_threads(2)
    encoded(folder / "shards", Saved(folder / "codec"), tmp_path / "threads.zarr", **card)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    assert content(tmp_path / "threads.zarr") == content(folder / "latents.zarr")


@pytest.mark.parametrize(
    ("asked", "native", "found", "told"),
    [
        ("auto", True, "bfloat16", False),
        ("auto", False, "float32", False),
        ("bfloat16", False, "float32", True),
        ("float32", True, "float32", False),
    ],
)
def test_processes_compute_in_what_the_first_one_chose(
    folder, tmp_path, monkeypatch, capsys, asked, native, found, told
):
    """Whatever their own processors have: latents of one cache are computed alike."""
    done = []

    class Product(Spread):
        def encode(self, frames):
            done.append((frames.flatten(1).float() @ torch.ones(frames[0].numel(), 1)).dtype)
            return super().encode(frames)

    def otherwise(*them):
        monkeypatch.setattr(device, "computes_bfloat16", lambda where: not native)
        return load_runner(*them)

    monkeypatch.setattr(device, "computes_bfloat16", lambda where: native)
    monkeypatch.setattr(shard, "load_runner", otherwise)
    encoded(folder, Product, tmp_path / "latents.zarr", precision=asked)
    assert open_cache(tmp_path / "latents.zarr").seal.spec.precision == found
    assert set(done) == {getattr(torch, found)}
    said = "encode: bfloat16 is emulated on this cpu; computing in float32"
    assert (said in capsys.readouterr().out) == told


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_the_bytes_that_it_says_are_those_of_the_arrays(folder, tmp_path, storage):
    summary = encoded(folder, Spread, tmp_path / "latents.zarr", storage=storage, stride=5)
    store = open_cache(tmp_path / "latents.zarr").store
    assert summary.bytes == sum(array.nbytes for array in store.array_values())
    assert summary.frames == store["mean"].shape[0]


def test_a_refusal_says_what_each_way_out_takes_and_each_takes_that(folder, tmp_path):
    with pytest.raises(ParamsError) as caught:
        encoded(folder, Spread, tmp_path / "large.zarr", max_bytes=1)
    message = str(caught.value)
    assert "datasets.wall.resolution" in message
    assert "\n" not in message
    ways = {"storage: int8": {"storage": "int8"}, "stride: 5": {"stride": 5}}
    for way, changes in ways.items():
        taken = encoded(folder, Spread, tmp_path / f"{way[:6]}.zarr", **changes).bytes
        assert f"encode.{way} takes {taken / 1e6:.2f} MB" in message


def test_int8_is_off_by_half_a_scale_at_most(folder, tmp_path):
    encoded(folder, Spread, tmp_path / "int8.zarr", storage="int8")
    cache = open_cache(tmp_path / "int8.zarr")
    assert cache.mean.dtype == cache.std.dtype == np.int8
    rows = np.arange(len(cache.mean))
    found = cache.spec.unwhiten(cache.latents(rows, None))
    frames = np.concatenate([episode.frames for episode in shards.read(folder)])
    truth = Spread().encode(cache.spec.view.apply(frames)).mean
    largest = truth.abs().amax((2, 3), keepdim=True)
    assert ((found - truth).abs() <= largest / 127 / 2 * 1.001 + 1e-6).all()
    assert (found - truth).abs().max() > 0


def test_statistics_are_those_of_what_is_stored(folder, tmp_path):
    encoded(folder, partial(Known, 100.4), tmp_path / "known.zarr", storage="int8")
    cache = open_cache(tmp_path / "known.zarr")
    assert cache.spec.mean == [(127 + 100) / 2, 0.0]
    assert cache.spec.std == [(127 - 100) / 2] * 2
    np.testing.assert_array_equal(cache.mean[:1][0], [[[127, 100]], [[0, 0]]])
    np.testing.assert_array_equal(cache.mean_scale[0], [1.0, 1.0])


@pytest.mark.parametrize(("storage", "part", "off"), [("int8", 100.25, 0.25), ("float16", 0.5, 0)])
def test_the_rounding_error_is_in_units_of_the_spread(folder, tmp_path, storage, part, off):
    error = encoded(folder, partial(Known, part), tmp_path / "l.zarr", storage=storage)
    spread = (127 - (part - off)) / 2  # one of two pixels is off; the other channel is dead
    assert error.rounding_error == pytest.approx(off / spread / 2**0.5)


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_a_strided_cache_gives_the_same_windows(folder, tmp_path, storage, generator):
    encoded(folder, Spread, tmp_path / "all.zarr", storage=storage)
    encoded(folder, Spread, tmp_path / "third.zarr", storage=storage, stride=3)
    whole, third = open_cache(tmp_path / "all.zarr"), open_cache(tmp_path / "third.zarr")
    assert len(third.mean) == sum(-(-(31 + i) // 3) for i in range(9))
    np.testing.assert_array_equal(third.actions, whole.actions)
    np.testing.assert_array_equal(third.states, whole.states)
    for split in ("train", "val"):
        few, many = (Windows(cache, split, frames=3, interval=6) for cache in (third, whole))
        kept = np.flatnonzero(many.rows[:, 1] % 3 == 0)
        np.testing.assert_array_equal(few.rows, many.rows[kept])
        rows = np.arange(len(few))
        assert torch.equal(few.actions(rows), many.actions(kept))
        ours, theirs = few.latents(rows, None), many.latents(kept, None)
        torch.testing.assert_close(third.spec.unwhiten(ours), whole.spec.unwhiten(theirs))


def test_frames_without_latents_are_not_asked_for(folder, tmp_path):
    encoded(folder, Spread, tmp_path / "third.zarr", stride=3)
    cache = open_cache(tmp_path / "third.zarr")
    expected = r"train.interval = 5, .* one frame in 3 \(encode.stride\); choose a multiple"
    with pytest.raises(ParamsError, match=expected):
        Windows(cache, "train", frames=3, interval=5)


def test_a_flipped_bit_of_a_shard_is_noticed_where_no_decoder_would(folder, tmp_path):
    damaged = shutil.copytree(folder, tmp_path / "shards")
    tar = damaged / shards.read_manifest(damaged).shards[-1].name
    content = bytearray(tar.read_bytes())
    content[len(content) // 2] ^= 1
    tar.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{tar}: changed since it was written; restore it with"):
        encoded(damaged, Spread, tmp_path / "latents.zarr")
    assert not (tmp_path / "latents.zarr").exists()
