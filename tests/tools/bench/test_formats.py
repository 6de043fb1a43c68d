"""`wm bench formats`: what is timed is what shards hold."""

import json

import numpy as np
import pytest
from helpers import default, make_episode
from ingest_helpers import InMemory
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.episodes.frame_formats import pack
from pipeline.formats import FORMATS
from pipeline.tools.bench import formats


@pytest.fixture
def episodes():
    return [make_episode(f"episode_{index:03d}", length=6 + index) for index in range(4)]


def test_sizes_are_those_of_what_is_stored(episodes):
    found = formats.run(InMemory(episodes), "wall", 3, 1)
    assert (found.episodes, found.frames) == (3, 6 + 7 + 8)
    assert set(found.formats) == {"raw", "deflate", "h264"}
    for name, row in found.formats.items():
        stored = sum(len(pack(episode, name)[1]) for episode in episodes[:3])
        assert row.bytes_per_frame == stored // found.frames
        assert row.share == pytest.approx(stored / sum(e.frames.nbytes for e in episodes[:3]), 1e-3)
        assert row.write > 0
        assert row.read > 0


def test_a_format_that_loses_something_is_noticed(episodes, monkeypatch):
    monkeypatch.setattr(formats, "unpack", lambda *_: np.zeros_like(episodes[0].frames))
    with pytest.raises(AssertionError):
        formats.run(InMemory(episodes), "wall", 1, 1)


def test_the_command_reads_a_data_set_and_writes_its_figures(episodes, tmp_path):
    module, options = default(FORMATS, "wall")
    module.build(options).write(
        [make_episode(f"{i}", length=6) for i in range(2)], tmp_path / "raw"
    )
    out = tmp_path / "formats.json"
    words = ["bench", "formats", str(tmp_path / "raw"), "--repeats", "1", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "12 frames of 2 episodes of wall" in done.output
    assert set(json.loads(out.read_text())["formats"]) == {"raw", "deflate", "h264"}
