"""The benches of encoding and loading: every way gives the same, and rates are counted right."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.encoders._shared.kl import KlAutoencoder
from pipeline.encoders._shared.patch_codec import Backbone
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.mapped_rows import mappable
from pipeline.tools.bench import encode, encode_cases, feed, loader, rates
from pipeline.tools.bench.loader_data import RECORDED, Setting, write_files, write_random_cache
from pipeline.tools.bench.timing import Timing

LOADED = Setting(
    latent=(2, 4, 4), frames=3, interval=2, batch=4, episodes=20, steps=10, files=2, repeats=1
)
ENCODED = encode.Setting(
    encoder="sd_vae", size=56, batch=2, batches=2, widths=(32, 32), repeats=1, compiled="none"
)  # fmt: skip
TINY = {
    "sd_vae": ("diffusers", (32, 32), KlAutoencoder),
    "web_dino": ("transformers", (48, 2, 3), Backbone),
}
CPU = torch.device("cpu")


def test_rates_count_what_each_run_gets_through():
    timings = {
        "slow": Timing([2.0, 4.0, 3.0], [1.0, 1.0, 1.0]),
        "fast": Timing([1.0] * 3, [2.0] * 3),
    }
    found = rates.rates(timings, {"slow": 6, "fast": 20})
    assert (found["slow"].per_second, found["slow"].per_cpu_second) == (2, 6)
    assert (found["fast"].per_second, found["fast"].per_cpu_second) == (20, 10)
    assert (found["fast"].speedup, found["fast"].cpu_speedup) == (10, pytest.approx(10 / 6, 1e-3))


def test_loaders_are_timed_on_windows_that_agree(monkeypatch):
    threads = torch.get_num_threads()
    found = loader.run(LOADED)
    assert list(found.variants) == [loader.FILES, loader.ZARR, loader.MEANS, loader.SAMPLES]
    assert found.difference == {loader.MEANS: 0}
    assert found.variants[loader.ZARR].count == 4
    assert found.variants[loader.MEANS].count == 4 * loader.ROUNDS
    assert torch.get_num_threads() == threads
    wrong = LatentCache.latents
    monkeypatch.setattr(LatentCache, "latents", lambda *words: wrong(*words) + 1e-3)
    with pytest.raises(AssertionError, match=r"latents differ by 1\.0e-03"):
        loader.run(LOADED)


def test_the_store_that_is_loaded_is_mapped_and_random(tmp_path):
    cache = open_cache(write_random_cache(tmp_path / "latents.zarr", LOADED))
    assert mappable(cache.store["mean"])
    assert cache.mean.shape == (200, 2, 4, 4)
    assert cache.mean[:].std() == pytest.approx(1, abs=0.05)


def test_a_clip_of_the_published_way_is_its_frames_resized(tmp_path):
    paths = write_files(tmp_path, LOADED)
    frames = torch.load(paths[1])
    assert frames.shape == (10, RECORDED, RECORDED, 3)
    clip = loader._clip(paths[1], 3, LOADED)
    assert clip.shape == (3, 3, 256, 256)
    expected = torch.nn.functional.interpolate(
        frames[[3, 5, 7]].permute(0, 3, 1, 2).double() / 255, (256, 256), mode="bilinear",
        antialias=True,
    )  # fmt: skip
    torch.testing.assert_close(clip.double(), expected * 2 - 1, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", TINY)
def test_encoding_is_timed_on_latents_that_agree(encoder, monkeypatch):
    if encoder == "web_dino":
        pytest.importorskip("transformers")
    library, widths, kind = TINY[encoder]
    setting = replace(ENCODED, encoder=encoder, widths=widths)
    found = encode.run(setting, CPU)
    assert list(found.variants) == [f"{library}, float32", "ours, float32", "ours, bfloat16"]
    assert found.difference["ours, float32"] <= 1e-5
    assert 0 < found.difference["ours, bfloat16"] <= 5e-2
    assert {rate.count for rate in found.variants.values()} == {4}
    right = kind.encode
    monkeypatch.setattr(kind, "encode", lambda self, frames: right(self, frames // 2))
    with pytest.raises(AssertionError, match=f"ours, float32: differs from {library}"):
        encode.run(setting, CPU)


def test_the_plain_call_is_of_the_network_as_the_library_opens_it_with_the_same_weights():
    case = encode_cases.build_case("sd_vae", 56, ENCODED.widths)
    assert not case.plain.use_slicing
    assert not case.plain.training
    pairs = list(zip(case.plain.parameters(), case.encoder.vae.parameters(), strict=True))
    for left, right in pairs:
        assert left.is_contiguous()
        np.testing.assert_array_equal(left.detach(), right)
    assert not all(right.is_contiguous() for _, right in pairs)  # ours have channels last


def test_an_encoder_that_is_not_benched_is_named():
    with pytest.raises(ParamsError, match="--encoder = 'sd_va': did you mean sd_vae"):
        CliRunner().invoke(app, ["bench", "encode", "--encoder", "sd_va"], catch_exceptions=False)


def test_the_command_of_loading_writes_its_figures(tmp_path):
    out = tmp_path / "loader.json"
    words = "--latent 2x4x4 --frames 2 --interval 1 --batch 2 --steps 4 --episodes 3 --files 1"
    words = ["bench", "loader", *words.split(), "--repeats", "1", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "clips/s" in done.output
    written = json.loads(out.read_text())
    assert written["setting"]["latent"] == [2, 4, 4]
    assert len(written["variants"]) == 4


def test_a_device_waits_for_what_is_not_drawn_meanwhile(monkeypatch):
    """The clock is played, and a batch takes 3 ms."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def one_by_one(draw, steps, device, waiting):
        assert device.type == "cuda"
        for step in steps:
            with waiting():
                now[0] += 0.003
            yield step

    monkeypatch.setattr(feed, "prefetch_batches", one_by_one)
    batches = SimpleNamespace(draw=None, options=SimpleNamespace(batch=4))
    assert feed.data_wait_share(batches, 0, 10) == 1
    assert feed.data_wait_share(batches, 0.001, 10) == 0.75
    assert feed.data_wait_share(batches, 0.009, 10) == 0.25


def test_the_command_of_feeding_writes_its_figures(tmp_path):
    out = tmp_path / "feed.json"
    words = "--latent 2x4x4 --frames 2 --interval 1 --batch 2 --steps 4 --episodes 3 --processes 2"
    words = ["bench", "feed", *words.split(), "--ms", "0.5", "--ms", "1.5", "--repeats", "4"]
    done = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "draws a batch of 4 clips" in done.output
    written = json.loads(out.read_text())
    assert list(written["data_wait"]) == ["0.5", "1.5"]
    assert all(0 < share < 1 for share in written["data_wait"].values())
