"""Metrics files as types: read and written byte for byte; other files are refused in one line."""

import json
from pathlib import Path

import pytest
import torch
from helpers import ROOT

from pipeline.errors import DataError
from pipeline.metrics.schema import plan
from pipeline.metrics.schema.distractor import DistractorMetrics
from pipeline.metrics.schema.encode import EncodeMetrics
from pipeline.metrics.schema.evaluate import (
    CONDITIONS,
    ActionMetrics,
    EvaluateMeans,
    EvaluateMetrics,
    Scores,
)
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import PlanMetrics, PlanSkipped
from pipeline.metrics.schema.probe import ProbeMetrics
from pipeline.metrics.schema.rollout import RolloutSkipped
from pipeline.metrics.schema.seconds import StageSeconds
from pipeline.metrics.schema.train import CurveRow, LevelRow, TrainMetrics
from pipeline.params import STAGES
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter

FILES = {
    "fit": FitMetrics,
    "encode": EncodeMetrics,
    "train": TrainMetrics,
    "evaluate": EvaluateMetrics,
    "evaluate_mean": EvaluateMeans,
    "actions": ActionMetrics,
    "plan": PlanMetrics,
    "probe": ProbeMetrics,
    "rollout": RolloutSkipped,
    **{f"seconds/{stage}": StageSeconds for stage in STAGES[:-1]},
}


@pytest.mark.parametrize("name", FILES)
def test_the_recorded_metrics_are_read_and_written_byte_for_byte(name, tmp_path):
    recorded = ROOT / "metrics" / f"{name}.json"
    FILES[name].read(recorded).write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == recorded.read_bytes()


def test_the_recorded_means_are_those_of_the_recorded_scores():
    scores = EvaluateMetrics.read(ROOT / "metrics/evaluate.json")
    assert scores.means() == EvaluateMeans.read(ROOT / "metrics/evaluate_mean.json")


def test_the_means_keep_what_is_known_of_a_distractor(tmp_path):
    scores = EvaluateMetrics.read(ROOT / "metrics/evaluate.json")
    assert scores.distractor is None
    found = DistractorMetrics(
        places=16,
        codec_validity=1,
        codec_interval=(1, 1),
        entropy=None,
        entropy_interval=None,
        conditions=4,
        samples=64,
    )
    seen = scores.model_copy(update={"distractor": found})
    for each in (seen, seen.means()):
        each.write(tmp_path / "scores.json")
        assert type(each).read(tmp_path / "scores.json").distractor == found


@pytest.mark.parametrize(("name", "row"), [("train", CurveRow), ("levels", LevelRow)])
def test_the_recorded_tables_are_read(name, row):
    path = ROOT / "plots" / f"{name}.csv"
    rows = row.read(path)
    assert path.read_text().splitlines()[0].split(",") == row.columns()
    assert len(rows) == len(path.read_text().splitlines()) - 1


