"""Cameras condition NanoWM by their motion alone, start without effect, and go with a KV cache."""

import pytest
import torch
from denoiser_helpers import graphs_of
from helpers import default, member_of

from pipeline.denoisers import DENOISERS, Size
from pipeline.denoisers.nanowm.cameras import cameras_of
from pipeline.errors import ParamsError
from pipeline.latents.cameras import INTRINSICS, MOTION
from pipeline.testing.denoisers import DenoiserTests, window_for
from pipeline.testing.member import scaled_error

SHAPE = {"width": 64, "depth": 4, "heads": 4}
SIZE = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4, motion_dim=MOTION)
POSE = slice(3 + 2 * INTRINSICS, None)
WAYS = [
    ("none", "prope"),
    ("adaln", "prope"),
    ("adaln", "token"),
    ("cross_attention", "token"),
    ("none", "token"),
    ("adaln", "joint"),
    ("adaln", "prope_branch"),
]


def build(data=SIZE, **changes):
    module, options = default(DENOISERS, "nanowm", **{"size": SHAPE, **changes})
    torch.manual_seed(0)
    return module.build(options, data)


def randomised(**changes):
    network = build(**changes)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return network.requires_grad_(False)


class TestEveryWay(DenoiserTests):
    size = SIZE

    @pytest.fixture(scope="class", params=WAYS[1::2], ids="-".join)
    @classmethod
    def member(cls, request):
        injection, camera = request.param
        return member_of(DENOISERS, "nanowm", size=SHAPE, injection=injection, camera=camera)


@pytest.fixture
def window():
    return window_for(SIZE)


@pytest.mark.parametrize("camera", ["token", "prope", "joint", "prope_branch"])
def test_a_network_starts_as_the_one_without_cameras_and_then_learns_from_them(camera, window):
    noisy, level, actions = window
    network, without = build(camera=camera), build(SIZE.model_copy(update={"motion_dim": 0}))
    theirs = without.state_dict()
    ours = network.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    for each in (network, without):  # an initialised network outputs zero
        torch.manual_seed(1)
        for name, weight in each.named_parameters():
            if "modulation" in name or "final_layer" in name:
                torch.nn.init.normal_(weight, std=0.1)
    expected = without(noisy, level, actions[..., :3])
    assert torch.equal(network(noisy, level, actions), expected)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (network(noisy, level, actions) - noisy).square().mean().backward()
        optimiser.step()
    assert [name for name, p in network.named_parameters() if p.grad.abs().max() == 0] == []


def test_all_of_a_head_goes_by_cameras_in_the_branch_of_minwm():
    """Its attention is that of the golden arrays: without RoPE, which tells equal cameras apart."""
    heads = {
        camera: build(camera=camera).prope_rope.shape[-1] for camera in ("prope", "prope_branch")
    }
    assert heads == {"prope": 8, "prope_branch": 0}


def test_without_cameras_motions_are_ignored(window):
    noisy, level, actions = window
    network = randomised()
    changed = actions.clone()
    changed[..., 3:] = 7
    assert torch.equal(network(noisy, level, actions), network(noisy, level, changed))


@pytest.mark.parametrize(("injection", "camera"), WAYS)
@pytest.mark.parametrize("part", [POSE, slice(3 + INTRINSICS, 3 + INTRINSICS + 1)])
def test_a_camera_changes_its_own_frame_and_no_earlier_one(injection, camera, part, window):
    noisy, level, actions = window
    network = randomised(injection=injection, camera=camera)
    changed = actions.clone()
    changed[:, 1, part] = actions[:, 2, part]
    before, after = (network(noisy, level, each) for each in (actions, changed))
    difference = (before - after).abs().amax((0, 2, 3, 4))
    assert difference[:2].max() == 0
    assert difference[2] > 0


def test_poses_are_products_of_motions():
    _, _, actions = window_for(SIZE)
    motions = actions[..., 3:].double()
    intrinsics, poses = cameras_of(motions)
    steps = torch.eye(4, dtype=torch.float64).repeat(2, 4, 1, 1)
    steps[:, :, :3] = motions[..., -12:].unflatten(-1, (3, 4))
    assert torch.equal(poses[:, 0], torch.eye(4).expand(2, 4, 4))
    torch.testing.assert_close(poses[:, 3], steps[:, 2] @ steps[:, 1] @ steps[:, 0])
    assert torch.equal(intrinsics[:, 0], motions[:, 0, :4])
    assert torch.equal(intrinsics[:, 1:], motions[:, :3, 4:8])
    assert torch.equal(intrinsics[:, 1:], motions[:, 1:, :4])  # what a frame says of itself


@pytest.mark.parametrize("camera", ["token", "prope", "joint", "prope_branch"])
def test_the_kv_cache_is_exact_whatever_actions_lie_ahead(camera, window):
    """A rollout that is stepped frame by frame pads those that it does not know with zeros."""
    noisy, level, actions = (x.double() if x.is_floating_point() else x for x in window)
    network = randomised(camera=camera).double()
    network.t_embedder.register_forward_pre_hook(lambda _, levels: levels[0].double())
    whole, kv_cache = network(noisy, level, actions), network.kv_cache(len(noisy))
    for frame in torch.arange(4).split(1):
        known = actions.clone()
        known[:, max(int(frame), 1) :] = 0
        output = network(noisy[:, frame], level[:, frame], known, frame, kv_cache)
        assert scaled_error(output, whole[:, frame]) < 1e-6
    keys = kv_cache.keys + kv_cache.values
    assert len(keys) == (4 if camera == "token" else 8)
    assert all(key.isfinite().all() for key in keys)


@pytest.mark.parametrize(
    ("change", "size", "message"),
    [
        (
            {"camera": "prope"},
            {"motion_dim": 0},
            r"denoisers.nanowm.camera = 'prope', but the data has no cameras; choose none",
        ),
        (
            {"camera": "joint", "size": {**SHAPE, "width": 48}},
            {},
            "heads of a multiple of 8 features, but denoisers.nanowm.size has 12",
        ),
        ({"camera": "prope"}, {"action_dim": 0}, "injection = 'adaln', but the data has no action"),
    ],
)
def test_what_cannot_be_is_refused(change, size, message):
    with pytest.raises(ParamsError, match=message):
        build(SIZE.model_copy(update=size), **change)


def test_cameras_may_be_all_that_conditions_a_network():
    size = SIZE.model_copy(update={"action_dim": 0})
    noisy, level, motions = window_for(size)
    for injection, camera in (("none", "joint"), ("none", "token"), ("adaln", "token")):
        network = randomised(data=size, injection=injection, camera=camera)
        still = motions.clone()
        still[..., -12:] = torch.eye(4)[:3].flatten()
        difference = network(noisy, level, motions) - network(noisy, level, still)
        assert difference[:, 1:].abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["token", "prope", "joint"])
def test_a_sampling_step_compiles_to_one_graph_for_all_frames(camera, window):
    noisy, level, actions = window
    assert graphs_of(randomised(camera=camera), noisy, level, actions) == 1
