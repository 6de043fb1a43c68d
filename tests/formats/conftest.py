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
