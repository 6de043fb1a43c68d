"""Self-distillation: who learns from whom, and why not everything becomes the same."""

import math

import pytest
import torch
from helpers import default
from torch import nn

from pipeline.compute.optimiser import ema_update
from pipeline.encoders import ENCODERS, tiny_dino
from pipeline.encoders.tiny_dino.losses import (
    DinoNetwork,
    Head,
    cross_entropy,
    random_crops,
    random_patches,
    update_centre,
)
from pipeline.errors import ParamsError
from pipeline.latents.health import measure_health

SMALL = {"patch": 4, "width": 16, "depth": 1, "heads": 2, "channels": 8, "prototypes": 16}
QUICK = {
    "momentum": 0.5,
    "steps": 3,
    "batch": 4,
    "decoder": {"channels": [8, 8, 8], "steps": 1, "batch": 2, "learning_rate": 1e-3},
}


def options(**changes):
    return default(ENCODERS, "tiny_dino", **{**SMALL, **QUICK, **changes})[1]


def initial(chosen, seed=0):
    """The student before its first step."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DinoNetwork(chosen, chosen.prototypes)


def equal_weights(one, other):
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.fixture(scope="module")
def frames():
    """Noise squares on black, 16 x 24."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.zeros(40, 3, 16, 24, dtype=torch.uint8)
    for frame in frames:
        y, x = (int(torch.randint(0, n - 6, (), generator=generator)) for n in (16, 24))
        frame[:, y : y + 6, x : x + 6] = torch.randint(60, 256, (3, 6, 6), generator=generator)
    return frames


def test_the_loss_is_the_cross_entropy_of_sharpened_and_softer_shares():
    teacher = torch.tensor([[0.04 * math.log(3), 0.0]])
    student = torch.tensor([[0.1 * math.log(4), 0.0]])
    expected = -(3 / 4 * math.log(4 / 5) + 1 / 4 * math.log(1 / 5))
    assert float(cross_entropy(student, teacher, torch.zeros(2))) == pytest.approx(expected)


def test_the_centre_is_taken_off_the_teacher():
    teacher = torch.tensor([[0.04 * math.log(3), 0.0]])
    student = torch.tensor([[0.1 * math.log(4), 0.0]])
    expected = -(math.log(4 / 5) + math.log(1 / 5)) / 2
    assert float(cross_entropy(student, teacher, teacher[0])) == pytest.approx(expected)


def test_the_centre_moves_a_tenth_of_the_way_to_the_batch():
    teacher = torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[5.0, 8.0], [7.0, 0.0]]])
    centre = update_centre(torch.tensor([2.0, -1.0]), teacher)
    torch.testing.assert_close(centre, torch.tensor([2.0 + 0.2, -1.0 + 0.3]))


def test_centring_gives_every_prototype_its_share(generator):
    teacher = torch.randn(64, 8, generator=generator) * 0.1
    teacher[:, 3] += 5
    centre = torch.zeros(8)
    assert set(teacher.argmax(1).tolist()) == {3}
    for _ in range(80):
        centre = update_centre(centre, teacher)
    assert set((teacher - centre).argmax(1).tolist()) == set(range(8))


def test_the_head_tells_apart_what_looks_alike(generator):
    torch.manual_seed(0)
    head = Head(16, 32)
    # Where the batch is not normed, these logits are equal to the fourth digit.
    features = torch.randn(1, 16, generator=generator) + 1e-2 * torch.randn(64, 16)
    assert head(features).std(0).mean() > 0.1
    assert head(features[None]).shape == (1, 64, 32)


def test_prototypes_are_compared_by_direction(generator):
    torch.manual_seed(0)
    head = Head(16, 32)
    features = torch.randn(64, 16, generator=generator)
    logits = head(features)
    with torch.no_grad():
        head.prototypes.mul_(torch.linspace(0.1, 9, 32)[:, None])
    torch.testing.assert_close(head(features), logits)
    assert logits.abs().max() <= 1


def test_the_teacher_follows_the_student():
    teacher, student = nn.Linear(2, 1), nn.Linear(2, 1)
    for layer, weight in ((teacher, 1.0), (student, 3.0)):
        nn.init.constant_(layer.weight, weight)
        nn.init.constant_(layer.bias, -weight)
    ema_update(teacher, student, 0.75)
    assert teacher.weight.tolist() == [[1.5, 1.5]]
    assert teacher.bias.tolist() == [-1.5]
    assert student.weight.tolist() == [[3.0, 3.0]]


def test_the_teacher_slows_down_until_it_stands(frames, monkeypatch):
    momenta = []
    monkeypatch.setattr(
        tiny_dino, "ema_update", lambda _teacher, _student, value: momenta.append(value)
    )
    tiny_dino.pretrain(frames, options(momentum=0.8, steps=4), seed=0)
    half = math.sqrt(0.5) / 2
    assert momenta == pytest.approx([0.8, 0.8 + 0.2 * (0.5 - half), 0.9, 0.8 + 0.2 * (0.5 + half)])


def test_only_the_student_learns_by_gradient(frames):
    start = initial(options())
    assert equal_weights(tiny_dino.pretrain(frames, options(momentum=1), seed=0), start)
    assert not equal_weights(tiny_dino.pretrain(frames, options(momentum=0), seed=0), start)


