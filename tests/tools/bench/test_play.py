"""The bench of `wm play`: a page's frames are the rollout's, and its time is told beside it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.tools.bench import play

WORDS = ("bench", "play", "models/wall/tiny_vae", "--frames", "4", "--keys", "3", "--rounds", "2")


@pytest.mark.slow
def test_a_page_is_timed_beside_the_rollout(smoke_run, tmp_path, monkeypatch):
    monkeypatch.chdir(smoke_run)
    out = tmp_path / "play.json"
    done = CliRunner().invoke(app, [*WORDS, "--out", str(out)])
    assert done.exception is None, done.exception
    results = json.loads(out.read_text())
    assert results["simulator"]
    assert results["cost"] < 1
    slowest = results["key_to_frame"]
    assert 0 < slowest["min"] <= slowest["median"] <= slowest["max"]
    assert "frames/s" in done.output


@pytest.mark.slow
def test_other_frames_than_the_rollout_s_stop_it(smoke_run, monkeypatch):
    monkeypatch.chdir(smoke_run)
    black = np.zeros((32, 32, 3), np.uint8)
    monkeypatch.setattr(play, "_rollout", lambda playable, actions: iter([black] * len(actions)))
    done = CliRunner().invoke(app, WORDS)
    assert isinstance(done.exception, AssertionError)
    assert "frame 0" in str(done.exception)
