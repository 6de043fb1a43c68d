"""The stage: scores with a known answer, studies that count, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from helpers import PARAMS, ROOT
from in_process import run_stage
from pipeline_helpers import set_params
from rollout_helpers import randomised
from train_helpers import sampling, world_model

from pipeline import encoders
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import frames
from pipeline.metrics.schema.rollout import RolloutMetrics, RolloutSkipped, read
from pipeline.params import read as read_params
from pipeline.rollout import Options, Study, clips
from pipeline.rollout.clips import Length
from pipeline.rollout.generate import Generator
from pipeline.rollout.score import Scorer, curves, score
from pipeline.rollout.study import study
from pipeline.worlds.wall import Options as WallOptions
from pipeline.worlds.wall import build

LENGTH = Length(history=1, frames=4, interval=2)


@pytest.fixture(scope="module")
def loads(cache, folder_of_latents):
    return clips.fixed(cache, folder_of_latents / "shards", LENGTH, 3, 42, "clips")


@pytest.fixture
def scorer(cache, folder_of_latents):
    model = randomised(world_model(cache))
    _, encoder = encoders.load(folder_of_latents / "codec")
    plain = frames.build((), torch.device("cpu"))
    return Scorer(Generator(model, encoder, sampling(steps=2), 0), plain, cache.spec)


class Oracle(Generator):
    """Generates the true latents."""

    def latents(self, clips, history):
        for number in range(1, LENGTH.total):
            truth = np.stack([list(clip.truth())[number] for clip in clips])
            yield self.encode(self.model.spec.view.apply(truth))


def test_a_perfect_model_has_no_latent_error(scorer, loads):
    ours = scorer.generator
    perfect = Oracle(ours.model, ours.encoder, ours.sampling, 0)
    scored = score(Scorer(perfect, scorer.metrics, scorer.spec), loads, batch=2)
    assert scored.model["latent_mse"].shape == (3, 4)
    assert scored.model["latent_mse"].max() == 0
    assert scored.repeat_last["latent_mse"].min() > 0
    assert (scored.model["psnr"] > scored.repeat_last["psnr"]).all()


def test_repeating_scores_the_last_given_frame(scorer, loads):
    """PSNR by hand, of the first clip."""
    scored, clip = score(scorer, loads, batch=3), loads[0]()
    truth = np.stack(list(clip.truth())).astype(np.float64) / 255
    for frame in range(1, 5):
        error = ((truth[0] - truth[frame]) ** 2).mean()
        expected = -10 * np.log10(error + 1e-8)
        assert scored.repeat_last["psnr"][0, frame - 1].item() == pytest.approx(expected, abs=1e-3)


def test_scores_do_not_depend_on_the_batch(scorer, loads):
    one, all_ = (score(scorer, loads, batch).model for batch in (1, 3))
    for name, values in one.items():
        torch.testing.assert_close(values, all_[name], rtol=1e-4, atol=1e-4)


def test_curves_are_means_within_their_intervals(scorer, loads):
    for curve in curves(score(scorer, loads, 3).model).curves().values():
        for mean, (low, high) in zip(curve.mean, curve.interval, strict=True):
            assert low <= mean <= high


def test_a_study_counts_the_frames_that_pass_through_the_network(scorer, loads):
    asked = Study(samplers=("sequential", "full_sequence"), spacings=("trailing",), steps=(1, 4))
    rows = study(scorer, asked, loads, batch=3)
    assert [(row.sampler, row.steps) for row in rows] == [
        *(("sequential", 1), ("sequential", 4), ("full_sequence", 1), ("full_sequence", 4))
    ]
    # Windows of 1 + 3 and 3 + 1 frames: in each, every frame but the last is run once, clean.
    assert [row.evaluations for row in rows[:2]] == [(4 + 3 + 3) / 4, (16 + 3 + 3) / 4]
    assert [row.evaluations for row in rows[2:]] == [(4 + 1 + 3) / 4, (16 + 1 + 3) / 4]
    assert all(row.cpu_seconds > 0 for row in rows)
    alone = score(scorer, loads, 3).model["psnr"].double().mean().item()
    two = study(
        scorer, Study(samplers=("sequential",), spacings=("trailing",), steps=(2,)), loads, 3
    )
    assert two[0].psnr == pytest.approx(alone, abs=1e-4)


def test_simulated_clips_are_new_and_each_is_itself():
    options = WallOptions.model_validate({**PARAMS["worlds"]["wall"], "size": 16})
    world, length = build(options), Length(2, 3, 5)
    first, second = (clips.simulated(world, length, count, 0) for count in (1, 2))
    for one, other in zip(first, second[:1], strict=True):
        assert torch.equal(one().actions, other().actions)
    clip = second[1]()
    assert not torch.equal(first[0]().actions, clip.actions)
    assert clip.actions.shape == (4, 5, 2)
    assert len(list(clip.truth())) == len(clip.states) == 5
    again = clips.simulate(world, clip.states[0], clip.meta, clip.actions)
    np.testing.assert_array_equal(again, clip.states[1:])
    drawn = list(clips.draw(world, again, clip.meta))
    np.testing.assert_array_equal(drawn, list(clip.truth())[1:])


def test_the_smoke_run_has_scored_and_shown_rollouts(smoke_run):
    metrics = read(smoke_run / "metrics/rollout.json")
    assert isinstance(metrics, RolloutMetrics)
    assert (metrics.clips, metrics.frames, metrics.window, metrics.study) == (2, 7, 4, [])
    shown = sorted(path.name for path in (smoke_run / "results/rollouts").glob("*.mp4"))
    kinds = ("comparison", "generated", "truth")
    assert shown == [f"clip_000_{kind}.mp4" for kind in kinds]
    assert "Long rollouts" in (smoke_run / "report/index.html").read_text()


def test_by_default_nothing_is_rolled_out(workspace):
    set_params(workspace, {"rollout.clips": PARAMS["rollout"]["clips"]})
    done = run_stage(workspace, "rollout")
    assert "rollout: skipped, because rollout.clips is 0" in done.stdout
    assert isinstance(read(workspace / "metrics/rollout.json"), RolloutSkipped)
    run_stage(workspace, "report")
    assert "Long rollouts" not in (workspace / "report/index.html").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets.wall.world": None}, "datasets.wall.world is null: choose recorded"),
        ({"rollout.context": 8}, "rollout.context = 8 leaves nothing to generate in rollouts of 8"),
        ({"rollout.source": "recorded"}, "8 frames of 5 steps, 1 of them given, but the longest"),
        ({"rollout.sampling.context": 4}, "rollout.sampling.context = 4"),
        ({"rollout.study.steps": [0]}, "rollout.study.steps = [0]: each must be 1 to 1000"),
        ({"rollout.windows": 1.0}, "rollout.windows = 1.0"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(workspace, changes, message):
    set_params(workspace, changes)
    done = run_stage(workspace, "rollout", check=False)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 6}, "latent_mse has 7 values for 6 frames"),
        ({"source": "dreamt"}, "source"),
        ({"clips": -1}, "clips"),
    ],
)
def test_damaged_metrics_are_told_in_one_line(smoke_run, tmp_path, change, message):
    values = json.loads((smoke_run / "metrics/rollout.json").read_text())
    (tmp_path / "rollout.json").write_text(json.dumps(values | change))
    with pytest.raises(DataError, match=message):
        read(tmp_path / "rollout.json")


def test_the_default_options_are_off_and_fit():
    options = read_params(ROOT / "params.yaml").section("rollout", Options)
    assert options.clips == 0
    assert options.frames(4) == 15
    with pytest.raises(ParamsError, match="leaves nothing to generate"):
        options.model_copy(update={"context": 16}).frames(4)
