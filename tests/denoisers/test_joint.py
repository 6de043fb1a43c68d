"""The joint branch is attention among all patches of all frames, with a KV cache or without."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange
from torch.nn.functional import scaled_dot_product_attention

from pipeline.denoisers import Size
from pipeline.denoisers.nanowm.axes import (
    Time,
    causal_mask,
    empty_kv_cache,
    teacher_forcing_mask,
)
from pipeline.denoisers.nanowm.cameras import cameras_of, encoding
from pipeline.denoisers.nanowm.layers import Attention, rope_1d, rope_2d
from pipeline.denoisers.nanowm.prope import PRoPE, projections
from pipeline.latents.cameras import MOTION
from pipeline.testing.denoisers import window_for
from pipeline.testing.member import scaled_error

GRID, PATCHES, FRAMES, HIDDEN, HEADS = (2, 3), 6, 4, 32, 2
MOTIONS = window_for(Size(latent_shape=(1, 2, 3), action_dim=0, frames=FRAMES, motion_dim=MOTION))[
    2
].double()
ROPE = rope_2d(GRID, HIDDEN // HEADS // 2).double()


@pytest.fixture
def attention():
    """Attention of which only the branch is left, as it comes from the heads."""
    torch.manual_seed(0)
    made = Attention(HIDDEN, HEADS)
    made.add_branch(HIDDEN)
    torch.nn.init.eye_(made.branch_proj.weight)
    torch.nn.init.zeros_(made.proj.weight)
    torch.nn.init.zeros_(made.proj.bias)
    return made.double().requires_grad_(False)


@pytest.fixture
def tokens(generator):
    return torch.randn((2, FRAMES, PATCHES, HIDDEN), generator=generator, dtype=torch.float64)


def axis(positions, causal=True, **parts):
    rope = rope_1d(FRAMES, HIDDEN // HEADS).double()[:, positions]
    prope = encoding(MOTIONS, positions, ROPE, PATCHES)
    mask = causal_mask(positions, FRAMES)
    return Time(rope, causal, mask, positions, prope=prope, joint=True, **parts)


def expected(attention, tokens, of, frames_mask):
    """Full PRoPE among all tokens of frames `of`, which see each other where the mask says so."""
    flat = rearrange(tokens, "b t p d -> b (t p) d")
    q, k, v = rearrange(attention.qkv(flat), "b n (x h d) -> x b h n d", x=3, h=HEADS)
    each = of.repeat_interleave(PATCHES)
    prope = PRoPE(projections(*cameras_of(MOTIONS)).of(each), ROPE.repeat(1, len(of), 1))
    seen = frames_mask.repeat_interleave(PATCHES, 0).repeat_interleave(PATCHES, 1)

    def attend(q, k, v):
        return scaled_dot_product_attention(q, k, v, attn_mask=seen)

    out = prope.attention(attention.q_norm(q), attention.k_norm(k), v, attend)
    return rearrange(out, "b h (t p) d -> b t p (h d)", t=len(of))


@pytest.mark.parametrize("causal", [True, False])
def test_it_is_full_prope_over_all_tokens_of_frames_no_later(attention, tokens, causal):
    frames = torch.arange(FRAMES)
    mask = frames[:, None] >= frames if causal else torch.ones(FRAMES, FRAMES, dtype=torch.bool)
    found = axis(frames, causal).attend(attention, tokens)
    assert scaled_error(found, expected(attention, tokens, frames, mask)) < 1e-12


def test_it_is_the_same_frame_by_frame_with_a_kv_cache(attention, tokens):
    whole = axis(torch.arange(FRAMES)).attend(attention, tokens)
    shape = 2 * PATCHES, HEADS, FRAMES, HIDDEN // HEADS
    kv_cache = empty_kv_cache(shape, 2, tokens)
    for frame in torch.arange(FRAMES).split(1):
        step = axis(frame, kv_cache=kv_cache).attend(attention, tokens[:, frame])
        assert scaled_error(step, whole[:, frame]) < 1e-12


def test_a_noisy_frame_attends_to_clean_ones_before_it_and_to_itself(attention, tokens):
    frames = torch.arange(FRAMES)
    both, mask = frames.repeat(2), teacher_forcing_mask(frames)
    two = torch.cat([tokens, tokens.flip(0)], 1)
    found = axis(both, attends=mask).attend(attention, two)
    assert scaled_error(found, expected(attention, two, both, mask)) < 1e-12


def test_it_fetches_what_another_patch_showed_as_attention_in_time_cannot(attention, tokens):
    moved = tokens.clone()
    moved[:, 0, 0] += 1
    frames = torch.arange(FRAMES)
    joint = axis(frames)
    in_time = replace(
        joint, joint=False, prope=encoding(MOTIONS, frames, rope_1d(FRAMES, 8).double(), None)
    )
    for one, seen in ((joint, True), (in_time, False)):
        before, after = (one.attend(attention, each) for each in (tokens, moved))
        assert bool((before - after)[:, 1:, 1:].abs().max() > 1e-6) is seen
