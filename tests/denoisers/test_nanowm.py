"""NanoWM has the sizes, layers and gradients of the reference, and compiles."""

import pytest
import torch
from denoiser_helpers import graphs_of
from helpers import GOLDEN, default, golden, member_of
from safetensors.torch import load_file

from pipeline.denoisers import DENOISERS, Size
from pipeline.denoisers.nanowm import SIZES
from pipeline.denoisers.nanowm.blocks import BLOCKS
from pipeline.errors import ParamsError
from pipeline.testing.denoisers import DenoiserTests
from pipeline.testing.member import scaled_error

TINY = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)
SHAPE = {"width": 64, "depth": 4, "heads": 4}
INJECTIONS = [name for name in BLOCKS if name != "none"]


def build(size=TINY, **changes):
    module, options = default(DENOISERS, "nanowm", **{"size": SHAPE, **changes})
    return module.build(options, size)


def trained(injection, **changes):
    """The golden network of an injection, whose outputs depend strongly on actions."""
    model = build(injection=injection, **changes)
    state = load_file(GOLDEN / f"tiny_{injection}.safetensors")
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.requires_grad_(False)


class TestEveryInjection(DenoiserTests):
    @pytest.fixture(scope="class", params=BLOCKS)
    @classmethod
    def member(cls, request):
        return member_of(DENOISERS, "nanowm", size=SHAPE, injection=request.param)


@pytest.fixture(params=INJECTIONS)
def tiny(request):
    return trained(request.param)


@pytest.fixture
def inputs():
    arrays = golden("forward")
    return arrays("x"), arrays("t2"), arrays("action")


PUBLISHED = {
    ("S", "additive"): 39_781_648,
    ("S", "adaln_fuse"): 39_781_648,
    ("S", "adaln"): 50_426_128,
    ("S", "film"): 43_329_808,
    ("S", "cross_attention"): 46_882_576,
    ("B", "additive"): 158_598_160,
    ("B", "adaln_fuse"): 158_598_160,
    ("B", "adaln"): 201_120_784,
    ("B", "film"): 172_772_368,
    ("B", "cross_attention"): 186_955_792,
    ("L", "additive"): 558_666_768,
    ("L", "adaln_fuse"): 558_666_768,
    ("L", "adaln"): 709_809_168,
    ("L", "film"): 609_047_568,
    ("L", "cross_attention"): 659_452_944,
    ("XL", "additive"): 823_778_512,
    ("XL", "adaln_fuse"): 823_778_512,
    ("XL", "adaln"): 1_046_925_520,
    ("XL", "film"): 898_160_848,
    ("XL", "cross_attention"): 972_575_440,
}


def count(name, injection, action_dim=7, frames=4):
    size = Size(latent_shape=(4, 32, 32), action_dim=action_dim, frames=frames)
    with torch.device("meta"):
        module, options = default(DENOISERS, "nanowm", size=name, injection=injection)
        model = module.build(options, size)
    return sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(("name", "injection"), PUBLISHED)
def test_the_number_of_parameters_is_that_of_the_reference(name, injection):
    assert count(name, injection) == PUBLISHED[name, injection]


@pytest.mark.parametrize(
    ("name", "action_dim", "frames", "expected"),
    [("B", 10, 4, 158_600_464), ("S", 10, 4, 39_782_800), ("L", 51, 16, 558_724_112)],
)
def test_longer_actions_and_windows_add_the_parameters_that_they_add_there(
    name, action_dim, frames, expected
):
    assert count(name, "additive", action_dim, frames) == expected


@pytest.mark.parametrize("patch", [1, 2, 4, 8])
@pytest.mark.parametrize("injection", BLOCKS)
def test_the_output_has_the_shape_of_the_latents(patch, injection):
    size = Size(latent_shape=(4, 8, 16), action_dim=3, frames=5)
    model = build(size, patch=patch, injection=injection)
    level = torch.zeros(2, 5, dtype=torch.int64)
    output = model(torch.randn(2, 5, 4, 8, 16), level, torch.randn(2, 5, 3))
    assert output.shape == (2, 5, 4, 8, 16)


