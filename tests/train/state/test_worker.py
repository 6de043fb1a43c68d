"""Training of a state model by the stage: outputs, windows, and a run that is resumed exactly."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from state_helpers import CONTACTS, Strip, linear_cache, state_params
from train_helpers import KilledError, assert_same, run

from pipeline import encoders, params
from pipeline.dynamics.load import load_for
from pipeline.errors import ParamsError, RunError
from pipeline.latents.cache import open_cache
from pipeline.latents.state_labels import labels_of
from pipeline.metrics.schema.train import CurveRow, LevelRow, TrainMetrics
from pipeline.train.distributed.group import single_process
from pipeline.train.paths import Paths
from pipeline.train.state import setup
from pipeline.train.state.setup import auxiliaries
from pipeline.train.trainer import Trainer
from pipeline.train.worker import work

CPU = torch.device("cpu")
OUTPUTS = ("model", "train.json", "curve.csv", "levels.csv", "validation.csv", "samples.png")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(setup, "auxiliaries", lambda _: (CONTACTS, True))
    monkeypatch.setattr(encoders, "load_for", lambda *_: Strip())
    linear_cache(Path("latents.zarr"))
    write()
    inputs = (Path("latents.zarr"), Path("codec"))
    return Paths(*inputs, *map(Path, OUTPUTS), Path("params.yaml"), None, None)


def write(name="gru", **train):
    Path("params.yaml").write_text(yaml.safe_dump(state_params(name, **train)))


def prepared(paths):
    cache = open_cache(paths.latents)
    return setup.prepare(params.read(paths.params), cache, single_process(CPU)), cache


def made():
    names = (*OUTPUTS[1:], "model/model.safetensors")
    return {name: Path(name).read_bytes() for name in names}


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_the_stage_writes_a_model_its_metrics_and_its_plots(name, paths, capsys):
    write(name)
    work(paths)
    assert f"a state model ({name}), 12 steps" in capsys.readouterr().out
    _, cache = prepared(paths)
    model = load_for(paths.out, CPU, cache)
    assert model.config.state_model.name == name
    assert (model.config.frames, model.context) == (7, 3)
    metrics = TrainMetrics.read(paths.metrics)
    assert (metrics.steps, metrics.parameters) == (12, model.parameters())
    assert len(CurveRow.read(paths.curve)) == 12
    by_row = LevelRow.read(paths.levels)
    assert [(row.low, row.high) for row in by_row] == [(n / 4, (n + 1) / 4) for n in range(4)]
    mean = np.mean([row.error for row in by_row])
    assert mean == pytest.approx(metrics.validation_loss, rel=1e-5)
    with paths.validation.open() as file:
        rows = [*csv.DictReader(file)]
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert paths.samples.read_bytes().startswith(b"\x89PNG")


def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(paths, capsys):
    work(paths)
    whole = made()
    (_, trainer), _ = prepared(paths)
    original = type(trainer).train_step
    for name in OUTPUTS[1:]:
        Path(name).unlink()

    def killed(self, batch):
        if self.step == 7:
            raise KilledError
        original(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(trainer), "train_step", killed)
        with pytest.raises(KilledError):
            work(paths)
    work(paths)
    assert "resuming after step 5 of 12" in capsys.readouterr().out
    assert made() == whole


@pytest.mark.parametrize("changes", [{"ema": 0.9}, {"accumulation": 2}])
def test_moments_averages_and_heads_rows_are_resumed_too(changes, paths, tmp_path):
    write(**changes)
    whole = run(prepared(paths)[0][1], tmp_path / "whole")
    run(prepared(paths)[0][1], tmp_path / "killed", 7)
    assert_same(run(prepared(paths)[0][1], tmp_path / "killed"), whole)


def test_heads_draw_rows_of_their_own_and_the_same_at_every_try(paths):
    (_, trainer), _ = prepared(paths)
    first, again, later = (trainer.batches.draw(step).micro_batches[0].heads for step in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first[0], first[1])
    assert first.min() >= 0
    assert first.max() < 8
    write(state={**state_params()["train"]["state"], "bootstrap": False})
    (_, trainer), _ = prepared(paths)
    heads = trainer.batches.draw(0).micro_batches[0].heads
    assert torch.equal(heads, torch.arange(8).expand(2, -1))


def test_full_memory_is_one_line_with_a_way_out(paths, monkeypatch):
    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainer, "train_step", full)
    with pytest.raises(RunError, match=r"step 1: out of memory; train\.accumulation: 2 needs"):
        work(paths)


def test_a_share_of_the_windows_ends_in_a_termination(paths):
    """Terminations are two of 216 windows; in half of a batch more, the others in their order."""
    shares = {}
    for share in (0.0, 0.5):
        state = {**state_params()["train"]["state"], "termination_share": share}
        write(state=state, batch=64)
        (_, trainer), _ = prepared(paths)
        batches = trainer.batches
        rows = [batches.draw(step).rows for step in range(4)]
        assert np.array_equal(rows[1], batches.draw(1).rows)
        ends = np.isin(rows, batches.terminating)
        plain = np.stack([batches.sampler.rows(step) for step in range(4)])
        assert np.array_equal(np.stack(rows)[~ends], plain[~ends])
        shares[share] = ends.mean()
        labels = batches.draw(0).micro_batches[0].labels
        assert labels[ends[0], -1, CONTACTS].min() == 1
        assert labels[~ends[0], :, CONTACTS].max() == 0
    assert shares[0.0] < 0.05
    assert shares[0.5] == pytest.approx(0.5, abs=0.1)


def test_labels_lie_beside_their_states_and_no_window_crosses_an_end(paths):
    (_, trainer), cache = prepared(paths)
    windows = trainer.batches.windows
    rows = np.arange(len(windows))
    labels, states = labels_of(windows, rows, 3), windows.latents(rows, None).flatten(2)
    raw = states * torch.tensor(cache.spec.std) + torch.tensor(cache.spec.mean)
    assert torch.equal(labels[..., :2] > 0, raw[..., :2] > 0)
    # A termination is the last row of its episode: a window that went on would have it inside.
    assert labels[:, :-1, 2].max() == 0
    assert labels[:, -1, 2].max() == 1
    assert labels.shape[1:] == (7, 3)
    lengths = [cache.seal.episodes[episode].length for episode in windows.episodes]
    assert len(windows) == sum(length - 6 for length in lengths)


def test_a_batch_is_one_gradient_however_it_is_cut(paths):
    gradients = []
    for accumulation in (1, 2):
        forecast = {**state_params()["train"]["state"], "bootstrap": False}
        write(accumulation=accumulation, state=forecast)
        (_, trainer), _ = prepared(paths)
        trainer.network.zero_grad()
        for part in trainer.batches.draw(0).micro_batches:
            trainer.backward(part)
        gradients.append([weight.grad for weight in trainer.network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_training_learns_the_linear_system(paths):
    write(steps=300, batch=16, learning_rate=5e-3)
    (model, trainer), cache = prepared(paths)
    windows = setup.windows_of(cache, model.config, "val", every=True)
    rows = np.arange(len(windows))
    states, actions = windows.latents(rows, None), windows.actions(rows)

    def error(given):
        with torch.no_grad():
            steps = [*model.predictions(states[:, :3], given[:, :-1])]
        predicted = torch.stack([step.averaged().state for step in steps], 1)
        return float((predicted - states[:, 3:].flatten(2)).square().mean())

    before = error(actions)
    run(trainer, Path("scratch"))
    after = error(actions)
    assert after < 0.3 * before
    assert error(actions.roll(1, 0)) > 3 * after
    assert model.network.heads == 2


def test_episodes_too_short_for_a_window_are_named(paths):
    write(state={**state_params()["train"]["state"], "forecast": 40})
    with pytest.raises(ParamsError, match=r"state_models\.gru\.history \+ train\.state\.forecast"):
        prepared(paths)


def test_contacts_and_terminations_are_known_of_the_groups_of_a_robot(cache):
    def of(states, columns):
        return auxiliaries(cache.spec.model_copy(
            update={"latent_shape": (states, 1, 1), "state_dim": columns}
        ))  # fmt: skip

    assert of(45, 54) == of(45, 60) == (8, True)
    assert of(45, 45) == of(4, 7) == (0, False)
