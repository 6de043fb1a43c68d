"""What training costs is known to the byte and to the operation, by computing nothing."""

import pytest
import torch
from helpers import every

from pipeline.denoisers import DENOISERS, Size
from pipeline.denoisers.nanowm import SIZES, published_options
from pipeline.diffusion.config import VariantConfig, build_denoiser
from pipeline.train.memory.cost import FLOAT, _peak_bytes, measure, parameters
from pipeline.train.memory.peak import Footprint

PUBLISHED = Size(latent_shape=(4, 32, 32), action_dim=7, frames=4)
TOKENS, PATCHES = 1024, 256
TINY = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)


def nanowm(size, injection="additive"):
    return VariantConfig(
        name="nanowm", options=published_options(size, 2, injection, causal=True).model_dump()
    )


def cost(part, size=TINY, clips=1, *, streams=1, checkpointing=False, precision="float32"):
    kept = {"checkpointing": checkpointing, "precision": precision}
    return measure(part, size, clips=clips, streams=streams, **kept)


def closed_form(name):
    """Multiply-adds of one forward pass, layer by layer, for the published window."""
    h, depth = SIZES[name].width, SIZES[name].depth
    frames, channels = PUBLISHED.frames, PUBLISHED.latent_shape[0]
    block = TOKENS * (4 + 12) * h**2 + frames * 6 * h**2  # modulation: once a frame
    attended = 2 * TOKENS * h * (PATCHES + frames)  # of a spatial and of a temporal block
    ends = 2 * TOKENS * 4 * channels * h + frames * 2 * h**2
    embedders = frames * (256 + h) * h + (frames - 1) * (7 + h) * h
    return depth * block + depth // 2 * attended + ends + embedders


@pytest.mark.parametrize(("name", "reference"), [("S", 71.4e9), ("B", 280.6e9), ("L", 993.0e9)])
def test_a_forward_pass_does_what_its_layers_do_and_less_than_the_reference(name, reference):
    """Theirs computes each temporal modulation once a patch; that is all the difference."""
    h, depth = SIZES[name].width, SIZES[name].depth
    ours = cost(nanowm(name), PUBLISHED).forward_flops
    assert ours == 2 * closed_form(name)
    copies = 2 * depth // 2 * (TOKENS - PUBLISHED.frames) * 6 * h**2
    assert ours + copies == pytest.approx(reference, rel=1e-3)


def test_training_is_three_forward_passes_and_a_fourth_where_blocks_are_computed_again():
    once, twice = cost(nanowm("nano")), cost(nanowm("nano"), checkpointing=True)
    assert once.forward_flops == twice.forward_flops
    assert once.training_flops == 3 * once.forward_flops
    assert twice.training_flops == 4 * once.forward_flops


def test_clean_frames_beside_the_noisy_ones_cost_as_much_again():
    alone, both = cost(nanowm("nano"), clips=4), cost(nanowm("nano"), clips=4, streams=2)
    assert both.parameters == alone.parameters
    assert both.forward_flops == 2 * alone.forward_flops
    assert both.activation_bytes == pytest.approx(2 * alone.activation_bytes, rel=0.1)


def test_a_block_leaves_34_token_vectors_behind_and_a_recomputed_one_its_input_alone():
    """In widths of float32 a token, of which a block of 12 h^2 in its feed-forward keeps:

    the sum with the action 1, norm 1, input of qkv 1, qkv 3, normed queries and keys 2, rotated 2,
    attended 1, projected 1, sum 1, norm 1, input of the feed-forward 1, w1 4, silu 4, w2 4,
    product 4, w3 1, sum 1: 33; a temporal block copies what it attended to, 1.
    """
    shape = {"width": 64, "heads": 2}
    token = 16 * TINY.frames * 64 * FLOAT
    for checkpointing, kept in ((False, 67), (True, 2)):
        shallow, deep = (
            cost(nanowm({**shape, "depth": depth}), TINY, 8, checkpointing=checkpointing)
            for depth in (4, 6)
        )
        more = (deep.activation_bytes - shallow.activation_bytes) / (8 * token)
        assert more == pytest.approx(kept, rel=0.03)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_what_a_micro_batch_holds_grows_with_its_clips(checkpointing):
    few, more, most = (
        cost(nanowm("nano"), TINY, clips, checkpointing=checkpointing).activation_bytes
        for clips in (16, 32, 128)
    )
    assert most - more == pytest.approx(6 * (more - few), rel=1e-3)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_many_clips_hold_to_the_byte_what_a_few_tell(checkpointing):
    """Running all of them took more memory than the training that it foretells."""
    part = nanowm("nano")
    told = cost(part, TINY, 16, checkpointing=checkpointing).activation_bytes
    assert told == _peak_bytes(part, TINY, 16, checkpointing, "float32", both=False)


def test_bfloat16_holds_less_but_a_copy_of_the_weights():
    part = nanowm({"width": 64, "depth": 4, "heads": 2})
    for clips in (1, 64):
        whole = cost(part, TINY, clips).activation_bytes
        half = cost(part, TINY, clips, precision="bfloat16").activation_bytes
        copies = parameters(part, TINY) * FLOAT // 2
        assert half - copies == pytest.approx(0.67 * whole, rel=0.1)


@pytest.mark.parametrize("name", every(DENOISERS))
@pytest.mark.parametrize("checkpointing", [False, True])
def test_what_is_found_without_data_is_what_a_real_pass_holds(name, checkpointing):
    module = DENOISERS.load(name, "test")
    part = nanowm({"width": 64, "depth": 4, "heads": 2})
    network = build_denoiser(part, TINY)
    network.activation_checkpointing = checkpointing
    for weight in network.parameters():
        weight.register_post_accumulate_grad_hook(lambda weight: setattr(weight, "grad", None))
    noisy, level, actions = torch.randn(3, 4, 4, 8, 8), torch.ones(3, 4).long(), torch.ones(3, 4, 3)
    with Footprint([*network.parameters(), *network.buffers(), noisy, level, actions]) as footprint:
        network(noisy, level, actions).square().sum().backward()
    inputs = sum(t.untyped_storage().nbytes() for t in (noisy, level, actions))
    found = cost(part, TINY, 3, checkpointing=checkpointing).activation_bytes
    assert found - inputs == pytest.approx(footprint.peak, rel=0.01)
    assert module.SIZES


def test_a_footprint_counts_each_storage_once_and_as_long_as_it_lives():
    excluded = torch.zeros(100)
    with Footprint([excluded]) as footprint:
        excluded.add_(1)
        first = excluded + 1  # 400 bytes
        assert (footprint.current, footprint.peak) == (400, 400)
        view = first[:10]
        second = view * 2  # 40 bytes
        assert footprint.current == 440
        del first
        assert footprint.current == 440  # the view keeps all of it
        del view, second
        assert (footprint.current, footprint.peak) == (0, 440)