def test_rectangular_latents_are_embedded_row_by_row(inputs):
    # RoPE on a grid of 2 x 8 patches has other angles than on one of 8 x 2.
    wide, tall = (
        build(Size(latent_shape=(4, *grid), action_dim=3, frames=4)) for grid in ((4, 16), (16, 4))
    )
    assert wide.spatial_rope.shape == tall.spatial_rope.shape
    assert not torch.equal(wide.spatial_rope, tall.spatial_rope)
    rows = wide.spatial_rope.unflatten(1, (2, 8))
    assert torch.equal(rows[:, 0, 0], torch.stack([torch.ones(16), torch.zeros(16)]))
    column = rows[0, 1] - rows[0, 0]  # only the half of the features that is rotated by row differs
    assert (column[:, :4].abs().sum(), column[:, 4:8].abs().sum()) != (0, 0)
    assert column[:, 4:8].abs().max() == 0


@pytest.mark.parametrize("causal", [True, False])
def test_an_action_changes_the_frame_that_it_leads_to_and_no_earlier_one(inputs, causal):
    model = trained("additive", causal=causal)
    x, level, action = inputs
    changed = action.clone()
    changed[:, 1] += 1
    difference = (model(x, level, action) - model(x, level, changed)).abs().amax((0, 2, 3, 4))
    assert difference[2] > 0
    assert (difference[:2].max() == 0) == causal


def test_a_network_without_injection_ignores_actions(inputs):
    x, level, action = inputs
    model = build(injection="none")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    assert torch.equal(model(x, level, action), model(x, level, action + 1))
    assert torch.equal(model(x, level, action), model(x, level, None))
    assert not [name for name in model.state_dict() if "action" in name]


@pytest.mark.parametrize("injection", BLOCKS)
def test_an_initialised_network_outputs_zero_and_every_parameter_gets_a_gradient(
    injection, inputs, generator
):
    model = build(injection=injection)
    x, level, action = inputs
    assert model(x, level, action).abs().max() == 0
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(4):
        optimiser.zero_grad()
        (model(x, level, action) - x).square().mean().backward()
        optimiser.step()
    # In space a token attends to a single action: softmax over one key, so no gradient for queries.
    single = ("blocks.0.cross_attn.q.", "blocks.2.cross_attn.q.")
    dead = [name for name, p in model.named_parameters() if p.grad.abs().max() == 0]
    assert [name for name in dead if not name.startswith(single)] == []


def test_cross_attention_learns_the_action_unless_it_has_the_reference_init(inputs):
    x, level, action = inputs
    for reference_init in (False, True):
        model = build(injection="cross_attention", reference_init=reference_init)
        optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
        target = action.roll(1, 1)[..., :1, None, None].expand_as(x)
        for _ in range(20):
            optimiser.zero_grad()
            (model(x, level, action) - target).square().mean().backward()
            optimiser.step()
        effect = (model(x, level, action) - model(x, level, -action)).abs().max()
        assert (effect == 0) == reference_init


def test_a_size_is_a_name_or_a_shape():
    module = DENOISERS.load("nanowm", "test")
    for name, shape in SIZES.items():
        _, options = default(DENOISERS, "nanowm", size=name)
        assert options.size == shape
    assert module.Options.model_validate(options.model_dump()) == options


@pytest.mark.slow
@pytest.mark.parametrize("injection", BLOCKS)
def test_a_sampling_step_compiles_to_one_graph_for_all_frames(injection, inputs):
    x, level, action = inputs
    model = build(injection=injection).requires_grad_(False)
    assert graphs_of(model, x[:, :4], level[:, :4], action) == 1


def test_a_patch_that_does_not_fit_is_refused():
    with pytest.raises(ParamsError, match="patch = 3 does not divide latents of 8 x 8"):
        build(patch=3)


def test_an_injection_without_actions_is_refused():
    with pytest.raises(ParamsError, match="injection = 'adaln', but the data has no actions"):
        build(Size(latent_shape=(4, 8, 8), action_dim=0, frames=4))


def test_more_frames_than_the_window_are_refused(tiny):
    with pytest.raises(ValueError, match="5 frames exceed the window of 4"):
        tiny(torch.zeros(1, 5, 4, 8, 8), torch.zeros(1, 5), torch.zeros(1, 5, 3))


def test_a_forward_with_a_kv_cache_is_not_checkpointed(tiny, inputs, monkeypatch):
    x, level, action = inputs
    whole, tiny.activation_checkpointing = tiny(x, level, action), True
    monkeypatch.setattr("pipeline.denoisers.nanowm.checkpoint", None)
    positions = torch.arange(x.shape[1])
    assert scaled_error(tiny(x, level, action, positions, tiny.kv_cache(len(x))), whole) < 1e-5
