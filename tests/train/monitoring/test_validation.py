"""Validation on fixed clips: comparable between steps and runs, and it changes no run."""

import csv

import numpy as np
import pytest
import torch
from helpers import PARAMS
from PIL import Image
from train_helpers import trainer, world_model

from pipeline import encoders
from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows
from pipeline.train import Validation as Options
from pipeline.train.monitoring import validation
from pipeline.train.monitoring.levels import BINS
from pipeline.train.monitoring.validation import Validation


@pytest.fixture
def codec(folder_of_latents):
    return encoders.load(folder_of_latents / "codec")[1]


def validation_of(cache, codec, model, **changes):
    values = {**PARAMS["train"]["validation"], "clips": 5, "strips": 2, **changes}
    return Validation(cache, model.config, Options.model_validate(values), codec)


def trained(cache, validate=None):
    one = trainer(cache, steps=6)
    for step in one.steps():
        if validate:
            validate(one.loss.model, step)
    return one


def test_training_is_bit_for_bit_the_same_with_and_without(cache, codec):
    validator = validation_of(cache, codec, world_model(cache))
    before = torch.random.get_rng_state()
    first = trained(cache, validator.run)
    assert torch.equal(torch.random.get_rng_state(), before)
    second = trained(cache)
    assert torch.equal(first.curve, second.curve)
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert first.network.training
    assert len(validator.rows) == 6


def test_the_same_model_has_the_same_result_at_every_step_and_in_every_run(cache, codec):
    model = world_model(cache)
    one, other = (validation_of(cache, codec, model) for _ in range(2))
    one.run(model, 1)
    torch.randn(5)
    first, second = one.run(model, 2), other.run(model, 7)
    assert first.errors == second.errors
    assert np.array_equal(first.strips, second.strips)


@pytest.mark.parametrize("objective", ["x", "v", "eps", "flow"])
def test_a_model_with_zero_output_has_the_error_of_its_target(cache, codec, objective):
    """An untrained network outputs zero: its error is the power of the target."""
    model = world_model(cache, objective=objective)
    validator = validation_of(cache, codec, model)
    result = validator.run(model, 0)
    for number in (0, 9):
        level = torch.full(validator.clean.shape[:2], 50 + 100 * number)
        target = model.objective.target(validator.clean, validator.noise, level)
        assert result.errors[number] == pytest.approx(float(target.square().mean()), rel=1e-5)
    assert result.loss == pytest.approx(sum(result.errors) / BINS)


def test_the_clips_are_of_the_val_split_and_the_first_frame_is_given(cache, codec):
    model = world_model(cache)
    validator = validation_of(cache, codec, model, clips=3, strips=1)
    held_out = Windows(cache, "val", 4, 2)
    every = held_out.latents(np.arange(len(held_out)), None)
    assert all((every == clip).flatten(1).all(1).any() for clip in validator.clean)
    strip, size = validator.run(model, 0).strips, 16
    truth = codec.decode(model.spec.unwhiten(validator.clean[0])).permute(0, 2, 3, 1).numpy()
    assert strip.shape == (2 * size + 2, 4 * size + 3 * 2, 3)
    for frame in range(4):
        left = frame * (size + 2)
        assert np.array_equal(strip[:size, left : left + size], truth[frame])
    assert np.array_equal(strip[size + 2 :, :size], truth[0])
    assert not np.array_equal(strip[size + 2 :, size + 2 : 2 * size + 2], truth[1])


def test_the_codec_is_on_the_models_device_only_to_decode(cache, codec, monkeypatch):
    model, calls = world_model(cache), []
    to, decode = codec.to, codec.decode
    monkeypatch.setattr(codec, "to", lambda device: (calls.append(device), to(device))[1])
    monkeypatch.setattr(codec, "decode", lambda x: (calls.append("decoded"), decode(x))[1])
    validator = validation_of(cache, codec, model, strips=1)
    assert calls == []
    validator.run(model, 1)
    assert calls == [model.device, "decoded", "decoded", torch.device("cpu")]


def test_validation_is_periodic_and_always_at_the_end(cache, codec):
    model = world_model(cache)
    validator = validation_of(cache, codec, model, every=4)
    assert [step for step in range(1, 11) if validator.due(step, 10)] == [4, 8, 10]
    never = validation_of(cache, codec, model, every=None)
    assert [step for step in range(1, 11) if never.due(step, 10)] == [10]


def test_rows_continue_after_a_resumed_step_and_are_written(cache, codec, tmp_path):
    model = world_model(cache)
    validator = validation_of(cache, codec, model)
    for step in (4, 8, 12, 8):
        validator.run(model, step)
    assert validator.rows[:, 0].tolist() == [4, 8]
    validation.write_csv(validator.rows, tmp_path / "validation.csv")
    with (tmp_path / "validation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "8"]
    assert len(rows[0]) == 2 + BINS
    assert float(rows[0]["error_0.9_1.0"]) == pytest.approx(float(validator.rows[0, -1]), rel=1e-5)


def test_an_image_is_written_as_it_was_drawn(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    validation.write_png(image, tmp_path / "samples.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "samples.png")), image)


def test_clips_stand_apart_from_each_other_more_than_their_rows():
    rows = [np.zeros((3, 4, 5, 3), np.uint8)] * 4
    image = validation.tile(rows)
    assert image.shape == (4 * 4 + 2 + 6 + 2, 3 * 5 + 2 * 2, 3)
    assert (image[10:16] == 255).all()


def test_more_clips_than_there_are_windows_are_refused(cache, codec):
    with pytest.raises(ParamsError, match=r"train.validation.clips = 9999, but .* validation wind"):
        validation_of(cache, codec, world_model(cache), clips=9999)
