"""How cameras condition NanoWM: an embedding of their motion, or PRoPE.

In space alone PRoPE has no effect: the patches of a frame share its camera, which cancels.
"""

import torch
from torch import Tensor, nn

from pipeline.denoisers import Size
from pipeline.denoisers.nanowm.layers import Embedder
from pipeline.denoisers.nanowm.prope import GROUP, PRoPE, product, projections
from pipeline.errors import ParamsError
from pipeline.latents.cameras import INTRINSICS, POSE

BRANCHES = "prope", "prope_branch", "joint"
"""Values of `camera` that give attention a second branch."""
EMBEDDED = 6 + 3 + 2
"""Numbers of a motion that are embedded: rotation, translation, focal lengths."""


def check_cameras(place: str, camera: str, head_dim: int, size: Size) -> None:
    """Check that cameras can condition a network.

    Args:
        place: of the network's options in params.yaml, for errors.
        camera: token, prope, prope_branch or joint.
        head_dim: features of a head.
        size: of the data.

    Raises:
        ParamsError: there are no cameras, or heads cannot be cut into halves of groups.
    """
    if not size.motion_dim:
        raise ParamsError(f"{place}.camera = {camera!r}, but the data has no cameras; choose none")
    if camera != "token" and head_dim % (2 * GROUP):
        raise ParamsError(
            f"{place}.camera = {camera!r} needs heads of a multiple of {2 * GROUP} features, but "
            f"{place}.size has {head_dim}; choose another width or number of heads"
        )


class CameraEmbedder(nn.Module):
    """Embeds the motion that led to a frame; at first as zeros, which leave a network as it is."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embedder = Embedder(EMBEDDED, hidden)
        for parameter in self.embedder.mlp[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, motions: Tensor) -> Tensor:
        """Motions [..., MOTION] to embeddings [..., D].

        The rotation enters as its first two columns, in which it is continuous (Zhou et al. 2019).
        """
        _, following, pose = motions.split([INTRINSICS, INTRINSICS, POSE], -1)
        columns = pose.unflatten(-1, (3, 4))[..., [0, 1, 3]].flatten(-2)
        return self.embedder(torch.cat([columns, following[..., :2]], -1))


def cameras_of(motions: Tensor) -> tuple[Tensor, Tensor]:
    """Intrinsics [B, F, 4] and poses [B, F, 4, 4], relative to the first frame, of F frames.

    Args:
        motions: from each frame to the next [B, F, MOTION]; of the last one nothing is used, of the
            first one the intrinsics of its own frame are.
    """
    own, following, upper = motions.split([INTRINSICS, INTRINSICS, POSE], -1)
    intrinsics = torch.cat([own[:, :1], following[:, :-1]], 1)
    steps = upper.unflatten(-1, (3, 4))  # [B, F, 3, 4]
    last = steps.new_tensor([0, 0, 0, 1]).expand(*steps.shape[:2], 1, 4)
    pose = torch.eye(4, dtype=motions.dtype, device=motions.device).expand(len(motions), 4, 4)
    poses = [pose]
    for step in torch.cat([steps, last], 2)[:, :-1].unbind(1):
        poses.append(pose := product(step, pose))
    return intrinsics, torch.stack(poses, 1)


def encoding(motions: Tensor, positions: Tensor, rope: Tensor, patches: int | None) -> PRoPE:
    """PRoPE of frames at `positions` [T]: as many features of a head by rope as it has.

    The others go by cameras.

    Args:
        motions: from each frame of the window to the next, [B, F, MOTION].
        positions: int64 [T].
        rope: [2, F, r] of frames in time; [2, P, r] of patches in space.
        patches: P, for the encoding of all patches of each frame, [B, T P, 4, 4]; None for that of
            frames, [B, T, 4, 4].
    """
    intrinsics, poses = cameras_of(motions)
    of_frames = projections(intrinsics[:, positions], poses[:, positions])
    if patches is None:
        return PRoPE(of_frames, rope[:, positions])
    frames = torch.arange(len(positions), device=positions.device)
    tokens = of_frames.of(frames.repeat_interleave(patches))
    return PRoPE(tokens, rope.repeat(1, len(positions), 1))
