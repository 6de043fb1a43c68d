"""The bench of cached latents: both variants are the same training, and all work is counted."""

import json
from dataclasses import replace

import pytest
import torch
from helpers import ROOT
from train_helpers import options
from typer.testing import CliRunner

from pipeline.compute import peak_flops as ceiling
from pipeline.encode.runner import Execution, Runner
from pipeline.errors import ParamsError
from pipeline.testing.member import scaled_error
from pipeline.tools.bench import Caching, cached, cached_data, encode_cases
from pipeline.tools.bench.commands import app

CPU = torch.device("cpu")
TINY = Caching(
    size="nano", patch=2, injection="additive", latent=(4, 16, 16), action_dim=3, frames=3,
    batch=2, repeats=2, compiled="none", pixels=32, widths=(32, 32), precision="float32",
    onednn=False,
)  # fmt: skip


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setitem(ceiling.SIDES, "cpu", 64)


@pytest.fixture
def stores(tmp_path):
    case = encode_cases.build_case("sd_vae", TINY.pixels, TINY.widths)
    runner = Runner(case.encoder, CPU, Execution(precision="float32", compile="none"))
    return cached_data.caches(tmp_path / "latents.zarr", TINY, case, runner)


@pytest.fixture(params=[0, 1], ids=["library", "ours"])
def both(request, stores):
    return stores[request.param], stores[2]


def test_both_see_the_latents_of_the_posterior_scaled_as_published(both):
    encoding, read = (cached.trainer(cache, TINY, options(), CPU) for cache in both)
    theirs, ours = cached.batch(encoding), cached.batch(read)
    assert ours.shape == (2, 3, 4, 16, 16)
    assert 0 < scaled_error(ours, theirs) < 1e-3
    raw = both[0].encode(both[0].pixels[[0, 1, 2, 1, 2, 3]])
    noise = torch.randn(ours.shape, generator=torch.Generator().manual_seed(0))
    expected = 0.18215 * (raw.mean + noise.flatten(0, 1) * raw.std)
    torch.testing.assert_close(theirs.flatten(0, 1), expected)


def test_without_noise_both_see_the_means(both):
    rows = torch.tensor([[0, 1], [3, 2]]).numpy()
    theirs, ours = (cache.latents(rows, None) for cache in both)
    assert scaled_error(ours, theirs) < 1e-3
    torch.testing.assert_close(theirs, both[0].sample(rows, None))


def test_both_take_the_same_steps(both):
    encoding, read = (cached.trainer(cache, TINY, options(), CPU) for cache in both)
    for _ in range(3):
        encoding.advance()
        read.advance()
    torch.testing.assert_close(read.curve, encoding.curve, rtol=2e-3, atol=0)
    assert (read.curve[: read.step, 0] > 0).all()
    assert not torch.equal(read.curve, encoding.curve)


def test_the_baseline_counts_the_encoder():
    published = (128, 256, 512, 512)
    setting = replace(
        TINY, size="S", latent=(4, 32, 32), action_dim=7, frames=4, pixels=256, widths=published
    )
    forward, steps = cached.work(setting)
    # 272.7 GF a frame of 256 x 256 in the encoder, 60.5 GF a window of 4 in NanoWM S/2.
    assert forward / 1e9 == pytest.approx(4 * 272.7 + 60.5, rel=2e-3)
    encoding = steps[cached.IN_LOOP] - steps[cached.CACHED]
    assert encoding / 1e9 == pytest.approx(2 * 4 * 272.7, rel=2e-3)
    assert steps[cached.CACHED] / 1e9 == pytest.approx(2 * 3 * 60.5, rel=2e-2)


def test_what_was_found_is_complete():
    found = cached.run(TINY, options(), CPU)
    assert list(found.variants) == [cached.LIBRARY, cached.IN_LOOP, cached.CACHED]
    assert 0 < found.difference < 1e-3
    assert 0 <= found.loss_difference < 2e-3
    assert 0 < found.data_wait < 1
    assert found.machine.threads == 1


def test_latents_that_differ_are_refused(monkeypatch):
    right = cached_data.EncodingCache.sample
    monkeypatch.setattr(cached_data.EncodingCache, "sample", lambda *words: right(*words) * 1.01)
    with pytest.raises(AssertionError, match="latents differ by"):
        cached.run(TINY, options(), CPU)


def test_the_encoder_runs_at_every_step_of_the_baselines_alone(both):
    frames = []

    def counting(pixels):
        frames.append(len(pixels))
        return both[0].encode(pixels)

    counted = replace(both[0], encode=counting)
    encoding, read = (cached.trainer(cache, TINY, options(), CPU) for cache in (counted, both[1]))
    read.advance()
    assert frames == []
    for step in (1, 2):
        encoding.advance()
        assert sum(frames) == step * TINY.batch * TINY.frames  # in micro-batches


def test_the_command_writes_its_figures(tmp_path, monkeypatch):
    monkeypatch.setitem(encode_cases.PUBLISHED, "sd_vae", (32, (32, 32)))
    out = tmp_path / "cached.json"
    words = ["cached", "--size", "nano", "--pixels", "32", "--batch", "1", "--repeats", "1"]
    words += ["--precision", "bfloat16", "--params", str(ROOT / "params.yaml"), "--out", str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "our encoder in the loop" in done.stdout
    assert "waiting for data: " in done.stdout
    written = json.loads(out.read_text())
    assert (written["bench"], written["setting"]["latent"]) == ("cached", [4, 16, 16])
    assert written["variants"][cached.LIBRARY]["cpu_speedup"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pixels", "100"], "--pixels = 100 must be a multiple of 8 x --patch = 2"),
        (["--pixels", "0"], "--pixels = 0 must be a multiple"),
        (["--size", "SS"], "--size = 'SS'"),
        (["--batch", "0"], "--batch = 0 must be 1 or more"),
        (["--frames", "1"], "--frames = 1 must be 2 or more"),
        (["--action-dim", "0"], "--action-dim = 0 must be 1 or more"),
    ],
)
def test_wrong_words_are_refused_before_any_work(words, message, monkeypatch):
    monkeypatch.setattr(cached, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ParamsError, match=message) as caught:
        CliRunner().invoke(app, ["cached", *words], catch_exceptions=False)
    assert "\n" not in str(caught.value)