def test_the_header_of_the_goals_is_the_recorded_one():
    controllers = PlanMetrics.read(ROOT / "metrics/plan.json").controllers
    header = (ROOT / "metrics/plan_goals.csv").read_text().splitlines()[0].split(",")
    assert plan.goal_columns(controllers) == header


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[1]", "Input should be an object"),
        ("{}", "loss: Field required"),
        (
            '{"loss": 1, "validation_loss": "x", "steps": 1, "parameters": 1}',
            "validation_loss = 'x'",
        ),
        ('{"loss": 1, "validation_loss": 1, "steps": -1, "parameters": 1}', "steps = -1: "),
        ('{"loss": 1, "validation_loss": 1, "steps": true, "parameters": 1}', "steps = True: "),
        (
            '{"loss": 1, "validation_loss": NaN, "steps": 1, "parameters": 1}',
            "validation_loss = nan",
        ),
        ('{"loss": 1e400, "validation_loss": 1, "steps": 1, "parameters": 1}', "loss = inf is no"),
        ('{"loss": 1e99, "validation_loss": 1, "steps": 1, "parameters": 1}', "loss = 1e+99 is no"),
        (
            '{"loss": 1, "validation_loss": 1, "steps": 1, "parameters": 1, "lr": 1}',
            "lr: Extra inputs",
        ),
    ],
)
def test_a_file_of_other_metrics_is_one_line_with_the_way_out(tmp_path, text, reason):
    path = written(tmp_path / "train.json", text)
    with pytest.raises(DataError) as error:
        TrainMetrics.read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: not the metrics of train ({reason}")
    assert message.endswith("; make it again: `dvc repro -f train`")
    assert "\n" not in message
    with pytest.raises(DataError, match=r"\); ask again$"):
        TrainMetrics.read(path, "ask again")


def test_a_missing_file_names_the_command_that_makes_it(tmp_path):
    for read in (TrainMetrics.read, CurveRow.read):
        with pytest.raises(DataError, match="gone: no such file; run `dvc repro train` to make it"):
            read(tmp_path / "gone")
    with pytest.raises(DataError, match="run `dvc repro plan` to make it"):
        plan.read(tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no rows"),
        ("from,to,error\n", "no rows"),
        ("low,high,error\n0,1,2\n", "line 2: from: Field required"),
        ("from,to,error\n0,1\n", "line 2 has 2 cells, the header 3"),
        ("from,to,error\n0,1,inf\n", "row 1: error = inf is no measurement"),
        ("from,to,error\n0,1,2,3\n", ""),
    ],
)
def test_a_table_of_something_else_is_one_line_with_the_way_out(tmp_path, text, reason):
    path = written(tmp_path / "levels.csv", text)
    with pytest.raises(DataError) as error:
        LevelRow.read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: not a table of train ({reason}")
    assert message.endswith("; make it again: `dvc repro -f train`")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 10**9}, "model.latent_mse has 3 values for 1000000000 frames"),
        ({"frames": 10**400}, "frames = "),
        ({"model": {"latent_mse": [], "psnr": [1], "ssim": [1]}}, "model.latent_mse: List should"),
        (
            {"model": {"latent_mse": [1] * 3, "psnr": [1] * 3, "ssim": [1] * 3, "fid": 1}},
            "repeat_last and",
        ),
    ],
)
def test_scores_are_those_of_the_frames(tmp_path, change, reason):
    scores = json.loads((ROOT / "metrics/evaluate.json").read_text())
    path = written(tmp_path / "evaluate.json", json.dumps({**scores, **change}))
    with pytest.raises(DataError) as error:
        EvaluateMetrics.read(path)
    assert str(error.value).startswith(f"{path}: not the metrics of evaluate ({reason}")


INTERVALS = {name: {"mean": [0, 1]} for name in ("latent_mse", "psnr", "ssim")}


@pytest.mark.parametrize(
    ("intervals", "reason"),
    [
        ({"model": INTERVALS}, "intervals are those of model"),
        ({name: {**INTERVALS, "fid": {"mean": [0, 1]}} for name in CONDITIONS}, "intervals and"),
    ],
)
def test_intervals_are_those_of_the_scores(tmp_path, intervals, reason):
    scores = json.loads((ROOT / "metrics/evaluate.json").read_text())
    path = written(tmp_path / "evaluate.json", json.dumps({**scores, "intervals": intervals}))
    with pytest.raises(DataError, match=reason):
        EvaluateMetrics.read(path)


def test_a_plan_that_was_skipped_says_why(tmp_path):
    path = tmp_path / "plan.json"
    PlanSkipped(goals=0, skipped="it rains").write(path)
    assert json.loads(path.read_text()) == {"goals": 0, "skipped": "it rains"}
    assert plan.read(path) == PlanSkipped(goals=0, skipped="it rains")
    assert isinstance(plan.read(ROOT / "metrics/plan.json"), PlanMetrics)


def test_optional_fields_are_written_in_their_place_and_only_if_set(tmp_path):
    fit = FitMetrics.read(ROOT / "metrics/fit.json").model_copy(update={"kept_variance": None})
    fit.write(tmp_path / "fit.json")
    keys = list(json.loads((tmp_path / "fit.json").read_text()))
    assert keys[-3:] == ["kept_variance", "train_frames", "val_frames"]
    scores = {"fid": 4.0, "ssim": [1.0], "psnr": [2.0, 4.0], "latent_mse": [0.5], "lpips": [0.25]}
    order = ["latent_mse", "psnr", "ssim", "lpips", "fid"]
    full = Scores.model_validate(scores)
    assert list(full.model_dump(exclude_unset=True)) == order
    assert list(full.by_frame()) == order[:-1]
    assert (full.mean().psnr, full.mean().fid) == (3.0, 4.0)
    assert list(full.mean().model_dump(exclude_unset=True)) == order


def test_the_seconds_of_train_have_every_field_that_its_meter_measures():
    meter = ThroughputMeter(ClipCost(tokens=10, flops=3.0), torch.device("cpu"), peak=24.0)
    meter.count(8)
    fields = meter.total()
    assert ["seconds", *fields] == list(StageSeconds.model_fields)
    assert StageSeconds.model_validate({"seconds": 1.0, **fields}).share_of_peak is not None
