"""States as latents: exact, drawn, and refused where only pictures are known."""

import numpy as np
import pytest
import torch
from encode_helpers import encoded
from helpers import default
from ingest_helpers import ingested

from pipeline import encoders
from pipeline.encode.shard import Saved
from pipeline.encoders import ENCODERS, Samples
from pipeline.episodes import shards
from pipeline.episodes.episode import Episode
from pipeline.episodes.groups import OBSERVED, STATE, SYSTEM_STATE
from pipeline.episodes.quadruped import draw
from pipeline.errors import DataError, UserError
from pipeline.fit.fit import fit_encoder, sample
from pipeline.latents.cache import open_cache
from pipeline.params import Variant
from pipeline.plan import Distance
from pipeline.plan.measure import Codec, Seen, build_measure
from pipeline.tools.parity.latent_spec import latent_spec

LAST = Distance(frames="last", metric="mse", base=1.0, blur=0.0)


def fitted(samples):
    return fit_encoder(Variant("state", *default(ENCODERS, "state")), samples, seed=0)


def robots(rows, extra=3, seed=0):
    """States of a legged robot, with `extra` numbers of its simulator."""
    draw = np.random.default_rng(seed)
    states = draw.normal(size=(rows, OBSERVED + extra)).astype(np.float32)
    gravity = SYSTEM_STATE.part("projected_gravity")
    states[:, gravity] /= np.linalg.norm(states[:, gravity], axis=1, keepdims=True)
    states[:, STATE.stop : OBSERVED] = draw.integers(0, 2, (rows, OBSERVED - STATE.stop))
    return states


def samples_of(states, size=(6, 8)):
    return Samples(torch.zeros(len(states), 3, *size, dtype=torch.uint8), torch.from_numpy(states))


def test_latents_are_all_numbers_or_the_group_that_a_robot_moves_by():
    plain = np.random.default_rng(1).normal(size=(20, OBSERVED)).astype(np.float32)
    for states, size in ((plain, OBSERVED), (robots(20), SYSTEM_STATE.width)):
        latents = fitted(samples_of(states)).encode(torch.from_numpy(states)).mean
        assert latents.shape == (20, size, 1, 1)
        np.testing.assert_array_equal(latents.flatten(1).numpy(), states[:, :size])


def test_a_strip_of_grey_tells_each_number_between_its_lowest_and_highest():
    states = np.array([[0, 5, 1], [10, 5, 3], [5, 5, 2]], np.float32)
    frames = fitted(samples_of(states, (2, 6))).decode(torch.from_numpy(states)[..., None, None])
    assert frames.shape == (3, 3, 2, 6)
    assert frames[:, 0, 0].tolist() == [
        [0, 0, 128, 128, 0, 0],
        [255, 255, 128, 128, 255, 255],
        [128, 128, 128, 128, 128, 128],
    ]


def test_a_robot_is_drawn_as_its_data_set_shows_it():
    states = robots(5)
    encoder = fitted(samples_of(states, (64, 64)))
    frames = encoder.decode(encoder.encode(torch.from_numpy(states)).mean)
    np.testing.assert_array_equal(frames.permute(0, 2, 3, 1).numpy(), draw(states))


def test_what_is_loaded_is_what_was_saved(tmp_path):
    states = robots(20)
    encoder = fitted(samples_of(states))
    encoders.save(encoder, "state", {}, tmp_path / "codec")
    name, loaded = encoders.load(tmp_path / "codec")
    latents = encoder.encode(torch.from_numpy(states)).mean
    assert name == "state"
    assert torch.equal(loaded.encode(torch.from_numpy(states)).mean, latents)
    assert torch.equal(loaded.decode(latents), encoder.decode(latents))


def test_pictures_and_shorter_states_are_refused_in_a_line():
    samples = samples_of(robots(4))
    encoder = fitted(samples)
    with pytest.raises(UserError, match="which pictures do not tell; start from recorded"):
        encoder.encode(samples.frames)
    with pytest.raises(UserError, match="44 numbers are no states of 45"):
        encoder.encode(samples.states[:, :44])
    with pytest.raises(DataError, match="the data set has no states; choose an encoder of frames"):
        fitted(samples_of(np.zeros((4, 0), np.float32)))


def test_a_cache_holds_the_very_states_of_every_episode(tmp_path):
    folder, out = tmp_path / "shards", tmp_path / "latents.zarr"
    walks = [
        Episode(
            f"walk_{number}",
            np.zeros((30 + number, 11, 11, 3), np.uint8),
            np.ones((30 + number, 2), np.float32) * number,
            robots(30 + number, seed=number),
            {},
        )
        for number in range(9)
    ]
    ingested(walks, folder, episodes_per_shard=4, train_share=0.7)
    encoders.save(fitted(sample(folder, "train", 100, 1)), "state", {}, tmp_path / "codec")
    metrics = encoded(folder, Saved(tmp_path / "codec"), out, name="state", batch=7, storage="int8")
    cache = open_cache(out)
    recorded = np.concatenate([table.states for table in shards.tables(folder)])
    raw = cache.spec.unwhiten(cache.latents(np.arange(len(recorded)), None))
    assert (metrics.storage, metrics.rounding_error) == ("float32", 0)
    np.testing.assert_array_equal(np.asarray(cache.mean[:])[..., 0, 0], recorded[:, STATE])
    np.testing.assert_allclose(raw.flatten(1).numpy(), recorded[:, STATE], atol=1e-5)
    np.testing.assert_array_equal(cache.states[:], recorded)


def test_planning_and_rollouts_encode_the_states_of_what_they_are_shown():
    """Where a picture is all there is, they refuse it."""
    states = np.array([[1, 2], [3, 6]], np.float32)
    encoder = fitted(samples_of(states, (11, 11)))
    spec = latent_spec([1.0, 2.0], {name: [1.0] for name in ("mean", "std", "min", "max")})
    codec = Codec(encoder, spec.model_copy(update={"mean": [1.0, 2.0]}), 8)
    frames = np.zeros((2, 11, 11, 3), np.uint8)
    assert codec.encode(frames, states).flatten(1).tolist() == [[0, 0], [2, 2]]
    measure = build_measure(LAST, codec, None)
    assert measure.of_frames(Seen(frames, states)).flatten(1).tolist() == [[0, 0], [2, 2]]
    with pytest.raises(UserError, match="which pictures do not tell"):
        measure.of_frames(Seen(frames))
