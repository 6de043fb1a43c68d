"""Walks through a small room, as shards and as a rollout, and a way to run `wm`."""

from pathlib import Path

import pytest
from helpers import default
from ingest_helpers import ingested
from scenes_helpers import SIZE, wm, write_rollout

from pipeline.worlds import WORLDS
from pipeline.worlds.room import Room


@pytest.fixture(scope="session")
def room() -> Room:
    module, options = default(WORLDS, "room", height=SIZE[0], width=SIZE[1])
    return module.build(options)


@pytest.fixture(scope="session")
def room_shards(room, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("room") / "shards"
    ingested(list(room.collect(4, 6, seed=0)), folder, train_share=0.5)
    return folder


@pytest.fixture(scope="session")
def room_rollout(room, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rolled") / "rollout"
    write_rollout(room, folder)
    return folder


@pytest.fixture(scope="session")
def export(room_shards, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("export") / "out"
    wm("export-3d", room_shards, out, "--clip", "episode_002")
    return out
