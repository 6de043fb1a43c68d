"""A world with a coin in it: one step of a student shows a side of it, one of its teacher neither.

Channel 0 of the next frame is that of the last one, moved by the action; channel 1 is +1 or -1, and
nothing tells which. The best guess is 0, which PSNR likes and which never occurs.
"""

from types import SimpleNamespace

import pytest
import torch
from helpers import PARAMS
from train_helpers import options, part, sampling

from pipeline.denoisers import DENOISERS
from pipeline.diffusion.config import Config
from pipeline.diffusion.make import initialised
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.distill.consistency import ConsistencyLoss
from pipeline.distill.dmd import Matching
from pipeline.distill.students import begun_as, student_config
from pipeline.distill.trainer import MatchingTrainer
from pipeline.noise.levels import draw_levels
from pipeline.objectives import OBJECTIVES
from pipeline.train.data.batches import Batch, MicroBatch
from pipeline.train.data.shuffle import seeded_generator
from pipeline.train.distributed.group import single_process
from pipeline.train.losses.teacher_forcing import TeacherForcingLoss
from pipeline.train.trainer import Trainer

CPU, CLIPS, FRAMES, SHAPE = torch.device("cpu"), 24, 3, (2, 4, 4)
SIDES = 0.25
"""Mean distance to a side of the coin below which a frame shows it; its mean is 1 away."""


def clips(generator, count):
    """Latents [count, FRAMES, 2, 4, 4] and actions [count, FRAMES, 1, 1]."""
    actions = torch.randn((count, FRAMES, 1, 1), generator=generator)
    coins = torch.randint(2, (count, FRAMES, 1, 1, 1), generator=generator) * 2.0 - 1
    begun = torch.randn((count, 1, 1, *SHAPE[1:]), generator=generator)
    moves = torch.cat([torch.zeros(count, 1), 0.5 * actions[:, :-1, 0, 0]], 1).cumsum(1)
    moved = begun + moves[..., None, None, None]
    return torch.cat([moved, coins.expand(-1, -1, 1, *SHAPE[1:])], 2), actions


class Coins:
    """Batches of such clips; all that a trainer asks of them."""

    def __init__(self, chosen):
        self.options = chosen

    def draw(self, step):
        generator = seeded_generator(0, "coins", step)
        clean, actions = clips(generator, CLIPS)
        level = draw_levels(self.options.levels, CLIPS, FRAMES, 1000, generator)
        noise = torch.randn(clean.shape, generator=generator)
        return Batch(None, [MicroBatch(clean, noise, level, actions, CLIPS * FRAMES)])


def trained(make, chosen):
    trainer = make(Coins(chosen))
    for _ in trainer.steps():
        pass
    return trainer.result


@pytest.fixture(scope="module")
def chosen():
    levels = {"distribution": "uniform", "mean": 0.0, "std": 1.0, "per": "clip", "prefix": 0.0}
    quick = {"steps": 400, "learning_rate": 3e-3, "warmup": 20, "batch": CLIPS, "interval": 1}
    return options(frames=FRAMES, levels=levels, loss="teacher_forcing", **quick)


@pytest.fixture(scope="module")
def teacher(cache, chosen):
    size = {"width": 32, "heads": 2, "depth": 2}
    spec = cache.spec
    statistics = {
        name: [value] for name, value in (("mean", 0), ("std", 1), ("min", -3), ("max", 3))
    }
    one = {"latent_shape": SHAPE, "action_dim": 1, "mean": [0, 0], "std": [1, 1]}
    config = Config(
        denoiser=part(DENOISERS, "nanowm", size=size, injection="adaln"),
        objective=part(OBJECTIVES, "x"),
        frames=FRAMES,
        interval=1,
        spec=spec.model_copy(update={**one, "actions": statistics}),
    )
    model = initialised(config, CPU, 0)
    loss = TeacherForcingLoss(model, chosen.weighting)
    model.denoiser = trained(lambda b: Trainer(model.denoiser, loss, b, chosen), chosen)
    model.denoiser.requires_grad_(False)
    return model


def scores(model, how):
    """Share of frames that show a side, share of heads, error of channel 0 and without actions."""
    generator = torch.Generator().manual_seed(5)
    clean, actions = clips(generator, 256)
    noise = how.noise(256, 1, FRAMES - 1, SHAPE, generator)
    found = model.rollout(clean[:, :1], actions[:, :-1], noise, how)
    still = model.rollout(clean[:, :1], torch.zeros_like(actions[:, :-1]), noise, how)
    coin = found[:, :, 1]
    valid = ((coin.abs() - 1).abs().mean((2, 3)) < SIDES).float().mean()
    heads = (coin.mean((2, 3)) > 0).float().mean()
    errors = [(each - clean[:, 1:])[:, :, 0].square().mean() for each in (found, still)]
    return SimpleNamespace(valid=valid, heads=heads, error=errors[0], still=errors[1])


@pytest.fixture(scope="module")
def student(teacher, chosen):
    distill = Options.model_validate({**PARAMS["distill"], "method": "consistency", "grid": 16})
    learning = {"steps": 300, "learning_rate": 2e-3, "ema": 0.9}
    training = chosen.model_copy(update=learning)
    begun = begun_as(teacher, student_config(teacher, distill, {}), training)
    loss = ConsistencyLoss(begun, teacher, distill.grid, distill.guidance)

    def make(batches):
        trainer = Trainer(begun.denoiser, loss, batches, training)
        loss.average = trainer.ema.module
        return trainer

    result = WorldModel(begun.config, CPU)
    result.denoiser.load_state_dict(trained(make, training).state_dict())
    result.denoiser.requires_grad_(False)
    return result


def test_a_student_shows_in_one_step_what_its_teacher_shows_in_many(teacher, student):
    many, four, one = (scores(teacher, sampling(steps=steps)) for steps in (32, 4, 1))
    assert many.valid > 0.9
    assert one.valid < 0.1
    for steps in (1, 4):
        found = scores(student, sampling("consistency", steps=steps))
        assert found.valid > one.valid + 0.4
        assert 0.3 < found.heads < 0.7
        assert found.error < 0.25 * found.still
        assert found.still - found.error > 0.8 * (many.still - many.error)
    assert found.valid >= four.valid - 0.02


def test_matching_distributions_keeps_the_coin_and_the_actions(teacher, student, chosen):
    distill = Options.model_validate({**PARAMS["distill"], "method": "dmd"})
    training = chosen.model_copy(update={"steps": 100, "learning_rate": 1e-4, "ema": 0.9})
    begun = begun_as(student, student_config(student, distill, {}), training)
    fake = begun_as(teacher, teacher.config, training)
    critic = training.model_copy(update={"learning_rate": 4e-4, "ema": None})
    shared = Matching(begun, teacher, fake, 1.0, 0)

    def make(batches):
        return MatchingTrainer(shared, batches, training, critic, (20, 4), single_process(CPU))

    result = WorldModel(begun.config, CPU)
    result.denoiser.load_state_dict(trained(make, training).state_dict())
    result.denoiser.requires_grad_(False)
    how = sampling("consistency", steps=4)
    before, after = scores(student, how), scores(result, how)
    assert after.valid > before.valid - 0.03
    assert 0.3 < after.heads < 0.7
    assert 10 * (after.error / before.error).log10() < 6  # dB
    assert after.still - after.error > 0.8 * (before.still - before.error)
