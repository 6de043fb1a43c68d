"""Behaviour cloning: of upright episodes alone, and of what the actions follow from."""

from dataclasses import replace

import pytest
import torch
from helpers import PARAMS
from policy_helpers import toy_cache

from pipeline.episodes.groups import POLICY
from pipeline.errors import DataError
from pipeline.policy import Imitation
from pipeline.policy.actor import ActorConfig
from pipeline.policy.imitation import Demonstrations, demonstrations, imitate

LOW, HIGH = -torch.ones(12), torch.ones(12)
COMMAND, LAST = POLICY.part("command"), POLICY.part("last_action")


def test_demonstrations_are_the_rows_of_upright_episodes_with_command_and_last_action(tmp_path):
    cache = toy_cache(tmp_path / "latents.zarr")
    shown = demonstrations(cache, LOW, HIGH / 2)
    assert len(shown) == 4 * 12  # of five episodes one ends in a fall
    assert shown.observations[:, COMMAND].unique(dim=0).tolist() == [[0.5, 0.0, 0.0]]
    first = torch.arange(len(shown)) % 12 == 0
    assert shown.observations[first, LAST].abs().max() == 0
    recorded = torch.from_numpy(cache.actions[12:60])
    assert torch.equal(shown.observations[~first, LAST], recorded[:-1][~first[1:]])
    assert torch.equal(shown.actions, recorded.clamp(-1, 0.5))


def test_without_an_upright_episode_there_is_nothing_to_imitate(tmp_path):
    cache = toy_cache(tmp_path / "latents.zarr")
    seal = cache.seal.model_copy(update={"episodes": cache.seal.episodes[:1]})
    with pytest.raises(DataError, match=r"policy\.imitation\.steps: 0"):
        demonstrations(replace(cache, seal=seal), LOW, HIGH)


def test_it_does_what_was_done_and_the_same_at_every_try(generator):
    observations = torch.randn((200, POLICY.width), generator=generator)
    shown = Demonstrations(observations, observations[:, :12].clamp(-1, 1) / 2)
    config = ActorConfig(observation_dim=48, widths=[32], low=[-1.0] * 12, high=[1.0] * 12)
    options = Imitation.model_validate({**PARAMS["policy"]["imitation"], "steps": 300})
    actor, again = (imitate(shown, config, options, False, 0) for _ in range(2))
    error = (actor(observations) - shown.actions).square().mean()
    assert error < shown.actions.var() / 4
    assert torch.equal(actor(observations), again(observations))