def test_views_are_told_by_each_other_and_hidden_patches_by_their_own_view(frames, monkeypatch):
    chosen, views, calls = options(steps=1, batch=4), [], []

    def negatives(pixels, _smallest, _generator):
        views.append(torch.cat([pixels[:4], -pixels[4:]]))
        return views[0]

    def spy(student, teacher, centre):
        calls.append(teacher)
        return cross_entropy(student, teacher, centre)

    numbers = torch.tensor([[5, 0]] * 8)
    monkeypatch.setattr(tiny_dino, "random_crops", negatives)
    monkeypatch.setattr(tiny_dino, "random_patches", lambda *_: numbers)
    monkeypatch.setattr(tiny_dino, "cross_entropy", spy)
    tiny_dino.pretrain(frames, chosen, seed=0)
    network = initial(chosen)
    with torch.no_grad():
        whole, tokens = network(views[0])
        patches = network.head(tokens[:, [5, 0]])
    torch.testing.assert_close(calls[0], torch.cat([whole[4:], whole[:4]]))
    torch.testing.assert_close(calls[1], patches)


def test_wholes_and_patches_have_a_centre_each_that_moves(frames, monkeypatch):
    calls = []

    def spy(student, teacher, centre):
        calls.append((teacher, centre))
        return cross_entropy(student, teacher, centre)

    monkeypatch.setattr(tiny_dino, "cross_entropy", spy)
    tiny_dino.pretrain(frames, options(steps=2), seed=0)
    for (teacher, before), (_, after) in zip(calls[:2], calls[2:], strict=True):
        assert torch.equal(before, torch.zeros(16))
        torch.testing.assert_close(after, update_centre(before, teacher))


def test_hidden_patches_are_covered_and_no_others():
    network = initial(options())
    nn.init.constant_(network.blank, 9.0)
    pixels = torch.zeros(2, 3, 8, 12)
    covered = network.mask(pixels, torch.tensor([[1, 5], [3, 0]]))
    expected = torch.zeros(2, 2, 3)
    expected[0, 0, 1] = expected[0, 1, 2] = expected[1, 1, 0] = expected[1, 0, 0] = 9
    expected = expected.repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert torch.equal(covered, expected[:, None].expand(-1, 3, -1, -1))


def test_the_blank_is_learned(frames):
    blank = tiny_dino.pretrain(frames, options(momentum=0), seed=0).blank
    assert blank.abs().min() > 0


@pytest.mark.parametrize(("share", "count"), [(0.3, 7), (0.01, 1)])
def test_a_share_of_the_patches_is_hidden(generator, share, count):
    rows = random_patches(400, 24, share, generator)
    assert rows.shape == (400, count)
    assert all(len(set(row)) == count for row in rows.tolist())
    assert set(rows.flatten().tolist()) == set(range(24))


def test_a_crop_is_a_window_that_keeps_its_shape(generator):
    x, y = torch.arange(24.0) + 0.5, torch.arange(16.0) + 0.5
    # The colours of a pixel say where it stands.
    places = torch.stack([x.expand(16, 24), y[:, None].expand(16, 24), torch.zeros(16, 24)])
    views = random_crops(places.expand(200, -1, -1, -1), 0.5, generator)
    wide = views[:, 0, 8, 20] - views[:, 0, 8, 4]
    high = views[:, 1, 13, 12] - views[:, 1, 3, 12]
    torch.testing.assert_close(wide / 16, high / 10)
    assert 0.5 <= wide.min() / 16 < 0.55 < 0.95 < wide.max() / 16 <= 1
    corner, side = views[:, 0, 8, 12] - 0.5 * wide / 16, wide / 16 * 24
    left, right = corner - side / 2, corner + side / 2
    assert -1e-4 < left.min() < 2
    assert 22 < right.max() < 24 + 1e-4


def test_the_whole_picture_is_its_own_crop(generator):
    pixels = torch.rand(3, 3, 16, 24, generator=generator)
    torch.testing.assert_close(random_crops(pixels, 1.0, generator), pixels, atol=1e-5, rtol=0)


def test_frames_that_differ_have_features_that_differ(frames):
    encoder = tiny_dino.fit(frames, options(steps=60, batch=8), seed=0)
    latents = encoder.encode(frames).mean
    assert latents.shape == (40, 8, 4, 6)
    found = measure_health(latents)
    assert found.std > 0.05
    assert found.rank > 4


def test_the_seed_alone_decides_the_weights(frames):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (tiny_dino.pretrain(frames, options(), seed) for seed in (0, 0, 1))
    assert equal_weights(one, same)
    assert not equal_weights(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_patches_that_do_not_fit_are_refused(frames):
    message = r"encoders.tiny_dino.patch = 5 does not divide frames of 16 x 24"
    with pytest.raises(ParamsError, match=message):
        tiny_dino.fit(frames, options(patch=5), seed=0)


def test_no_more_components_than_features():
    with pytest.raises(ValueError, match="channels = 17 must not exceed width = 16"):
        options(channels=17)
