"""Clips whose actions are not told: drawn by seed and step, and told to nobody."""

import json

import pytest
import torch
from rollout_helpers import randomised
from train_helpers import options, trainer, world_model

from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows
from pipeline.train.losses.diffusion_forcing import DiffusionForcingLoss
from pipeline.train.setup import trainer_of


@pytest.mark.parametrize(
    "injection", ["additive", "adaln", "adaln_fuse", "film", "cross_attention"]
)
def test_dropped_actions_change_nothing_and_others_do(cache, generator, injection):
    model = randomised(world_model(cache, injection=injection))
    clean = torch.randn((2, 4, *model.spec.latent_shape), generator=generator)
    actions, other = torch.randn((2, 2, 4, model.config.size.action_dim), generator=generator)
    level, dropped = torch.full((2, 4), 300), torch.tensor([True, False])

    def run(given, which=dropped):
        return model.denoiser(clean, level, given, None, None, None, which)

    assert torch.equal(run(actions)[0], run(other)[0])
    assert not torch.equal(run(actions)[1], run(other)[1])
    torch.testing.assert_close(run(actions)[1], run(actions, None)[1])
    assert not torch.allclose(run(actions)[0], run(actions, None)[0])


def test_the_share_is_dropped_by_seed_and_step_and_nothing_else_changes(cache):
    told, untold = trainer(cache, batch=64), trainer(cache, batch=64, drop_actions=0.25)
    shares = []
    for step in range(8):
        plain, found, again = (
            each.batches.draw(step).micro_batches for each in (told, untold, untold)
        )
        for one, other, same in zip(plain, found, again, strict=True):
            assert one.dropped is None
            assert all(map(torch.equal, one.tensors(), other.tensors()))
            assert torch.equal(other.dropped, same.dropped)
            shares.append(other.dropped.float().mean())
    assert 0.2 < torch.stack(shares).mean() < 0.3


def test_the_loss_hides_the_actions_of_dropped_clips(cache):
    one = trainer(cache, drop_actions=0.5)
    assert isinstance(one.loss, DiffusionForcingLoss)
    seen = []
    one.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[-1]))
    one.advance()
    assert torch.equal(seen[0], one.batches.draw(0).micro_batches[0].dropped)


def test_the_share_is_written_only_where_there_is_one(cache, tmp_path):
    model = world_model(cache)
    model.save_pretrained(tmp_path / "all")
    assert "drop_actions" not in json.loads((tmp_path / "all/config.json").read_text())
    model.config = model.config.model_copy(update={"drop_actions": 0.1})
    model.save_pretrained(tmp_path / "some")
    again = type(model).from_pretrained(tmp_path / "some")
    assert again.config.drop_actions == 0.1


def test_cameras_cannot_be_dropped(cache):
    model = world_model(cache)
    model.spec = model.spec.model_copy(update={"camera_scale": 1.0})
    with pytest.raises(ParamsError, match=r"train\.drop_actions = 0\.1, but cameras condition"):
        trainer_of(model, Windows(cache, "train", 4, 2), options(drop_actions=0.1))
