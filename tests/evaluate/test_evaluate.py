"""Evaluation against models whose answers are known: a perfect one, and one that stands still."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import PARAMS
from train_helpers import sampling, world_model

from pipeline import encoders
from pipeline.episodes import shards
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError, ParamsError
from pipeline.evaluate import Options, clips, evaluate, outputs, summary
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.validation_clips import fixed_rows
from pipeline.latents.windows import Windows
from pipeline.metrics import frames as frame_metrics
from pipeline.metrics.backend import OWN, Backend
from pipeline.metrics.frames import FrameMetrics
from pipeline.metrics.images import frechet, psnr
from pipeline.metrics.schema.evaluate import EvaluateMetrics


@pytest.fixture(scope="module")
def windows(cache):
    return Windows(cache, "val", frames=4, interval=2)


@pytest.fixture(scope="module")
def fixed(windows, folder_of_latents):
    return clips.fixed_clips(windows, folder_of_latents / "shards", 12, 42)


class Oracle:
    """Rolls out the true latents if it is given the true actions, else something else."""

    def __init__(self, model, truth):
        self.spec, self.truth = model.spec, truth

    def rollout(self, history, actions, noise, sampling):
        rows = []
        for first, row in zip(history[:, 0], actions, strict=True):
            for latents, true in zip(self.truth.latents, self.truth.actions, strict=True):
                if torch.equal(first, latents[0]) and torch.equal(row, true[:-1]):
                    rows.append(latents[1:])
                    break
            else:
                rows.append(torch.zeros_like(self.truth.latents[0, 1:]))
        return torch.stack(rows)


def evaluator_of(model, folder, context=1):
    _, encoder = encoders.load(folder / "codec")
    plain = frame_metrics.build((), torch.device("cpu"))
    return Evaluator(model, encoder, sampling(steps=2), context, model.spec, plain)


def scored(evaluator, clips, batch, generator):
    return summary.to_metrics(evaluate.evaluate(evaluator, clips, batch, generator), "own")


@pytest.fixture
def perfect(cache, fixed, folder_of_latents):
    return evaluator_of(Oracle(world_model(cache), fixed), folder_of_latents)


def test_the_clips_are_the_references_draw_of_all_validation_windows(windows, fixed):
    rows = np.random.RandomState(42).choice(len(windows), 12, replace=False)
    assert torch.equal(fixed.latents, windows.latents(rows, None))
    assert torch.equal(fixed.actions, windows.actions(rows))


def test_clips_are_posterior_means_never_samples(windows, folder_of_latents, monkeypatch):
    generators = []
    monkeypatch.setattr(
        windows, "latents", lambda rows, generator: generators.append(generator) or torch.zeros(2)
    )
    clips.fixed_clips(windows, folder_of_latents / "shards", 2, 42)
    assert generators == [None]


def test_the_frames_of_a_clip_are_those_that_were_recorded(windows, fixed, folder_of_latents):
    episodes = {e.key: e for e in shards.read(folder_of_latents / "shards", "val")}
    rows = np.random.RandomState(42).choice(len(windows), 12, replace=False)
    for frames, (episode, start) in zip(fixed.frames, windows.rows[rows], strict=True):
        key = windows.cache.seal.episodes[episode].key
        expected = episodes[key].frames[start : start + 8 : 2].transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(frames.numpy(), expected)


def test_a_perfect_model_scores_perfectly_and_only_under_the_true_actions(
    perfect, fixed, generator
):
    scores = scored(perfect, fixed, 5, generator)
    assert (scores.clips, scores.frames) == (12, 3)
    assert scores.model.latent_mse == [0, 0, 0]
    for other in ("repeat_last", "shuffled_actions", "zero_actions"):
        assert min(getattr(scores, other).latent_mse) > 0.01
        assert max(getattr(scores, other).psnr) < min(scores.model.psnr)


def test_a_perfect_model_is_scored_on_the_recorded_pixels(perfect, fixed, generator):
    scores = scored(perfect, fixed, 5, generator)
    decoded = perfect.decode_float(fixed.latents[:, 1:])
    for frame in range(3):
        expected = psnr(decoded[:, frame], fixed.pixels()[:, frame + 1], peak=1).mean()
        assert scores.model.psnr[frame] == pytest.approx(float(expected), rel=1e-6)


def test_truth_and_generated_frames_are_never_rounded_to_bytes(perfect, fixed):
    """Neither where a network draws them, nor where recorded frames are resized."""
    larger = replace(fixed, view=Preprocessing(height=24, width=20, antialias=False))
    truth, decoded = larger.pixels(), perfect.decode_float(fixed.latents[:, 1:])
    assert truth.shape[-2:] == (24, 20)
    for frames in (truth, decoded):
        assert 0 <= frames.min() < frames.max() <= 1
        assert ((frames * 255 - (frames * 255).round()).abs() > 0.1).any()
    expected = torch.stack(
        [larger.view.apply(clip.permute(0, 2, 3, 1).numpy()) for clip in larger.frames]
    )
    assert torch.equal(larger.seen(), expected)


def test_every_score_has_its_interval_and_says_how_it_was_measured(perfect, fixed, generator):
    scores = scored(perfect, fixed, 5, generator)
    assert list(scores.measured) == ["latent_mse", "psnr", "ssim"]
    assert all(
        (one.n, one.of, one.weights) == (12, "clips", None) for one in scores.measured.values()
    )
    assert scores.measured["ssim"].backend == OWN
    for name, condition in scores.by_condition().items():
        for score, values in condition.by_frame().items():
            interval = scores.interval(name, score)
            for value, (low, high) in zip(values, interval.by_frame, strict=True):
                assert low <= value <= high
            means = scores.means()
            low, high = getattr(means.intervals[name], score)
            assert low <= getattr(getattr(means, name), score) <= high
    (low, high), *_ = scores.interval("repeat_last", "psnr").by_frame
    assert high - low > 0.1


def test_repeating_the_last_frame_is_scored_on_pixels_that_never_saw_the_codec(
    perfect, fixed, generator
):
    scores = scored(perfect, fixed, 5, generator)
    expected = psnr(fixed.frames[:, 0], fixed.frames[:, 2]).mean()
    assert scores.repeat_last.psnr[1] == pytest.approx(float(expected), rel=1e-5)


def test_batches_do_not_matter(cache, fixed, folder_of_latents):
    one = evaluator_of(world_model(cache), folder_of_latents)
    first, second = (
        scored(one, fixed, batch, torch.Generator().manual_seed(0)).by_condition()
        for batch in (3, 12)
    )
    for name in ("model", "shuffled_actions", "zero_actions", "repeat_last"):
        for metric in ("latent_mse", "psnr", "ssim"):
            assert getattr(first[name], metric) == pytest.approx(
                getattr(second[name], metric), rel=1e-4
            )


def test_what_is_left_behind_can_be_read(perfect, fixed, generator, tmp_path):
    scores = scored(perfect, fixed, 5, generator)
    scores.write(tmp_path / "evaluate.json")
    assert EvaluateMetrics.read(tmp_path / "evaluate.json") == scores
    outputs.write_horizon(scores, tmp_path / "horizon.csv")
    table = np.genfromtxt(tmp_path / "horizon.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(table["frame"], [1, 2, 3])
    np.testing.assert_allclose(table["model_psnr"], scores.model.psnr, rtol=1e-5)
    outputs.write_dreams(perfect, fixed.part(0, 2), generator, tmp_path / "dreams.npz")
    with np.load(tmp_path / "dreams.npz") as dreams:
        assert dreams["truth"].shape == dreams["prediction"].shape == (2, 4, 3, 16, 16)
        np.testing.assert_array_equal(dreams["truth"][:, 0], dreams["prediction"][:, 0])


@pytest.mark.parametrize("decoder", ["own", "fitted"])
def test_every_file_with_scores_of_pixels_says_which_decoder_drew_them(
    perfect, fixed, generator, tmp_path, decoder
):
    scores = scored(perfect, fixed, 5, generator).model_copy(update={"decoder": decoder})
    assert scores.means().decoder == decoder
    outputs.write_horizon(scores, tmp_path / "horizon.csv")
    with (tmp_path / "horizon.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[0::13] == ["frame", "decoder"]
    assert [row["decoder"] for row in rows] == [decoder] * 3


def test_perceptual_metrics_are_recorded_where_they_are_asked_for(
    perfect, fixed, generator, tmp_path
):
    """Stand-ins for the networks: how far colours are apart, and the colours."""

    def colours(frames):
        return 255 * frames.mean((2, 3))

    def apart(a, b):
        return (colours(a) - colours(b)).abs().mean(1)

    used = {name: Backend(name, "0" * 64, "https://nowhere.invalid") for name in ("lpips", "fid")}
    backends = perfect.metrics.backends | used
    metrics = FrameMetrics({**perfect.metrics.by_frame, "lpips": apart}, colours, backends)
    scores = scored(replace(perfect, metrics=metrics), fixed, 5, generator)
    decoded, truth = perfect.decode_float(fixed.latents[:, 1:]), fixed.pixels()[:, 1:]
    assert scores.model.lpips == pytest.approx(
        [float(apart(decoded[:, frame], truth[:, frame]).mean()) for frame in range(3)], rel=1e-5
    )
    distance = frechet(colours(decoded.flatten(0, 1)), colours(truth.flatten(0, 1)))
    assert scores.model.fid == pytest.approx(float(distance))
    assert scores.zero_actions.fid > 2 * scores.model.fid
    low, high = scores.interval("zero_actions", "fid").mean
    assert low < scores.zero_actions.fid < high
    assert (scores.measured["fid"].n, scores.measured["fid"].of) == (36, "frames")
    assert scores.measured["lpips"].weights == "0" * 64
    means = scores.means().model
    assert means.fid == scores.model.fid
    assert means.lpips == pytest.approx(sum(scores.model.lpips) / 3)
    outputs.write_horizon(scores, tmp_path / "horizon.csv")
    names = np.genfromtxt(tmp_path / "horizon.csv", delimiter=",", names=True).dtype.names
    assert "model_lpips" in names
    assert "model_fid" not in names


def test_more_clips_than_there_are_windows_are_refused(windows, folder_of_latents):
    count = len(windows)
    taken = clips.fixed_clips(windows, folder_of_latents / "shards", count, 42)
    rows = np.random.RandomState(42).choice(count, count, replace=False)
    assert torch.equal(taken.actions, windows.actions(rows))
    problem = f"evaluate.clips = {count + 1}, but .* has {count} .*; choose at most {count}, or"
    with pytest.raises(ParamsError, match=problem):
        clips.fixed_clips(windows, folder_of_latents / "shards", count + 1, 42)


def test_a_single_window_is_refused(cache, folder_of_latents):
    longest = max(cache.seal.episodes[episode].length for episode in cache.episodes("val"))
    one = Windows(cache, "val", longest, 1, every=False)
    assert len(one) == 1
    with pytest.raises(ParamsError, match=r"evaluate.clips = 5, but .* has 1 validation windows"):
        clips.fixed_clips(one, folder_of_latents / "shards", 5, 42)


def test_a_codec_that_did_not_make_the_latents_is_refused(cache, folder_of_latents):
    with pytest.raises(DataError, match="this patch_pca is not the patch_pca"):
        encoders.load_for(
            cache.spec.model_copy(update={"codec": "other"}), folder_of_latents / "codec"
        )


def test_with_a_longer_context_only_the_others_are_scored(cache, fixed, folder_of_latents):
    class Known(Oracle):
        def rollout(self, history, actions, noise, sampling):
            assert history.shape[1] == 2
            assert noise.start.shape[1] == 2
            return super().rollout(history, actions, noise, sampling)[:, 1:]

    one = evaluator_of(Known(world_model(cache), fixed), folder_of_latents, context=2)
    generator = torch.Generator().manual_seed(0)
    scores = scored(one, fixed, 5, generator)
    assert scores.frames == 2
    assert scores.model.latent_mse == [0, 0]
    expected = psnr(fixed.frames[:, 1], fixed.frames[:, 3]).mean()
    assert scores.repeat_last.psnr[1] == pytest.approx(float(expected), rel=1e-5)
    moved = (fixed.latents[:, 1] - fixed.latents[:, 3]).square().mean()
    assert scores.repeat_last.latent_mse[1] == pytest.approx(float(moved), rel=1e-5)


def test_clips_are_whitened_as_the_model_was_trained(cache, folder_of_latents):
    config = world_model(cache).config
    own = config.model_copy(
        update={"spec": cache.spec.model_copy(update={"mean": [0.0] * 3, "std": [2.0] * 3})}
    )
    options = Options.model_validate({**PARAMS["evaluate"], "clips": 4, "dream_frames": 6})
    fixed = [
        clips.select(cache, folder_of_latents / "shards", each, options) for each in (config, own)
    ]
    for ours, theirs in zip(*fixed, strict=True):
        torch.testing.assert_close(theirs.latents, cache.spec.unwhiten(ours.latents) / 2)


def test_clips_must_leave_something_to_generate(cache, folder_of_latents):
    config = world_model(cache).config
    options = Options.model_validate({**PARAMS["evaluate"], "context": 4})
    with pytest.raises(ParamsError, match=r"evaluate.context = 4 leaves nothing .* at most 3"):
        clips.select(cache, folder_of_latents / "shards", config, options)


def test_published_starts_are_the_windows_to_pick_from(windows):
    """Where a set publishes where its clips start (CSGO), no other window is a clip."""
    starts = dict(zip(windows.episodes, (3, 0, 9999), strict=True))
    entries = [
        entry.model_copy(update={"meta": {"validation_start": starts[place]}})
        if place in starts
        else entry
        for place, entry in enumerate(windows.cache.seal.episodes)
    ]
    seal = windows.cache.seal.model_copy(update={"episodes": entries})
    published = Windows(replace(windows.cache, seal=seal), "val", 4, 2)
    picked = sorted(published.rows[fixed_rows(published, 9, 42, "evaluate.clips")].tolist())
    first, second, _ = windows.episodes
    assert picked == [[first, 3], [second, 0]]  # 9999 has no window, as in the reference


def test_errors_are_in_units_of_the_caches_whitened_latents(cache, fixed, folder_of_latents):
    """Two models that dream the same raw latents have the same errors, however they whiten."""
    plain = cache.spec.as_published()
    oracle = Oracle(world_model(cache), fixed)
    still = evaluator_of(oracle, folder_of_latents)
    raw = replace(fixed, latents=cache.spec.unwhiten(fixed.latents))

    class Plain(Oracle):
        def rollout(self, history, actions, noise, sampling):
            whitened = cache.spec.whiten(history)
            return cache.spec.unwhiten(oracle.rollout(whitened, actions, noise, sampling))

    model = Plain(oracle, raw)
    model.spec = plain
    other = replace(still, model=model)
    scores, same = (
        scored(one, clips, 5, torch.Generator().manual_seed(0))
        for one, clips in ((still, fixed), (other, raw))
    )
    for name in ("model", "repeat_last"):
        assert getattr(same, name).latent_mse == pytest.approx(
            getattr(scores, name).latent_mse, rel=1e-5
        )
    assert min(scores.repeat_last.latent_mse) > 0.01
