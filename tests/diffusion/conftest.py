"""A world model that every test of the room may roll out."""

import pytest
from rollout_helpers import randomised
from train_helpers import world_model


@pytest.fixture
def model(cache):
    return randomised(world_model(cache))
