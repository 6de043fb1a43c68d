"""What is logged is in the trackers' files, also after a run was killed and resumed."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from pipeline.errors import DataError, ParamsError
from pipeline.train.monitoring import trackers
from pipeline.train.monitoring.tracking import Options

CONFIG = {"train": {"steps": 40}}
IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def options(**changes):
    return Options.model_validate({"every": 10, "tensorboard": False, "wandb": None, **changes})


def run(folder, step, steps, **changes):
    """Log steps, each with itself as its value, as a run resumed after `step` steps."""
    logs, scratch = folder / "runs", folder / "scratch" / "train-1"
    opened = trackers.start(options(**changes), logs, scratch, step, CONFIG)
    for number in steps:
        opened.log(number, {"train/loss": float(number)})
    opened.log_images(steps[-1], {"validation/strips": IMAGE})
    opened.close()
    return logs / "train-1"


def test_nothing_is_logged_by_default(tmp_path):
    run(tmp_path, 0, [10])
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_shows_a_resumed_run_as_one(tmp_path, monkeypatch):
    # Files of one second are told apart by a count, and read in the order of its digits.
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
    run(tmp_path, 0, [10, 20, 30], tensorboard=True)
    folder = run(tmp_path, 20, [30, 40], tensorboard=True)
    events = EventAccumulator(str(folder)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [
        (step, float(step)) for step in (10, 20, 30, 40)
    ]
    logged = events.Images("validation/strips")
    assert [(image.step, image.width, image.height) for image in logged] == [(40, 6, 4)]
    assert "config/text_summary" in events.Tags()["tensors"]


@pytest.fixture
def full(monkeypatch):
    """Event files are on a disk without room."""
    if not Path("/dev/full").exists():
        pytest.skip("no such disk here")
    record_writer = event_file_writer.RecordWriter
    with open("/dev/full", "wb", buffering=0) as file:
        monkeypatch.setattr(event_file_writer, "RecordWriter", lambda _: record_writer(file))
        # torch's writer has a thread, whose traceback is its own.
        monkeypatch.setattr(threading, "excepthook", lambda _: None)
        yield


def test_a_tracker_that_cannot_write_is_dropped_with_one_line(tmp_path, full, capfd):
    class Other:
        name = "other"
        logged = 0

        def log(self, step, values):
            self.logged += 1

    both = trackers.start(options(tensorboard=True), tmp_path, tmp_path / "s", 0, CONFIG)
    both.active.append(other := Other())
    for step in (10, 20):
        both.log(step, {"train/loss": 1.0})
    assert both.active == [other]
    assert other.logged == 2
    assert capfd.readouterr().out == (
        "train: logging to TensorBoard is off from here on, training continues: "
        "[Errno 28] No space left on device\n"
    )


def test_a_tracker_that_cannot_start_is_dropped(tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "train-1").touch()
    run(tmp_path, 0, [10], tensorboard=True)
    assert "training continues: [Errno 17] File exists" in capsys.readouterr().out


def test_logs_that_are_a_file_are_refused(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(DataError, match="runs: is a file, but --logs is a folder"):
        run(tmp_path, 0, [10], tensorboard=True)


def records(path):
    """What wandb wrote for `wandb sync`: LevelDB's log format, after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, message = path.read_bytes(), 7, b""
    while place < len(data):
        left = 32768 - place % 32768
        if left < 7:  # a block ends in zeros too short for a header
            place += left
            continue
        length = int.from_bytes(data[place + 4 : place + 6], "little")
        kind = data[place + 6]  # 1 is a whole record; 2, 3, 4 begin, continue and end one
        message += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield Record.FromString(message)
            message = b""


def logged_offline(folder):
    """Of each offline run in a folder: its id, rows of its history, metrics and config."""
    runs = []
    for path in sorted(folder.rglob("*.wandb")):
        rows, metrics, config = [], set(), {}
        for record in records(path):
            rows += [_row(record.history)] if record.HasField("history") else []
            metrics |= {record.metric.name or record.metric.glob_name}
            config |= {u.key: json.loads(u.value_json) for u in record.run.config.update}
        runs.append((path.stem.removeprefix("run-"), rows, metrics, config))
    return runs


def once_written(folder, count, last, seconds=60):
    """The same, once wandb's own process has written the last step of the last of so many runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        runs = logged_offline(folder)
        if len(runs) == count and any(row.get("step") == last for row in runs[-1][1]):
            return runs
        time.sleep(0.2)
    raise AssertionError(f"step {last} was never written: {runs}")


def _row(history):
    return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in history.item}


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "own"))


@pytest.mark.slow
def test_weights_and_biases_goes_on_with_the_same_run_and_loses_no_step(tmp_path, offline):
    pytest.importorskip("wandb")
    run(tmp_path, 0, [10, 20, 30], wandb="nano")
    time.sleep(1)  # wandb names the folder of a session by the second that it begins in
    folder = run(tmp_path, 20, [30, 40], wandb="nano")
    first, second = once_written(folder, 2, 40)
    assert first[0] == second[0]
    assert (tmp_path / "scratch" / "train-1" / "wandb_id").read_text() == first[0]
    for (_, rows, metrics, config), steps in ((first, [10, 20, 30]), (second, [30, 40])):
        logged = [(row["step"], row["train/loss"]) for row in rows if "train/loss" in row]
        assert logged == [(step, float(step)) for step in steps]
        assert rows[-1]["validation/strips/_type"] == "image-file"
        assert {"step", "*"} <= set(metrics)
        assert config["train"] == {"steps": 40}


def test_a_run_that_was_completed_and_is_made_again_is_another_one(tmp_path):
    first = trackers._run_id(tmp_path / "a")
    assert trackers._run_id(tmp_path / "a") == first
    assert trackers._run_id(tmp_path / "b") != first


def test_a_missing_package_is_one_line_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ParamsError, match=r"pip install -e '\.\[wandb\]'"):
        run(tmp_path, 0, [10], wandb="nano")


def test_what_weights_and_biases_refuses_is_one_line_with_the_way_out(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")

    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured.\nMore of it")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(ParamsError) as caught:
        run(tmp_path, 0, [10], wandb="nano")
    message = str(caught.value)
    assert message.startswith("tracking.wandb = 'nano': No API key configured; run `wandb login`")
    assert "\n" not in message


@pytest.mark.slow
def test_wandb_is_imported_only_if_requested():
    script = (
        "import sys\nimport pipeline.train.trainer, pipeline.train.monitoring.trackers\n"
        "assert 'wandb' not in sys.modules and 'tensorboard' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ})
