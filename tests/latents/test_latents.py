"""The latent cache holds what the encoder made, whitened on reading, and notices damage."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import zarr
from encode_helpers import encoded
from helpers import default, make_episode
from ingest_helpers import ingested

from pipeline.encoders import ENCODERS, Encoder, Posterior
from pipeline.episodes import shards
from pipeline.errors import DataError, ParamsError
from pipeline.fit.fit import sample
from pipeline.latents.cache import open_cache


class Spread(Encoder):
    """A stochastic encoder that anyone can check: block means, and a spread that is known."""

    stochastic = True
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        mean = torch.nn.functional.avg_pool2d(frames.float(), 4) / 255
        return Posterior(mean, torch.full_like(mean, 0.25))

    def decode(self, latents):
        return (latents.repeat_interleave(4, 2).repeat_interleave(4, 3) * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("latents")
    episodes = [make_episode(f"episode_{i:03d}", length=40 + i) for i in range(8)]
    ingested(episodes, path / "shards", episodes_per_shard=3, train_share=0.75)
    encoded(path / "shards", Spread, path / "latents.zarr", batch=7)
    return path


@pytest.fixture
def damaged(folder, tmp_path):
    """A copy to damage."""
    import shutil

    return shutil.copytree(folder / "latents.zarr", tmp_path / "latents.zarr")


def test_every_frame_is_there_in_order(folder):
    cache = open_cache(folder / "latents.zarr")
    episodes = list(shards.read(folder / "shards"))
    assert [entry.key for entry in cache.seal.episodes] == [episode.key for episode in episodes]
    for entry, start, episode in zip(cache.seal.episodes, cache.starts, episodes, strict=True):
        rows = slice(start, start + entry.length)
        expected = (
            Spread().encode(cache.spec.view.apply(episode.frames)).mean.numpy().astype(np.float16)
        )
        np.testing.assert_array_equal(cache.mean[rows], expected)
        np.testing.assert_array_equal(cache.actions[rows], episode.actions)
        np.testing.assert_array_equal(cache.states[rows], episode.states)


def test_any_zarr_reader_opens_it(folder):
    store = zarr.open_group(folder / "latents.zarr", mode="r")
    assert store["mean"].shape == (sum(40 + i for i in range(8)), 3, 4, 4)
    assert store["mean"].dtype == np.float16
    assert store["mean"].metadata.zarr_format == 3


def test_sampled_latents_of_the_train_split_are_white(folder, generator):
    cache = open_cache(folder / "latents.zarr")
    frames = sum(cache.seal.episodes[i].length for i in cache.episodes("train"))
    drawn = torch.cat([cache.latents(np.arange(frames), generator) for _ in range(20)])
    assert drawn.mean((0, 2, 3)).abs().max() < 0.02
    assert (drawn.std((0, 2, 3)) - 1).abs().max() < 0.02
    mean = cache.latents(np.arange(frames), None)
    assert mean.std() < 0.95


def test_posterior_noise_is_drawn_anew_and_repeats_by_seed(folder):
    cache, frames = open_cache(folder / "latents.zarr"), np.arange(5)
    generator = torch.Generator().manual_seed(1)
    first, second = cache.latents(frames, generator), cache.latents(frames, generator)
    assert (first != second).all()
    assert torch.equal(cache.latents(frames, torch.Generator().manual_seed(1)), first)
    spread = (first - second).std() / 2**0.5 * torch.tensor(cache.spec.std).mean()
    assert float(spread) == pytest.approx(0.25, rel=0.1)


def test_whitening_is_undone_exactly(folder, generator):
    spec = open_cache(folder / "latents.zarr").spec
    latents = torch.randn((2, 5, 3, 4, 4), generator=generator)
    torch.testing.assert_close(spec.unwhiten(spec.whiten(latents)), latents)


def test_encoding_twice_gives_the_same_bytes(folder, tmp_path):
    encoded(folder / "shards", Spread, tmp_path / "again.zarr", batch=7)
    for path in sorted((folder / "latents.zarr").rglob("*")):
        if path.is_file():
            again = tmp_path / "again.zarr" / path.relative_to(folder / "latents.zarr")
            assert again.read_bytes() == path.read_bytes()


def test_several_shards_hold_what_one_would(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.latents.shard_layout.CHUNK_FRAMES", 1024)
    encoded(folder / "shards", Spread, tmp_path / "large.zarr", batch=7)
    assert len(list((tmp_path / "large.zarr" / "mean").rglob("c/*/*/*/*"))) == 1
    small, large = open_cache(folder / "latents.zarr"), open_cache(tmp_path / "large.zarr")
    assert len(list((small.path / "mean").rglob("c/*/*/*/*"))) > 3
    np.testing.assert_array_equal(small.mean[:], large.mean[:])
    np.testing.assert_array_equal(small.states, large.states)


def test_a_deterministic_encoder_stores_no_spread(folder, tmp_path):
    module, options = default(ENCODERS, "patch_pca", patch=4, components=2)
    frames = sample(folder / "shards", "train", 1000, 1).frames
    fitted = module.fit(frames, options, 0)
    encoded(folder / "shards", lambda: fitted, tmp_path / "pca.zarr")
    cache = open_cache(tmp_path / "pca.zarr")
    assert not cache.spec.stochastic
    assert "std" not in cache.store
    generator = torch.Generator().manual_seed(0)
    drawn = cache.latents(np.arange(3), generator)
    assert torch.equal(drawn, cache.latents(np.arange(3), None))


def test_a_missing_cache_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no latent cache; run `dvc repro encode`"):
        open_cache(tmp_path)


def test_an_unsealed_cache_is_refused(damaged):
    metadata = json.loads((damaged / "zarr.json").read_text())
    metadata["attributes"] = {}
    (damaged / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(DataError, match="not sealed, as encode did not finish"):
        open_cache(damaged)


@pytest.mark.parametrize("text", ["", "{"])
def test_damaged_metadata_is_refused(damaged, text):
    (damaged / "zarr.json").write_text(text)
    with pytest.raises(DataError, match=r"zarr.json: damaged"):
        open_cache(damaged)


@pytest.mark.parametrize(
    ("place", "before", "after", "problem"),
    [
        ("", '"latent_shape"', '"latent_form"', "spec.latent_shape: Field required"),
        ("", '"latent_shape": [', '"latent_shape": [99999999999, ', "spec.latent_shape"),
        ("", '"stride": 1', '"stride": true', "spec.stride = True: Input should be"),
        ("", '"stride": 1', '"stride": 0', "spec.stride = 0: Input should be"),
        ("", '"length": 40', '"length": -40', ".length = -40: Input should be"),
        ("", '"length": 40', '"length": 4000000', "latents.zarr/mean: missing or not (40"),
        ("", '"length": 40', '"length": 1' + "0" * 400, ".length = 1"),
        ("mean", '"shape": [', '"shape": [1000000000000, ', "mean: missing or not"),
        ("mean", '"float16"', '"object"', "data_type = 'object': Input should be"),
        ("mean", '"chunk_shape": [', '"chunk_shape": [-', "configuration.chunk_shape.0 = -"),
        (
            "mean",
            '"chunk_shape": [',
            '"chunk_shape": [1000000000',
            "damaged (shards of (1000",
        ),
        ("mean", '"crc32c"', '"numcodecs.zlib"', "= 'numcodecs.zlib': Input should be"),
        ("mean", '"regular"', '"rectilinear"', "chunk_grid.name = 'rectilinear'"),
        ("mean", "{", "[" * 99_999, "Invalid JSON: recursion limit exceeded"),
        ("actions", '"node_type": "array"', '"node_type": "group"', "node_type = 'group'"),
    ],
)
def test_metadata_of_no_store_of_ours_is_refused_before_zarr_reads_it(
    damaged, place, before, after, problem
):
    path = damaged / place / "zarr.json"
    text = json.dumps(json.loads(path.read_text()))
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(DataError) as caught:
        open_cache(damaged)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(damaged))
    assert str(caught.value).endswith("`dvc repro -f encode`")


def test_a_shard_that_is_cut_off_is_noticed_at_once(damaged):
    for path in (damaged / "mean" / "c").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"latents.zarr/mean: its shards are cut off"):
        open_cache(damaged)


def test_a_missing_array_is_refused(damaged):
    import shutil

    shutil.rmtree(damaged / "actions")
    with pytest.raises(DataError, match=r"latents.zarr/actions: missing or not"):
        open_cache(damaged)


def test_a_missing_shard_is_refused_rather_than_read_as_zeros(damaged):
    next(path for path in (damaged / "mean" / "c").rglob("*") if path.is_file()).unlink()
    with pytest.raises(DataError, match=r"latents.zarr/mean: has \d of \d shards"):
        open_cache(damaged)


def test_latents_beyond_float16_are_refused(folder, tmp_path):
    class Loud(Spread):
        def encode(self, frames):
            return Posterior(super().encode(frames).mean * 1e6, None)

    with pytest.raises(DataError, match=r"its latents reach .*, beyond the range of float16"):
        encoded(folder / "shards", Loud, tmp_path / "loud.zarr")


def test_flipped_bytes_are_noticed(damaged):
    shard = next(path for path in (damaged / "mean" / "c").rglob("*") if path.is_file())
    content = bytearray(shard.read_bytes())
    content[100] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"latents.zarr/mean: damaged"):
        _ = open_cache(damaged).mean[:]


def test_a_model_may_whiten_in_its_own_way(cache):
    spec = cache.spec.model_copy(update={"mean": [0.0] * 3, "std": [2.0] * 3})
    frames = np.arange(5)
    raw = cache.spec.unwhiten(cache.latents(frames, None))
    torch.testing.assert_close(cache.whitened_by(spec).latents(frames, None), raw / 2)


def test_whitening_in_another_way_does_not_change_how_latents_are_stored(folder, tmp_path):
    encoded(folder / "shards", Spread, tmp_path / "few.zarr", storage="int8", stride=5)
    cache, other = open_cache(tmp_path / "few.zarr"), open_cache(folder / "latents.zarr").spec
    rows = np.arange(5)
    ours = other.unwhiten(cache.whitened_by(other).latents(rows, None))
    torch.testing.assert_close(ours, cache.spec.unwhiten(cache.latents(rows, None)))
    np.testing.assert_array_equal(cache.whitened_by(other).latent_starts, cache.latent_starts)


def test_frames_are_encoded_at_the_size_that_the_data_set_asks_for(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(4)]
    ingested(episodes, tmp_path / "shards", resolution=(12, 16), train_share=0.5)
    encoded(tmp_path / "shards", Spread, tmp_path / "latents.zarr")
    cache = open_cache(tmp_path / "latents.zarr")
    assert cache.spec.latent_shape == (3, 3, 4)
    assert (cache.spec.view.height, cache.spec.view.width) == (12, 16)
    first = next(shards.read(tmp_path / "shards"))
    expected = Spread().encode(cache.spec.view.apply(first.frames)).mean.numpy().astype(np.float16)
    np.testing.assert_array_equal(cache.mean[: len(first)], expected)


def test_a_set_without_states_has_a_cache_without_states(tmp_path):
    plain = [make_episode(f"episode_{i:03d}") for i in range(4)]
    blind = [replace(episode, states=episode.states[:, :0]) for episode in plain]
    ingested(blind, tmp_path / "shards", train_share=0.5)
    encoded(tmp_path / "shards", Spread, tmp_path / "latents.zarr")
    cache = open_cache(tmp_path / "latents.zarr")
    assert cache.spec.state_dim == 0
    assert "states" not in cache.store


def test_more_bytes_than_allowed_are_refused_before_any_is_written(folder, tmp_path, capsys):
    frames = sum(40 + i for i in range(8))
    needed = frames * (2 * 3 * 4 * 4 * 2 + 2 * 4 + 2 * 4)  # mean and std in float16, 2 + 2 float32
    with pytest.raises(ParamsError, match=f"encode.max_bytes = {needed - 1}, but {frames} frames"):
        encoded(folder / "shards", Spread, tmp_path / "large.zarr", max_bytes=needed - 1)
    assert list(tmp_path.iterdir()) == []
    encoded(folder / "shards", Spread, tmp_path / "fits.zarr", max_bytes=needed)
    assert f"{frames} frames of 3x4x4 latents take 0.07 MB" in capsys.readouterr().out


def test_statistics_of_other_actions_are_refused(folder):
    spec = open_cache(folder / "latents.zarr").spec
    values = {**spec.model_dump(), "actions": {**spec.actions, "min": [0.0] * 9}}
    with pytest.raises(ValueError, match=r"actions.min must have one number for each of 2"):
        type(spec).model_validate(values)
