"""A member that breaks a promise of its family fails the suite."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_helpers import EXAMPLES
from helpers import ROOT, member_of

from pipeline.encoders import Posterior
from pipeline.formats import FORMATS
from pipeline.objectives import OBJECTIVES
from pipeline.testing.denoisers import DenoiserTests, window_for
from pipeline.testing.encoders import EncoderTests, squares
from pipeline.testing.formats import FormatTests
from pipeline.testing.objectives import ObjectiveTests, example_for
from pipeline.testing.samplers import SamplerTests
from pipeline.testing.worlds import WorldTests
from pipeline.worlds import WORLDS


def test_a_missing_pytest_is_named_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs pytest.*: pip install pytest$"):
        runpy.run_path(str(ROOT / "pipeline/testing/__init__.py"))


def test_no_suite_is_imported_by_the_product():
    for path in Path(ROOT / "pipeline").rglob("*.py"):
        if "testing" not in path.parts:
            assert "pytest" not in path.read_text(), path


class Pixels:
    """An encoder that keeps its promises: latents are pixels."""

    stochastic = False

    def encode(self, frames):
        return Posterior(frames.float(), None)

    def decode(self, latents):
        return latents.to(torch.uint8)


class Batchwise(Pixels):
    def encode(self, frames):
        latents = frames.float()
        return Posterior(latents - latents.mean(0), None)


class Noisy(Pixels):
    def encode(self, frames):
        return Posterior(frames + torch.randn(frames.shape), None)


class InPlace(Pixels):
    def encode(self, frames):
        return Posterior(frames.add_(1).float(), None)


class Halved(Pixels):
    def decode(self, latents):
        return latents[..., ::2].to(torch.uint8)


class Secretive(Pixels):
    stochastic = True


@pytest.mark.parametrize(
    ("encoder", "promise"),
    [
        (Batchwise, EncoderTests.test_the_latents_of_a_frame_do_not_depend_on_its_batch),
        (
            Noisy,
            EncoderTests.test_the_same_frames_give_the_same_latents_and_no_random_number_is_drawn,
        ),
        (InPlace, EncoderTests.test_frames_are_not_written_to),
        (Halved, EncoderTests.test_latents_decode_to_frames_of_the_same_size),
        (Secretive, EncoderTests.test_a_std_comes_with_stochastic_encoders_alone),
    ],
)
def test_an_encoder_that_breaks_a_promise_fails(encoder, promise):
    frames = squares(8, 32, 32)
    promise(EncoderTests(), Pixels(), frames.clone())
    with pytest.raises(AssertionError):
        promise(EncoderTests(), encoder(), frames)


@pytest.mark.parametrize(
    ("method", "promise"),
    [
        ("target", ObjectiveTests.test_a_right_answer_stands_for_the_clean_latents),
        ("step", ObjectiveTests.test_a_step_leads_to_the_same_latents_with_less_noise),
        ("step", ObjectiveTests.test_the_last_step_leads_to_the_clean_latents),
        ("step", ObjectiveTests.test_a_step_to_the_same_level_changes_no_bit),
        ("noised", ObjectiveTests.test_clean_frames_are_left_as_they_are),
        ("min_snr", ObjectiveTests.test_min_snr_weighs_the_error_of_the_clean_latents),
    ],
)
def test_an_objective_that_breaks_a_promise_fails(method, promise, monkeypatch):
    objective = member_of(OBJECTIVES, "v").build()
    example = example_for(objective)
    promise(ObjectiveTests(), objective, example)
    kept = getattr(objective, method)
    monkeypatch.setattr(objective, method, lambda *arguments: 1.1 * kept(*arguments))
    with pytest.raises(AssertionError):
        promise(ObjectiveTests(), objective, example)


class Mean(torch.nn.Module):
    """A network that claims to be causal, and answers with the mean over all frames."""

    causal = True

    def forward(self, noisy, level, actions):
        return noisy.mean(1, keepdim=True).expand_as(noisy)


def test_a_denoiser_that_is_not_as_causal_as_it_says_fails():
    suite = DenoiserTests()
    with pytest.raises(AssertionError):
        suite.test_a_causal_network_does_not_see_later_frames(Mean(), window_for(suite.size))


class Reader:
    """A source that its data set opened, with one thing changed."""

    def __init__(self, source, change):
        self.source, self.change, self.split = source, change, source.split

    def __len__(self):
        return len(self.source)

    def key(self, index):
        return self.source.key(index)

    def __getitem__(self, index):
        return replace(self.source[index], **self.change(self.source[index]))


@pytest.mark.parametrize(
    "change",
    [
        lambda episode: {"frames": episode.frames.transpose(0, 2, 1, 3)},
        lambda episode: {"frames": episode.frames[..., ::-1]},
        lambda episode: {"actions": np.roll(episode.actions, 1, 0)},
        lambda episode: {"meta": {}},
    ],
    ids=["axes swapped", "BGR", "actions late", "meta lost"],
)
def test_a_reader_that_mistakes_the_layout_fails(change, tmp_path):
    dataset, example = member_of(FORMATS, "wall").build(), EXAMPLES["wall"]
    dataset.write(example.episodes(), tmp_path / "raw")
    source = dataset.open(tmp_path / "raw")
    promise = FormatTests.test_written_episodes_are_read_back_equal
    promise(FormatTests(), source, example)
    with pytest.raises(AssertionError):
        promise(FormatTests(), Reader(source, change), example)


@pytest.mark.parametrize("rows", [[[999, 999], [999, 999], [-1, -1]], [[700, 700], [999, -1]]])
def test_a_matrix_that_stands_still_or_grows_noisier_fails(rows):
    with pytest.raises(AssertionError):
        SamplerTests().test_no_frame_grows_noisier_and_every_row_changes_one(torch.tensor(rows))


def test_a_world_whose_snapshot_is_its_state_fails(monkeypatch):
    world = member_of(WORLDS, "wall").build()
    episode = next(iter(world.collect(1, 8, seed=3)))
    promise = WorldTests.test_a_snapshot_stays_as_it_was_taken
    promise(WorldTests(), world, episode)
    state = np.zeros(2, np.float32)

    def snapshot():
        state[:] = world.state
        return state

    step = world.step
    monkeypatch.setattr(world, "snapshot", snapshot)
    monkeypatch.setattr(world, "step", lambda action: (step(action), snapshot()))
    with pytest.raises(AssertionError):
        promise(WorldTests(), world, episode)
