"""The page in a real browser: nothing logged, nothing cut off, every image shown."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from browser_helpers import shown
from helpers import ROOT
from PIL import Image
from plan_helpers import films, plan_metrics
from typer.testing import CliRunner

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.metrics.schema.evaluate import CONDITIONS, EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.params import STAGES, read
from pipeline.report import Options, charts, page
from pipeline.report.gates import gates
from pipeline.tools.summary import command as summary

SCORES = {"latent_mse": [0.1, 0.1], "psnr": [30.0, 28.0], "ssim": [0.9, 0.8]}
WORSE = {"latent_mse": [0.5, 0.6], "psnr": [20.0, 18.0], "ssim": [0.7, 0.6]}
EVALUATE = {
    "clips": 4,
    "frames": 2,
    "decoder": "own",
    "model": SCORES,
    "repeat_last": WORSE,
    "shuffled_actions": WORSE,
    "zero_actions": WORSE,
}
DISTRACTED = {
    **EVALUATE,
    **{
        name: {**EVALUATE[name], "validity": [0.5, 0.25], "predictable_psnr": [35.0, 34.0]}
        for name in CONDITIONS
    },
    "distractor": {
        **{"places": 16, "codec_validity": 0.9876, "codec_interval": [0.97, 1.0]},
        **{"entropy": 0.9543, "entropy_interval": [0.94, 0.96], "conditions": 4, "samples": 64},
    },
}
SIMULATED = ("simulator_state", "simulator_pixels", "simulator_latent")
REACHED = {
    **{"planner": 45, "noop": 0, "random": 10, "straight": 20, "nearest": 25, "inverse": 40},
    "nearest_replay": 22,
    **{"replay": 50, "simulator_state": 50, "simulator_pixels": 40, "simulator_latent": 48},
}
PLAN = plan_metrics(**REACHED)
IMAGES = 2 + 1 + 4 + (3 + 1) + (2 + 3 + 4)
"""Dreams, samples, curves; of rollouts; of planning its charts, films, and replans."""
ENDS = {"start": 0.3, "true": 0.1, "zero": 0.2815, "random": 0.4}
ACTIONS = {
    "clips": 4,
    "mse": ENDS,
    "cosine": ENDS,
    "published": {"mse": ENDS, "cosine": ENDS},
    "embedding_rms": 0.00129,
    "latent": "tiny_vae",
    "whitening": "channel",
}
PROBE = {
    **{"median_error": [0.1, 0.2], "high_error": [0.3, 0.4], "mean_median_error": [14.0, 10.0]},
    **{"distance": 0.25, "high_distance": 0.6, "action_error": 0.5, "mean_action_error": 1.0},
    **{"train_frames": 100, "val_frames": 20},
}
CURVE = {"mean": [30.0, 29.0, 28.0], "interval": [[29.0, 31.0], [28.0, 30.0], [27.0, 29.0]]}
WAY = {
    **{"sampler": "pyramid", "spacing": "linspace", "latent_mse": 0.04321, "psnr": 27.125},
    **{"latent_interval": [0.04, 0.05], "psnr_interval": [26.0, 28.0], "cpu_seconds": 0.0123},
}
ROLLOUT = {
    **{"clips": 4, "source": "simulated", "history": 1, "frames": 3, "window": 2},
    "decoder": "own",
    **dict.fromkeys(("model", "repeat_last"), dict.fromkeys(("latent_mse", "psnr", "ssim"), CURVE)),
    "study": [{**WAY, "steps": steps, "evaluations": steps + 1.5} for steps in (1, 2)],
}
FIT = {
    "val_psnr": 35.0,
    "decoder": "own",
    "latent_rank": 2.5,
    "latent_spread": 0.5,
    "train_frames": 10,
    "val_frames": 5,
}


def checked_gates(fit, evaluate, plan):
    """The gates of metrics as plain values."""
    return gates(
        FitMetrics.model_validate(fit),
        EvaluateMetrics.model_validate(evaluate),
        PlanMetrics.model_validate(plan),
    )


def harmed(**arrays):
    """Films of which some arrays are others."""
    others = {name: np.array(values) for name, values in arrays.items()}
    return lambda path: np.savez(path, **{**films(), **others})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "seconds").mkdir()
    for number, stage in enumerate(STAGES[:-1]):
        (folder / "seconds" / f"{stage}.json").write_text(json.dumps({"seconds": number + 0.5}))
    train = {"loss": 0.1, "validation_loss": 0.1234, "steps": 100, "parameters": 900_000}
    metrics = {"fit": FIT, "train": train, "evaluate": EVALUATE, "actions": ACTIONS}
    metrics |= {"probe": PROBE, "rollout": ROLLOUT, "plan": PLAN}
    for name, values in metrics.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    with (folder / "curve.csv").open("w") as file:
        rows = csv.writer(file)
        steps = [(step, 1 / step, 1e-3, 1.0) for step in range(1, 50)]
        rows.writerows([("step", "loss", "learning_rate", "gradient_norm"), *steps])
    with (folder / "levels.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerows([("from", "to", "error"), (0.0, 0.1, 0.02), (0.9, 1.0, 0.5)])
    rng = np.random.default_rng(0)
    strips = rng.integers(0, 255, (262, 262, 3), np.uint8)
    Image.fromarray(strips).save(folder / "samples.png")
    truth = rng.integers(0, 255, (3, 5, 3, 64, 64), np.uint8)
    np.savez(folder / "dreams.npz", truth=truth, prediction=truth[::-1])
    np.savez(folder / "films.npz", **films())
    names = (
        *(f"{name}.json" for name in metrics),
        "curve.csv",
        "levels.csv",
        "samples.png",
    )
    (folder / "rollouts").mkdir()
    content = video.encode(np.zeros((3, 16, 52, 3), np.uint8), 8, video.H264)
    (folder / "rollouts/clip_000_comparison.mp4").write_bytes(content)
    results = ("dreams.npz", "rollouts", "films.npz", "seconds")
    return page.Inputs(*(folder / n for n in (*names, *results)))


@pytest.fixture(scope="module")
def html(inputs, tmp_path_factory):
    text = page.render(inputs, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(text)
    return path


@pytest.fixture
def undrawn(monkeypatch, html):
    """Pages whose charts are empty, once one is whole: drawing takes a second."""
    for name in ("lines", "by_distance", "rounds"):
        monkeypatch.setattr(charts, name, lambda *_, **__: "data:,")


def test_the_page_needs_no_other_file_and_says_what_was_measured(html):
    text = html.read_text()
    assert "http" not in text.replace("http://www.w3.org", "")
    for expected in (
        "28.0 dB",
        "90 %",
        "20 %",
        "reached",
        "missed",
        "kl_weight",
        "errors 80 times as large",
        "0.90 - 0.40 = 0.50 (0.34 to 0.63; 25 goals won, 0 lost)",
        "0.2815",
        "0.1234",
        "action embedding: 0.00129",
        "4 new episodes of the simulator",
        ">26.0 to 28.0</small>",
        'src="data:video/mp4;base64,',
    ):
        assert expected in text
    assert text.count("<img") == IMAGES


def test_the_same_inputs_give_the_same_page(html, inputs):
    again = page.render(inputs, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert again == html.read_text()


@pytest.mark.usefixtures("undrawn")
def test_a_fitted_decoder_is_named_wherever_its_pixels_are_scored(inputs, tmp_path, html):
    paths = {}
    for name, values in (("fit", FIT), ("evaluate", EVALUATE)):
        paths[name] = tmp_path / f"{name}.json"
        paths[name].write_text(json.dumps({**values, "decoder": "fitted"}))
    options = Options(dreams=2, episodes=3)
    text = page.render(replace(inputs, **paths), read(ROOT / "params.yaml"), options)
    suffix = "through the fitted decoder"
    for score in ("PSNR", "SSIM", "PSNR"):
        assert f"{score} {suffix}" in text
    assert f"Latent error {suffix}" not in text
    assert suffix not in html.read_text()
    assert suffix in checked_gates({**FIT, "decoder": "fitted"}, EVALUATE, PLAN)[0].name


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_states_says_nothing_of_a_readout(inputs, tmp_path, html):
    (tmp_path / "probe.json").write_text('{"skipped": "there are no states"}')
    skipped = replace(inputs, probe=tmp_path / "probe.json")
    text = page.render(skipped, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert "Coordinates read from latents" in html.read_text()
    assert "Coordinates read from latents" not in text


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_long_rollouts_says_nothing_of_them(inputs, tmp_path, html):
    (tmp_path / "rollout.json").write_text('{"skipped": "rollout.clips is 0"}')
    skipped = replace(inputs, rollout=tmp_path / "rollout.json", rollouts=tmp_path / "none")
    text = page.render(skipped, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert "Long rollouts" in html.read_text()
    assert "Long rollouts" not in text


@pytest.mark.usefixtures("undrawn")
def test_perceptual_metrics_are_shown_where_there_are_any(inputs, tmp_path, html):
    seen = {"lpips": [0.125, 0.25], "fid": 43.21}
    scores = {
        name: {**values, **seen} if isinstance(values, dict) else values
        for name, values in EVALUATE.items()
    }
    (tmp_path / "evaluate.json").write_text(json.dumps(scores))
    looked = replace(inputs, evaluate=tmp_path / "evaluate.json")
    text = page.render(looked, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert text.count('<td class="number">0.250</td>') == 4
    assert text.count('<td class="number">43.2</td>') == 4
    assert "LPIPS" not in html.read_text()


@pytest.mark.usefixtures("undrawn")
def test_a_distractor_is_told_where_the_world_has_one(inputs, tmp_path, html):
    nothing = {"entropy": None, "entropy_interval": None}
    blurred = {**DISTRACTED, "distractor": {**DISTRACTED["distractor"], **nothing}}
    texts = []
    for scores in (DISTRACTED, blurred):
        (tmp_path / "evaluate.json").write_text(json.dumps(scores))
        looked = replace(inputs, evaluate=tmp_path / "evaluate.json")
        texts.append(page.render(looked, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3)))
    for text in texts:
        assert text.count('<td class="number">0.250</td>') == 4
        assert text.count('<td class="number">34.0</td>') == 4
        assert "codec 0.988 show it clean" in text
    assert "entropy of 0.954 (0.940 to 0.960); 1 is uniform" in texts[0]
    assert "no entropy that could be measured" in texts[1]
    assert "The distractor stands" not in html.read_text()


@pytest.mark.usefixtures("undrawn")
def test_the_motion_of_cameras_is_told_where_the_world_found_it(inputs, tmp_path, html):
    def agreed(value):
        number = {"value": value, "interval": [value - 0.01, value + 0.02]}
        names = (f"{what}_{kind}" for what in ("rotation", "translation")
                 for kind in ("error", "share", "slope"))  # fmt: skip
        return dict.fromkeys(names, number)

    values = {"recorded": 0.111, "codec": 0.222, "true": 0.333, "frozen": 0.444, "other": 0.555}
    found = {name: agreed(value) for name, value in values.items()}
    measured = {**EVALUATE, "motion": {"clips": 64, "frames": 3, **found}}
    (tmp_path / "evaluate.json").write_text(json.dumps(measured))
    looked = replace(inputs, evaluate=tmp_path / "evaluate.json")
    text = page.render(looked, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert "in 3 frames of 64 clips" in text
    for value in values.values():
        cell = f"{value:.3f}<small>{value - 0.01:.3f} to\N{NO-BREAK SPACE}{value + 0.02:.3f}"
        assert text.count(cell) == 6
    assert "Motion of the camera" not in html.read_text()


@pytest.mark.usefixtures("undrawn")
def test_forecasts_of_a_state_model_are_told(inputs, tmp_path, html):
    def estimate(value):
        return {"value": value, "interval": [value - 0.01, value + 0.01]}

    kinds = {"model": 0.415, "persistence": 0.863, "shuffled": 1.113, "gain": 2.681}
    forecast = {name: estimate(value) for name, value in kinds.items()}
    told = {
        "n": 900,
        "events": 12,
        "alarms": 0,
        "precision": None,
        **dict.fromkeys(("recall", "f1"), estimate(0.0)),
    }
    states = {
        **{"history": 8, "clips": 64, "next_rows": 900, "episodes": 7},
        "forecasts": [{"rows": rows, **forecast} for rows in (1, 8)],
        **{"contacts": None, "termination": told},
        "calibration": {"rank": estimate(0.321), "nll": estimate(-1.234), "coverage": 0.876},
    }  # fmt: skip
    (tmp_path / "evaluate.json").write_text(json.dumps({**EVALUATE, "state_model": states}))
    looked = replace(inputs, evaluate=tmp_path / "evaluate.json")
    text = page.render(looked, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    for said in (
        "0.415<small>0.405 to\N{NO-BREAK SPACE}0.425", "2.681", "From 8 context frames", "0.321",
        "-1.234", "0.876", "12 of 900 labels are events, 0 were told", "rows of 7 episodes",
        "gru on state vectors", "Validation error by row",
    ):  # fmt: skip
        assert said in text, said
    assert "contacts, F1" not in text
    assert "Forecasts of states" not in html.read_text()


@pytest.mark.usefixtures("undrawn")
def test_cameras_are_told_where_they_condition_the_model(inputs, tmp_path, html):
    gaps = {
        "frozen_gap": {"mean": 0.25, "interval": [0.125, 0.375]},
        "other_gap": {"mean": 0.5, "interval": [0.4, 0.6]},
    }
    listens = json.loads(inputs.actions.read_text())
    listens["cameras"] = {"true": 0.75, "frozen": 1.0, "other": 1.25, **gaps}
    (tmp_path / "actions.json").write_text(json.dumps(listens))
    looked = replace(inputs, actions=tmp_path / "actions.json")
    text = page.render(looked, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert "under the recorded cameras: 0.7500" in text
    assert "1.0000, larger by 0.2500 (95 %: 0.1250 to 0.3750)" in text
    assert "1.2500, larger by 0.5000 (95 %: 0.4000 to 0.6000)." in text
    assert "recorded cameras" not in html.read_text()


def test_intervals_and_origins_are_shown_where_the_run_recorded_them(inputs, tmp_path, html):
    ends = {"by_frame": [[0.0625, 0.1875], [0.0, 40.5]], "mean": [0.0, 1.0]}
    one = {"n": 4, "of": "clips", "backend": "lpips 9.9", "weights": "ab" * 32, "origin": "nowhere"}
    scores = {
        **EVALUATE,
        "measured": {"psnr": one},
        "intervals": {name: dict.fromkeys(SCORES, ends) for name in CONDITIONS},
    }
    (tmp_path / "evaluate.json").write_text(json.dumps(scores))
    measured = replace(inputs, evaluate=tmp_path / "evaluate.json")
    text = page.render(measured, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    assert text.count("<small>0.062 to\N{NO-BREAK SPACE}0.188</small>") == 2 * 4
    assert "4 clips; lpips 9.9, weights abababababab of nowhere" in text
    assert "Small: 95 % intervals over clips, by bootstrap" in text
    assert "Small: 95 %" not in html.read_text()


def test_a_browser_shows_all_of_it(html):
    for view in shown(html):
        pictures = view.evaluate(
            "document.querySelectorAll('details').forEach(each => each.open = true);"
            "Promise.all([...document.images].map(async i => "
            "{await i.decode(); return [i.naturalWidth, i.clientWidth, i.clientHeight]}))"
        )
        assert len(pictures) == IMAGES
        assert all(min(sizes) > 50 for sizes in pictures)


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, []),
        ({"val_psnr": 25.9}, [0]),
        ({"latent_mse": [0.1, 0.25]}, [1]),
        ({"latent_mse": [0.0, 0.0]}, []),
        ({"shuffled": [0.5, 0.19]}, [2]),
        ({"noop": 26}, [3]),
        ({"goals": 47, "planner": 45, "replay": 40, **dict.fromkeys(SIMULATED, 40)}, [3]),
        ({"straight": 44}, [3, 5]),
        ({"nearest": 44}, [6]),
        ({"nearest": 36}, []),
        ({"nearest_replay": 44}, [7]),
        ({"planner": 12, "random": 12}, [4, 5, 6, 7]),
        ({"straight": None}, [3, 5]),
        ({"nearest": None}, [6]),
    ],
)
def test_gates_hold_and_fail_where_they_should(change, failing):
    fit = {**FIT, **{k: v for k, v in change.items() if k in FIT}}
    reached = {**REACHED, **{k: v for k, v in change.items() if k in (*REACHED, "goals")}}
    plan = plan_metrics(**{name: number for name, number in reached.items() if number is not None})
    model = {**SCORES, "latent_mse": change.get("latent_mse", SCORES["latent_mse"])}
    shuffled = {**WORSE, "latent_mse": change.get("shuffled", WORSE["latent_mse"])}
    evaluate = {**EVALUATE, "model": model, "shuffled_actions": shuffled}
    if "latent_mse" in change:
        evaluate["shuffled_actions"] = {**WORSE, "latent_mse": [0.9, 0.9]}
    checked = checked_gates(fit, evaluate, plan)
    assert [i for i, gate in enumerate(checked) if not gate.passes] == failing


def test_latents_that_never_vary_hold_no_promise_about_them():
    still = {**SCORES, "latent_mse": [0.0, 0.0]}
    names = ("model", "repeat_last", "shuffled_actions")
    checked = checked_gates(FIT, {**EVALUATE, **dict.fromkeys(names, still)}, PLAN)
    assert [gate.passes for gate in checked[:3]] == [True, False, False]
    checked = checked_gates(FIT, {**EVALUATE, "repeat_last": still}, PLAN)
    assert [gate.passes for gate in checked[:3]] == [True, False, True]


def test_the_summary_prints_every_gate_and_its_strict_form_fails_with_one(inputs, tmp_path, html):
    import typer

    app = typer.Typer()
    app.command()(summary)
    arguments = [str(inputs.fit), str(inputs.evaluate), str(inputs.plan), str(html), "--strict"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.count("passes") == 8
    assert f"report: {html}" in done.output
    worse = tmp_path / "plan.json"
    worse.write_text(json.dumps(plan_metrics(**{**REACHED, "planner": 20})))
    arguments[2] = str(worse)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "FAILS" in done.output
    assert CliRunner().invoke(app, arguments[:-1]).exit_code == 0


def test_metrics_of_another_stage_are_refused_by_page_and_summary(inputs, html):
    wrong = replace(inputs, plan=inputs.fit)
    with pytest.raises(
        DataError, match=r"fit\.json: not the metrics of plan .* `dvc repro -f plan`"
    ):
        page.render(wrong, read(ROOT / "params.yaml"), Options(dreams=2, episodes=3))
    with pytest.raises(DataError, match=r"plan\.json: not the metrics of evaluate \("):
        summary(inputs.fit, inputs.plan, inputs.plan, html)


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        ("samples", lambda path: path.write_bytes(b"\x89PNG"), "samples.png: damaged ("),
        ("samples", lambda path: path.unlink(), "samples.png: no such file; make it again"),
        ("dreams", lambda path: path.write_bytes(path.read_bytes()[:900]), "dreams.npz: damaged"),
        ("films", lambda path: np.savez(path, frames=np.zeros(3)), "films.npz: damaged (frames is"),
        ("films", harmed(lengths=[9, 4, 6]), "films.npz: damaged (lengths: 9 of 7 frames)"),
        ("films", harmed(horizons=[[2, 3], [1, 0], [2, 0]]), "damaged (replan 2: 3 frames from"),
        (
            "films",
            harmed(replans=[[0, 9], [0, -1], [0, -1]]),
            "damaged (replan 2: 1 frames from step 9)",
        ),
        ("curve", lambda path: path.write_bytes(b"\xff\xfe"), "curve.csv: line 1 is not UTF-8"),
        ("seconds", lambda path: (path / "fit.json").write_text('{"seconds": -1}'), "fit.json: "),
    ],
)
def test_what_is_damaged_is_named_with_the_stage_that_makes_it(inputs, tmp_path, name, harm, said):
    place = tmp_path / getattr(inputs, name).name
    copy = shutil.copytree if name == "seconds" else shutil.copy
    copy(getattr(inputs, name), place)
    harm(place)
    with pytest.raises(DataError) as caught:
        page.render(
            replace(inputs, **{name: place}),
            read(ROOT / "params.yaml"),
            Options(dreams=1, episodes=1),
        )
    assert said in str(caught.value)
    assert "`dvc repro -f " in str(caught.value)


def test_a_preflight_has_a_section_if_it_was_run(inputs, tmp_path):
    settings, options = read(ROOT / "params.yaml"), Options(dreams=1, episodes=1)
    file = tmp_path / "preflight.json"
    without = page.render(replace(inputs, preflight=file), settings, options)
    assert "Preflight" not in without
    found = {"preset": "rt1", "verified": ["collect: <6> episodes"], "not_verified": ["the files"]}
    values = {**found, "drift": [], "failed": None, "seconds": 12.5}
    file.write_text(json.dumps(values))
    html = page.render(replace(inputs, preflight=file), settings, options)
    start = html.index("<h2>Preflight</h2>")
    section = html[start : html.index("<h2>Parameters</h2>")]
    for text in ("Verified by this run", "collect: &lt;6&gt; episodes", "NOT verified by this run"):
        assert text in section
    assert "Drift" not in section
    assert html[:start] + html[html.index("<h2>Parameters</h2>") :] == without
    file.write_text("{")
    with pytest.raises(DataError, match="make it again: `wm preflight --run --json"):
        page.render(replace(inputs, preflight=file), settings, options)
