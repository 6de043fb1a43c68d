"""PRoPE is what its reference computes, and depends on cameras only relative to each other."""

from functools import partial

import pytest
import torch
from helpers import golden
from torch.nn.functional import scaled_dot_product_attention

from pipeline.denoisers.nanowm.layers import rope_1d, rope_2d
from pipeline.denoisers.nanowm.prope import (
    Projections,
    PRoPE,
    product,
    projections,
    rigid_inverse,
)
from pipeline.testing.member import scaled_error

FRAMES, PATCHES, HEAD_DIM = 4, 6, 16
OF = torch.arange(FRAMES).repeat_interleave(PATCHES)  # [N], frame by frame
STILL = torch.eye(4, dtype=torch.float64).expand(2, FRAMES, 4, 4)
BLOCK_CAUSAL = OF[:, None] >= OF
NO_ROPE = torch.empty(2, len(OF), 0, dtype=torch.float64)
ROPE = rope_2d((2, 3), HEAD_DIM // 2).repeat(1, FRAMES, 1).double()  # of each token's patch
causal = partial(scaled_dot_product_attention, attn_mask=BLOCK_CAUSAL)


@pytest.fixture(scope="module")
def arrays():
    return golden("cameras/prope")


@pytest.fixture(scope="module")
def qkv(arrays):
    return tuple(arrays(name) for name in "qkv")


@pytest.fixture(scope="module")
def cameras():
    """Normalised intrinsics [2, 4, 4], with some distance to the principal point, and poses."""
    generator = torch.Generator().manual_seed(2)
    spread = torch.randn((2, FRAMES, 4), generator=generator, dtype=torch.float64)
    return torch.tensor([0.9, 1.1, 0, 0]) + 0.1 * spread, motions(2, FRAMES)


def of_matrix(matrix):
    """Normalised intrinsics [..., 4] of matrices [..., 3, 3] whose images have sides of 1."""
    focal = torch.stack([matrix[..., 0, 0], matrix[..., 1, 1]], -1)
    return torch.cat([focal, matrix[..., :2, 2] - 0.5], -1)


def attention(qkv, intrinsics, poses, rope=ROPE, attend=causal):
    return PRoPE(projections(intrinsics, poses).of(OF), rope).attention(*qkv, attend)


def motions(*shape):
    """Rigid motions [*shape, 4, 4]: turns by some 30 degrees, moves of about a third."""
    generator = torch.Generator().manual_seed(shape[-1])
    skew, move = (
        torch.randn((*shape, 3, n), generator=generator, dtype=torch.float64) / 3 for n in (3, 1)
    )
    rotation = torch.linalg.matrix_exp(skew - skew.mT)
    last = torch.tensor([0, 0, 0, 1.0]).expand(*shape, 1, 4)
    return torch.cat([torch.cat([rotation, move], -1), last], -2)


def reference_projections(matrix, poses, dtype):
    """Those of minWM, which computes K and K^-1 in float32, without the principal point."""
    focal = of_matrix(matrix) * torch.tensor([1, 1, 0, 0])
    eye = torch.eye(4).expand_as(poses)
    rounded, gta = projections(focal.float(), eye), projections(None, poses)
    inverse = torch.diag_embed(torch.cat([1 / focal[..., :2], torch.ones_like(focal[..., 2:])], -1))
    return Projections(
        product(rounded.matrix.to(dtype), gta.matrix.to(dtype)),
        product(gta.inverse.to(dtype), inverse.float().to(dtype)),
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("masked", [False, True])
def test_the_branch_of_minwm_is_the_encoding_without_a_rope(arrays, qkv, masked, dtype, tolerance):
    found = reference_projections(arrays("intrinsics"), arrays("viewmats"), dtype).of(OF)
    attend = causal if masked else scaled_dot_product_attention
    ours = PRoPE(found, NO_ROPE.to(dtype)).attention(*(x.to(dtype) for x in qkv), attend)
    expected = arrays("out_causal" if masked else "out_full").to(dtype)
    assert scaled_error(ours, expected) < tolerance


def test_closed_forms_in_full_precision_are_as_near_as_its_float32_lets_them(arrays, qkv):
    intrinsics = of_matrix(arrays("intrinsics"))
    assert not intrinsics[..., 2:].any()  # the principal points are in the middle
    out = attention(qkv, intrinsics, arrays("viewmats"), NO_ROPE)
    assert 0 < scaled_error(out, arrays("out_causal")) < 2e-7


def test_without_intrinsics_it_is_gta(arrays, qkv):
    out = attention(qkv, None, arrays("viewmats"), NO_ROPE, scaled_dot_product_attention)
    assert scaled_error(out, arrays("gta_out_full")) < 1e-12


def test_inverses_are_those_of_the_matrices(cameras):
    found = projections(*cameras)
    assert scaled_error(product(found.matrix, found.inverse), STILL) < 1e-14
    assert scaled_error(rigid_inverse(cameras[1]), torch.linalg.inv(cameras[1])) < 1e-14


def test_whichever_world_the_poses_refer_to_cancels(qkv, cameras):
    intrinsics, poses = cameras
    out = attention(qkv, *cameras)
    for world in (motions(2, 1), rigid_inverse(poses[:, :1])):
        assert scaled_error(attention(qkv, intrinsics, product(poses, world)), out) < 1e-12
    turned = attention(qkv, intrinsics, product(motions(2, 1), poses))
    assert scaled_error(turned, out) > 1e-2  # the same motion in camera coordinates does not


def test_equal_cameras_leave_the_rope_alone(qkv, cameras):
    same = (camera[:, :1].expand_as(camera) for camera in cameras)
    assert scaled_error(attention(qkv, *same), attention(qkv, None, STILL)) < 1e-13


def test_only_differences_of_positions_count(qkv, cameras):
    shifted = rope_1d(len(OF) + 5, HEAD_DIM // 2).double()
    out, other = (attention(qkv, *cameras, shifted[:, n : n + len(OF)]) for n in (0, 5))
    assert scaled_error(out, other) < 1e-6  # of sines in float32


def test_focal_lengths_and_principal_points_are_seen(qkv, cameras):
    intrinsics, poses = cameras
    out = attention(qkv, *cameras)
    for entry in range(4):
        changed = intrinsics.clone()
        changed[..., entry] += 0.2
        assert scaled_error(attention(qkv, changed, poses), out) > 1e-4


def test_logits_are_those_of_pairs_of_cameras(qkv, cameras):
    q, k, _ = qkv
    seen = {}

    def attend(q, k, v):
        seen["logits"] = q @ k.mT
        return v

    attention(qkv, *cameras, NO_ROPE, attend)
    found = projections(*cameras)
    pairs = found.matrix[:, :, None] @ torch.linalg.inv(found.matrix)[:, None]  # [B, F, F, 4, 4]
    q, k = (x.unflatten(-1, (-1, 4)) for x in (q, k))
    expected = torch.einsum("bhngi,bnmij,bhmgj->bhnm", q, pairs[:, OF][:, :, OF], k)
    assert scaled_error(seen["logits"], expected) < 1e-12


def test_transformed_keys_and_values_can_be_kept(qkv, cameras):
    """Frame by frame, each with its own camera alone, is block-causal attention."""
    kept, outputs = [], []

    def attend(q, k, v):
        kept.append((k, v))
        keys, values = (torch.cat(parts, 2) for parts in zip(*kept, strict=True))
        return scaled_dot_product_attention(q, keys, values)

    for tokens in torch.arange(len(OF)).split(PATCHES):
        own = projections(*cameras).of(OF[tokens])
        part = (x[:, :, tokens] for x in qkv)
        outputs.append(PRoPE(own, ROPE[:, tokens]).attention(*part, attend))
    assert scaled_error(torch.cat(outputs, 2), attention(qkv, *cameras)) < 1e-14


def test_within_a_frame_cameras_cancel(qkv, cameras):
    within = partial(scaled_dot_product_attention, attn_mask=OF[:, None] == OF)
    out = attention(qkv, *cameras, attend=within)
    assert scaled_error(out, attention(qkv, None, STILL, attend=within)) < 1e-13


def test_rows_share_the_cameras_of_their_clip(qkv, cameras):
    """As patches do, each of which attends to its own past."""
    rows = tuple(torch.cat([x[:1], x[:1] + 1, x[1:], x[1:] - 1]) for x in qkv)
    out = attention(rows, *cameras)
    for row, clip in enumerate((0, 0, 1, 1)):
        one = tuple(x[row : row + 1] for x in rows)
        alone = attention(one, *(camera[clip : clip + 1] for camera in cameras))
        assert scaled_error(out[row : row + 1], alone) < 1e-14


@pytest.mark.parametrize(("scale", "tolerance"), [(0.1, 1e-5), (1.0, 1e-5), (10.0, 1e-4)])
def test_float32_is_enough_for_translations_of_about_one(qkv, cameras, scale, tolerance):
    intrinsics, poses = cameras
    moved = poses.clone()
    moved[..., :3, 3] *= scale
    single = attention([x.float() for x in qkv], intrinsics.float(), moved.float(), ROPE.float())
    assert scaled_error(single.double(), attention(qkv, intrinsics, moved)) < tolerance


def test_autocast_does_not_touch_the_projections(qkv, cameras):
    half = [x.bfloat16() for x in qkv]
    given = [c.float() for c in cameras]
    with torch.autocast("cpu", torch.bfloat16):
        found = projections(*given)
        out = PRoPE(found.of(OF), ROPE.float()).attention(*half, causal)
    assert found.matrix.dtype == torch.float32
    assert torch.equal(found.matrix, projections(*given).matrix)
    assert scaled_error(out.double(), attention(qkv, *cameras)) < 0.05
