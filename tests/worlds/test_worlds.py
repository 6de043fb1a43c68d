"""Every world keeps the promises of `pipeline.worlds.World`, every recorder its own."""

import numpy as np
import pytest
from helpers import every, member_of

from pipeline.testing.worlds import RecorderTests, WorldTests
from pipeline.worlds import WORLDS

RECORDERS = ["csgo"]
"""Those that cannot be put into a recorded state."""
WORLD_NAMES = [name for name in every(WORLDS) if name not in RECORDERS]
# Simulators that remember more than their states say: how far off they continue is bounded in
# their own tests.
REMEMBERING = {"pusht"}


class TestEveryWorld(WorldTests):
    @pytest.fixture(scope="class", params=WORLD_NAMES)
    @classmethod
    def member(cls, request):
        return member_of(WORLDS, request.param)

    def test_a_restored_snapshot_continues_exactly(self, member, world, episode):
        if member.name in REMEMBERING:
            pytest.skip("bounded in its own tests")
        world.restore(episode.states[0], episode.meta)
        for action in episode.actions[:10]:
            world.step(action)
        middle = world.snapshot()
        for action in episode.actions[10:]:
            world.step(action)
        end = world.snapshot()
        world.restore(middle, episode.meta)
        for action in episode.actions[10:]:
            world.step(action)
        np.testing.assert_array_equal(world.snapshot(), end)


class TestEveryRecorder(RecorderTests):
    @pytest.fixture(scope="class", params=RECORDERS)
    @classmethod
    def member(cls, request):
        return member_of(WORLDS, request.param)
