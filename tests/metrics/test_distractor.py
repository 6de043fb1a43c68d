"""A clean object is told from a blurred one, and one place from many, where the answer is known."""

import math

import pytest
import torch

from pipeline.metrics.distractor import (
    NOWHERE,
    Distractor,
    diversity,
    normalised_entropy,
)
from pipeline.worlds._shared.distractor import squares

PLACES = 16


@pytest.fixture
def distractor():
    blue = torch.from_numpy(squares(4, 32, 32)).float() / 255
    return Distractor(torch.stack([torch.zeros_like(blue), torch.zeros_like(blue), blue], 1))


@pytest.fixture
def scene(generator):
    """Red and green of some picture, without the distractor."""
    picture = torch.rand((1, 3, 32, 32), generator=generator)
    picture[:, 2] = 0
    return picture


def test_a_hard_copy_is_valid_at_every_place_whatever_the_rest_of_the_frame(distractor, scene):
    assert distractor.channels.tolist() == [False, False, True]
    assert distractor.places(distractor.pictures + scene).tolist() == list(range(PLACES))


def test_the_mean_of_all_places_none_and_two_are_invalid(distractor, scene):
    pictures = distractor.pictures
    wrong = torch.stack(
        [pictures.mean(0), torch.zeros_like(pictures[0]), pictures[0] + pictures[5],
         (pictures[0] + pictures[5]) / 2]
    )  # fmt: skip
    assert distractor.places(wrong + scene).tolist() == [NOWHERE] * 4
    assert distractor.validity(wrong, pictures[:4]).tolist() == [0] * 4
    assert distractor.validity(pictures, pictures.flip(0)).tolist() == [1] * PLACES


@pytest.mark.parametrize(("brightness", "valid"), [(0.45, 0), (0.55, 1), (1.45, 1), (1.55, 0)])
def test_an_object_counts_while_it_is_nearer_to_a_clean_one_than_half_its_brightness(
    distractor, brightness, valid
):
    assert distractor.validity(brightness * distractor.pictures[:1], ...).tolist() == [valid]


def test_the_rest_of_the_frame_does_not_feel_where_the_distractor_is(distractor, scene):
    a, b = distractor.pictures[:1] + scene, distractor.pictures[7:8] + scene
    assert distractor.predictable_psnr(a, b).item() == pytest.approx(80)
    other = a.clone()
    other[:, :2] += 0.1
    assert distractor.predictable_psnr(other, b).item() == pytest.approx(20, abs=1e-3)


def test_blur_has_the_better_psnr_and_no_validity(distractor, scene):
    """The trap: a mean over places is the best guess in squared error."""
    truth = distractor.pictures + scene
    blurred = (distractor.pictures.mean(0, keepdim=True) + scene).expand_as(truth)
    sharp = truth.roll(1, 0)
    error = [(each - truth).square().mean() for each in (blurred, sharp)]
    assert error[0] < 0.6 * error[1]
    assert distractor.validity(blurred, truth).mean() == 0
    assert distractor.validity(sharp, truth).mean() == 1


def test_the_entropy_of_one_place_is_0_and_of_all_places_1():
    same, all_of_them = torch.full((64,), 3), torch.arange(PLACES).repeat(4)
    assert normalised_entropy(torch.stack([same, all_of_them]), PLACES).tolist() == [0, 1]
    halves = torch.arange(2).repeat(5000)  # so many that nothing is to be added
    expected = math.log(2) / math.log(PLACES)
    assert normalised_entropy(halves, PLACES).item() == pytest.approx(expected, abs=1e-4)


def test_the_entropy_of_few_samples_is_not_too_small(generator):
    drawn = torch.randint(PLACES, (2000, 64), generator=generator)
    assert normalised_entropy(drawn, PLACES).mean() == pytest.approx(0.995, abs=0.005)


def test_frames_that_show_nothing_do_not_count_for_the_entropy():
    places = torch.cat([torch.full((100,), NOWHERE), torch.arange(PLACES)])
    assert normalised_entropy(places, PLACES).item() == 1
    assert normalised_entropy(places[:-1], PLACES).isnan()
    assert diversity(places[None, :100], PLACES) is None


def test_diversity_is_that_of_the_conditions_that_show_something(generator):
    drawn = torch.randint(PLACES, (5, 64), generator=generator)
    drawn[2:] = NOWHERE
    found = diversity(drawn, PLACES)
    assert found.value == pytest.approx(float(normalised_entropy(drawn[:2], PLACES).mean()))
    low, high = found.interval
    assert low < found.value <= high <= 1
    assert 0.01 < high - low < 0.1
    same = diversity(torch.full((3, 64), 5), PLACES)
    assert (same.value, same.interval) == (0, (0, 0))


def test_samples_that_depend_on_their_condition_alone_have_no_diversity():
    """Though all places occur: a model that always answers alike has lost its distribution."""
    places = torch.arange(PLACES).unsqueeze(1).expand(PLACES, 64)
    assert diversity(places, PLACES).value == 0
