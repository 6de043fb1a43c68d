"""The bench of a search's rounds: the reference's work and frames, and costs counted alike."""

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import ParamsError
from pipeline.tools.bench import Searching, baseline, futures, futures_inputs, futures_results
from pipeline.tools.bench.futures_results import Variant, rows
from pipeline.tools.bench.timing import Timing

CPU = torch.device("cpu")
TINY = Searching(
    size="nano", patch=2, injection="additive", latent=(4, 4, 4), action_dim=3, frames=4, batch=2,
    repeats=1, compiled="none", precision="float32", pixels=8, widths=(32, 32), candidates=6,
    horizon=4, reference_steps=3, steps=(2,),
)  # fmt: skip


def test_the_reference_passes_all_frames_of_whole_windows_at_every_step():
    inputs = futures_inputs.random_round(TINY, CPU)
    reference = next(futures._variants(TINY, inputs, CPU))
    shapes = []
    inputs.reference.register_forward_pre_hook(lambda _, words: shapes.append(words[0].shape[:2]))
    assert reference.roll_out().shape == (2, 4, 4, 4, 4)
    assert shapes == [(2, 4)] * 6  # 4 frames to plan are two windows of 3, of three steps each


def test_every_variant_is_compared_with_the_frames_that_it_shares(monkeypatch):
    spent = torch.randn(64, 64)
    names = (futures.LIBRARY, *map(futures._encode, ("float32", "bfloat16")))
    encoders = [(name, lambda: spent @ spent) for name in names]  # in place of diffusers
    monkeypatch.setattr(futures, "_encoders", lambda *_: encoders)
    results = futures.run(TINY, CPU)
    same = [row.same_as for row in results.variants.values()]
    assert same[:3] == [None, "reference", None]
    assert set(same[3:]) == {"context for each, 2 steps a frame"}
    first, exact, plain, shared = list(results.variants.values())[:4]
    assert (first.speedup, first.cpu_speedup, first.difference) == (1, 1, 0)
    assert max(exact.difference, shared.difference) < 1e-5
    assert all(row.encode_cpu_seconds > 0 for row in results.variants.values())
    assert plain.difference == 0


@pytest.mark.parametrize("factor", [1.001, float("nan")])
def test_other_frames_than_the_reference_s_are_refused(factor, monkeypatch):
    def spoilt(network):
        copied = baseline.baseline_network(network)
        with torch.no_grad():
            copied.final_layer.linear.weight.mul_(factor)
        return copied

    monkeypatch.setattr(futures_inputs, "baseline_network", spoilt)
    with pytest.raises(AssertionError, match=r"frames (differ from reference|are not finite)"):
        futures.run(replace(TINY, pixels=0), CPU)


def test_a_round_costs_what_its_timed_candidates_took_times_their_share():
    setting = replace(TINY, repeats=2)  # 2 of 6 candidates
    variants = {
        name: Variant(name, torch.Tensor, encode, None, "float32")
        for name, encode in (("reference", "each"), ("ours", "one"))
    }
    timings = {
        "each": Timing([4.0, 4.0], [8.0, 8.0]),
        "one": Timing([2.0, 2.0], [4.0, 4.0]),
        "reference": Timing([6.0, 16.0], [12.0, 32.0]),
        "ours": Timing([1.0, 6.0], [2.0, 12.0]),
    }
    found = rows(setting, variants, timings, {"reference": 0.0, "ours": 0.0})
    assert found["reference"].seconds.min == 3 * (4 + 6)
    assert found["ours"].seconds.min == 2 + 3 * 1  # a frame is encoded once for all candidates
    assert found["ours"].cpu_seconds.max == 4 + 3 * 12
    assert found["ours"].encode_cpu_seconds == 4
    assert found["ours"].cpu_speedup == (60 / 10 + 120 / 40) / 2
    timings = {name: timings[name] for name in variants}
    assert rows(setting, variants, timings, dict.fromkeys(variants, 0.0))["ours"].seconds.min == 3


def test_the_command_writes_what_it_measured(tmp_path):
    out = tmp_path / "futures.json"
    words = ["--size", "nano", "--latent", "4x4x4", "--pixels", "0", "--reference-steps", "2"]
    words += ["--candidates", "6", "--steps", "1", "--repeats", "1", "--out", str(out)]
    done = CliRunner().invoke(app, ["bench", "futures", *words], catch_exceptions=False)
    assert done.exit_code == 0
    assert "a round has 6 candidates; 2 were timed in one batch, and multiplied by 3" in done.stdout
    found = json.loads(out.read_text())
    assert (found["bench"], found["setting"]["candidates"]) == ("futures", 6)
    names = list(found["variants"])
    assert names[:2] == ["reference", "shared context, 2 steps at once"]
    assert found["variants"][names[1]]["difference"] < futures_results.BOUNDS["float32"]
    assert found["variants"][names[1]]["encode_cpu_seconds"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pixels", "100"], "--pixels = 100 must be a multiple of"),
        (["--size", "nan"], r"--size = 'nan': did you mean nano\?"),
        (["--timed", "9", "--candidates", "4"], "--timed = 9 exceeds --candidates = 4"),
    ],
)
def test_wrong_words_are_refused_before_any_work(words, message, monkeypatch):
    monkeypatch.setattr(futures, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ParamsError, match=message):
        CliRunner().invoke(app, ["bench", "futures", *words], catch_exceptions=False)
