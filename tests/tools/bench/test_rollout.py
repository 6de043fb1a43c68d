"""The bench of long rollouts: the reference's work, equal frames, and memory that is bounded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import DataError, ParamsError
from pipeline.tools.bench import rollout
from pipeline.tools.bench.results import BASELINE

CPU = torch.device("cpu")
TINY = rollout.Rolling(
    size="nano", patch=2, injection="additive", latent=(4, 4, 4), action_dim=3, frames=4, batch=2,
    repeats=1, compiled="none", precision="float32", context=1, steps=2, new=5,
)  # fmt: skip


def passes(name, setting=TINY):
    """Frames of each forward pass of a variant."""
    counted = []
    roll_out = rollout.rollouts(setting, CPU)[name]
    network = roll_out.args[1]
    network.register_forward_pre_hook(lambda _, words: counted.append(words[0].shape[1]))
    assert roll_out().shape == (2, 5, 4, 4, 4)
    return counted


def test_the_reference_passes_every_frame_of_the_window_at_every_step():
    assert passes(BASELINE) == [4] * 6 + [3] * 4  # three frames, then two in a window of three


def test_ours_passes_the_frame_that_moves_and_each_that_rests_once():
    assert sorted(passes(rollout.CACHED)) == [1] * (5 * 2 + 5)


def test_all_variants_give_the_same_frames():
    results = rollout.run(TINY, CPU)
    assert list(results.variants) == [BASELINE, rollout.CACHED]
    assert results.difference[rollout.CACHED] < 1e-5
    assert results.variants[BASELINE].count == 10


def test_a_difference_stops_the_bench(monkeypatch):
    monkeypatch.setattr(rollout, "BOUNDS", {"float32": -1.0})
    with pytest.raises(AssertionError, match="K/V cache: frames differ by"):
        rollout.run(TINY, CPU)


@pytest.mark.parametrize(("long", "flat"), [(109.0, True), (111.0, False)])
def test_memory_may_grow_by_a_tenth(monkeypatch, long, flat):
    peaks = {50: 100.0, 2000: long}
    monkeypatch.setattr(rollout, "_peak", lambda model, latents, frames, params: peaks[frames])
    words = Path("m"), Path("l"), 50, 2000, Path("p")
    if flat:
        assert rollout.memory(*words) == rollout.Memory(100.0, 109.0, 50, 2000)
    else:
        with pytest.raises(AssertionError, match="2000 frames take 111 MB, 50 frames 100 MB"):
            rollout.memory(*words)


@pytest.mark.slow
def test_the_command_measures_processes(smoke_run, tmp_path, monkeypatch):
    monkeypatch.chdir(smoke_run)
    small = ("--size", "nano", "--latent", "4x4x4", "--steps", "2", "--new", "2", "--repeats", "1")
    places = ("--model", "models/wall/tiny_vae", "--latents", "data/wall/latents/tiny_vae.zarr")
    lengths = ("--short", "2", "--long", "4", "--compile", "none")
    out = tmp_path / "rollout.json"
    words = ["bench", "rollout", *small, *places, *lengths, "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.exception
    assert json.loads(out.read_text())["memory"]["short"] > 100
    with pytest.raises(DataError, match="ended with 2"):
        rollout.memory(tmp_path, Path(places[3]), 1, 1, Path("params.yaml"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--context", "4"), "--context = 4 leaves nothing to generate"),
        (("--steps", "0"), "--steps = 0 must be 1 or more"),
        (("--model", "here"), "--model and --latents belong together"),
    ],
)
def test_wrong_settings_are_told(words, message):
    done = CliRunner().invoke(app, ["bench", "rollout", *words])
    assert isinstance(done.exception, ParamsError)
    assert message in str(done.exception)


def test_windows_may_slide_at_every_frame():
    slid = replace(TINY, context=3)
    frames = {name: roll_out() for name, roll_out in rollout.rollouts(slid, CPU).items()}
    torch.testing.assert_close(frames[rollout.CACHED], frames[BASELINE])
