"""A LeRobot v2.1 set that several files read and damage copies of."""

import shutil
from pathlib import Path

import pytest
from lerobot_helpers import EPISODES, layout


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    raw = tmp_path_factory.mktemp("lerobot_v2") / "raw"
    layout().write(EPISODES, raw)
    return raw


@pytest.fixture
def v2(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "v2"))


@pytest.fixture
def v3_copy(tmp_path):
    """A copy of the set that lerobot 0.6.1 has recorded and edited."""
    edited = Path(__file__).parent / "fixtures" / "lerobot_v3_edited"
    return Path(shutil.copytree(edited, tmp_path / "v3"))
