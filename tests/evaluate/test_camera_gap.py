"""A network without actions learns to look at cameras, whichever way, and the gap shows it."""

import numpy as np
import pytest
import torch
from camera_helpers import SIZE, walk
from helpers import default

from pipeline.denoisers import DENOISERS, Size
from pipeline.evaluate.control import camera_conditions, camera_control
from pipeline.latents.cameras import MOTION, TRANSLATION, camera_rows, motions

CLIPS, HELD_OUT, BATCH = 1024, 128, 64
STEPS = 100


@pytest.fixture(scope="module")
def rows():
    """Motions [CLIPS, 2, MOTION] from one frame to another."""
    two = [camera_rows(walk(2, seed), SIZE) for seed in range(CLIPS)]
    return torch.from_numpy(motions(np.stack(two)))


def shown(rows):
    """What the second frame of clips shows, [B, 2, 2, 2]: how far the camera went."""
    moved = 5 * rows[:, 0, TRANSLATION][:, :2]
    return moved[:, :, None, None].expand(-1, -1, 1, 2)


@pytest.mark.parametrize("camera", ["token", "prope", "joint"])
def test_cameras_alone_tell_what_comes_next_and_others_mislead(camera, rows):
    size = Size(latent_shape=(2, 1, 2), action_dim=0, frames=2, motion_dim=MOTION)
    shape = {"width": 32, "depth": 2, "heads": 2}
    changes = {"size": shape, "patch": 1, "injection": "none", "camera": camera}
    module, options = default(DENOISERS, "nanowm", **changes)
    torch.manual_seed(0)
    network, generator = module.build(options, size), torch.Generator().manual_seed(0)
    noisy = torch.randn((CLIPS, 2, 2, 1, 2), generator=generator)
    level = torch.tensor([0, 999]).expand(CLIPS, 2)

    def errors(clips, motions):
        output = network(noisy[clips], level[clips], motions)[:, 1]
        return (output - shown(rows[clips])).square().mean((1, 2, 3))

    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(STEPS):
        drawn = torch.randint(HELD_OUT, CLIPS, (BATCH,), generator=generator)
        optimiser.zero_grad()
        errors(drawn, rows[drawn]).mean().backward()
        optimiser.step()
    held_out = torch.arange(HELD_OUT)
    true = rows[held_out]
    conditions = {"true": true, **camera_conditions(true, true.roll(1, 0))}
    with torch.no_grad():
        found = camera_control(
            {name: errors(held_out, each)[:, None] for name, each in conditions.items()}
        )
    assert found.frozen_gap.interval[0] > 0
    assert found.other_gap.interval[0] > 0
