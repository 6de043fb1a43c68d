"""The probe on episodes of a dot whose position is known, and the files that it leaves."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from encode_helpers import encoded
from helpers import default
from ingest_helpers import ingested

from pipeline.encoders import Posterior
from pipeline.errors import DataError, ParamsError
from pipeline.files import skipped
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.probe import Options
from pipeline.probe import probe as probes
from pipeline.probe.data import frames_of, pairs_of
from pipeline.probe.fit import fit
from pipeline.worlds import WORLDS

INTERVAL = 5


def options(**changes):
    values = {
        "readout": {"width": 24, "depth": 2, "steps": 250, "batch": 16, "learning_rate": 1e-2},
        "inverse": {
            **{"width": 32, "depth": 2, "frames": 3},
            **{"steps": 200, "batch": 64, "learning_rate": 1e-2},
        },
        "seed": 0,
    }
    return Options.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def world():
    module, chosen = default(WORLDS, "wall", crossing=0, size=16)
    return module.build(chosen)


class Pooled:
    """Encodes a frame as the mean of each 4 x 4 pixels of one colour, [1, 4, 4]."""

    takes = "frames"
    stochastic = False
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        return Posterior(F.avg_pool2d(frames[:, :1].float(), 4), None)


@pytest.fixture(scope="module")
def latents(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    episodes = list(world.collect(40, 24, seed=0))
    ingested(episodes, folder / "shards", normalise_actions=False, train_share=0.8, split_seed=0)
    encoded(folder / "shards", Pooled, folder / "latents.zarr")
    return open_cache(folder / "latents.zarr")


@pytest.fixture(scope="module")
def fitted(world, latents):
    return fit(latents, world.coordinates, INTERVAL, options())


@pytest.fixture
def saved(fitted, tmp_path):
    fitted[0].save(tmp_path / "probe")
    return tmp_path / "probe"


def test_it_reads_positions_that_it_was_never_shown(fitted, latents):
    probe, scores = fitted
    assert scores.distance < 2.5
    assert all(
        e < m / 4 for e, m in zip(scores.median_error, scores.mean_median_error, strict=True)
    )
    row = latents.episodes("val")[0]
    read = probe.coordinates(latents.latents(latents.latent_starts[[row]], None))
    truth = latents.states[latents.starts[row]]
    assert np.linalg.norm(read[0].detach().numpy() - truth) < 10


def test_the_same_seed_gives_the_same_probe(world, latents):
    few = {"steps": 3, "batch": 4, "learning_rate": 1e-2, "width": 8, "depth": 1}
    chosen = options(readout=few, inverse={**few, "frames": 3})
    first, second = (fit(latents, world.coordinates, INTERVAL, chosen) for _ in range(2))
    assert first[1] == second[1]
    states = (each[0].networks.state_dict() for each in (first, second))
    for one, other in zip(*(state.values() for state in states), strict=True):
        assert torch.equal(one, other)


def test_its_proposals_go_towards_the_goal_for_the_frames_that_are_left(fitted, latents):
    probe, scores = fitted
    assert scores.action_error < 0.95 * scores.mean_action_error
    now, goal = torch.tensor([[16.0, 20.0]] * 3), torch.tensor([[16.0, 35.0]] * 3)
    plans = probe.proposals(now, goal, torch.tensor([1, 2, 99])).detach()
    assert plans.shape == (3, 3, INTERVAL * 2)
    assert [[bool(frame.any()) for frame in plan] for plan in plans] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    spec = latents.spec
    actions = plans[0, 0].unflatten(0, (INTERVAL, 2)) * spec.action("std", plans)
    assert (actions + spec.action("mean", plans)).sum(0)[1] > 1


def test_a_saved_probe_reads_and_proposes_the_same(fitted, latents, saved):
    loaded = probes.load(saved, latents.spec, INTERVAL)
    shown = latents.latents(latents.latent_starts[:4], None)
    assert torch.equal(loaded.coordinates(shown), fitted[0].coordinates(shown))
    here, there = loaded.coordinates(shown).split(2)
    left = torch.tensor([1, 2])
    assert torch.equal(loaded.proposals(here, there, left), fitted[0].proposals(here, there, left))
    shown.requires_grad_()
    loaded.coordinates(shown).sum().backward()
    assert shown.grad.abs().sum() > 0


def test_latents_may_be_whitened_as_a_model_has_them(fitted, latents, saved):
    published = latents.spec.as_published()
    rows = latents.latent_starts[:4]
    torch.testing.assert_close(
        probes.load(saved, published, INTERVAL).coordinates(
            latents.whitened_by(published).latents(rows, None)
        ),
        fitted[0].coordinates(latents.latents(rows, None)),
        atol=1e-3,
        rtol=0,
    )


def test_pairs_are_of_one_episode_with_the_actions_between(world, latents, generator):
    frames = frames_of(latents, "val", world.coordinates)
    pairs = pairs_of(frames, INTERVAL, 3)
    now, goal, between = pairs.draw(500, generator)
    steps = torch.from_numpy(frames.steps)
    assert torch.equal(steps[goal] - steps[now], between * INTERVAL)
    assert set(between.tolist()) == {1, 2, 3}
    episode = np.searchsorted(latents.starts, frames.steps, side="right")
    assert (episode[now] == episode[goal]).all()
    spec, first = latents.spec, int(steps[now[0]])
    recorded = torch.from_numpy(latents.actions[first : first + INTERVAL])
    standardised = (recorded - spec.action("mean", recorded)) / spec.action("std", recorded)
    torch.testing.assert_close(pairs.actions(now)[0, 0], standardised.flatten())


def test_goals_are_no_further_than_episodes_are_long(world, latents):
    frames = frames_of(latents, "train", world.coordinates)
    assert pairs_of(frames, INTERVAL, 100).farthest == 23 // INTERVAL
    with pytest.raises(ParamsError, match=r"train\.interval = 24, but no episode .* is longer"):
        pairs_of(frames, 24, 3)


def test_without_validation_episodes_it_says_what_to_change(world, latents):
    episodes = [entry.model_copy(update={"split": "train"}) for entry in latents.seal.episodes]
    seal = latents.seal.model_copy(update={"episodes": episodes})
    with pytest.raises(DataError, match=r"no episode of the val split.*train_share"):
        fit(LatentCache(latents.path, seal, latents.store), world.coordinates, 5, options())


@pytest.mark.parametrize(
    ("changes", "interval", "message"),
    [
        ({"encoder": "sd_vae"}, INTERVAL, "fitted to latents of encoder patch_pca, .* sd_vae"),
        ({}, 4, "frames 5 steps apart, but those of the world model are 4 apart; set train.inter"),
    ],
)
def test_latents_of_another_kind_are_refused(latents, saved, changes, interval, message):
    with pytest.raises(DataError, match=message):
        probes.load(saved, latents.spec.model_copy(update=changes), interval)


def test_damage_is_one_line(latents, saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"coordinates": 3}))
    with pytest.raises(DataError, match=r"model\.safetensors: does not fit .*; `dvc checkout`"):
        probes.load(saved, latents.spec, INTERVAL)
    (saved / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json: damaged"):
        probes.load(saved, latents.spec, INTERVAL)


def test_what_was_skipped_says_why(latents, tmp_path):
    skipped.write_reason(tmp_path / "probe", "csgo has no simulator")
    with pytest.raises(DataError, match="no probe was fitted, because csgo has no simulator"):
        probes.load(tmp_path / "probe", latents.spec, INTERVAL)
