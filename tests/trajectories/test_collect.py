"""Trajectories on disk: announced, bounded, exact after a kill, and not where none are needed."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import PARAMS
from rollout_helpers import randomised
from train_helpers import world_model

from pipeline import params
from pipeline.errors import ParamsError
from pipeline.files.skipped import SKIPPED
from pipeline.latents import writer
from pipeline.trajectories import Options
from pipeline.trajectories.__main__ import command
from pipeline.trajectories.clips import draw
from pipeline.trajectories.collect import collect
from pipeline.trajectories.collection import collection
from pipeline.trajectories.store import open_trajectories

CLIPS = 150


def settings_with(folder, **distill):
    chosen = {"method": "causal_ode", "grid": 4, "student_steps": 2, **distill}
    ways = {"clips": CLIPS, "batch": 50, "max_bytes": 10**7, "seed": 0}
    values = {**PARAMS, "trajectories": ways, "distill": {**PARAMS["distill"], **chosen}}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return params.read(folder / "params.yaml")


@pytest.fixture
def teacher(cache, tmp_path):
    randomised(world_model(cache)).save_pretrained(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.fixture
def found(cache, teacher, tmp_path):
    settings = settings_with(tmp_path)
    return collection(settings, settings.section("trajectories", Options), cache, teacher)


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_killed_and_run_again_it_writes_the_same_bytes(found, tmp_path, monkeypatch, capsys):
    collect(found, 10**9, tmp_path / "whole")
    said = capsys.readouterr().out
    count = len(found.windows)
    row = found.origin.column.row_bytes
    line = f"{count} clips of 4 frames at 2 levels take {count * row / 1e6:.2f} MB and about"
    assert f"trajectories: {line}" in said
    with monkeypatch.context() as patched:
        written = []

        def second_fails(*arguments):
            if written:
                raise KeyboardInterrupt
            written.append(arguments)
            writer_rows(*arguments)

        writer_rows = writer.write_rows
        patched.setattr(writer, "write_rows", second_fails)
        with pytest.raises(KeyboardInterrupt):
            collect(found, 10**9, tmp_path / "cut")
    assert not (tmp_path / "cut").exists()
    collect(found, 10**9, tmp_path / "cut")
    assert "trajectories: resuming after 1 of" in capsys.readouterr().out
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_row_is_the_way_that_ddim_takes_after_clean_frames(found, cache, teacher, tmp_path):
    collect(found, 10**9, tmp_path / "ways")
    ways = open_trajectories(tmp_path / "ways", teacher, cache.seal.digest())
    assert ways.origin == found.origin
    clip, model = np.array([7]), found.teacher
    clean, noise = draw(found.windows, clip, 0)
    actions = model.model_actions(found.windows.actions(clip))
    frame, levels = noise[:, 2:3], [999, 749, 499, 249, -1]
    for level, after in pairwise(levels):
        window = torch.cat([clean[:, :2], frame], 1)
        at = torch.tensor([[0, 0, level]])
        output = model.denoiser(window, at, actions[:, :3])[:, 2:]
        here, there = at[:, 2:], torch.tensor([[after]])
        estimate = model.objective.to_clean(output, frame, here)
        frame = model.objective.step(frame, estimate, here, there)
        if after in (499, -1):
            stored = torch.from_numpy(ways.states[clip])[0, 0 if after == 499 else 1, 1]
            torch.testing.assert_close(stored.float(), frame[0, 0].detach(), rtol=0, atol=5e-3)


def test_more_than_max_bytes_is_refused_before_any_work(found, tmp_path):
    row = found.origin.column.row_bytes
    with pytest.raises(ParamsError, match=rf"trajectories\.max_bytes = {3 * row}, .*clips to 3"):
        collect(found, 3 * row, tmp_path / "ways")
    assert not list(tmp_path.glob("*ways*"))


def test_other_methods_need_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings_with(tmp_path, method="consistency")
    command(Path("no.zarr"), Path("no_model"), Path("ways"))
    assert [path.name for path in Path("ways").iterdir()] == [SKIPPED]
    assert "skipped, because distill.method is consistency" in capsys.readouterr().out
