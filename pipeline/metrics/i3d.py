"""I3D (Carreira & Zisserman 2017), whose logits on Kinetics-400 are the features of the FVD.

An Inception of 3-D convolutions. Names are those of the usual PyTorch port, in which converted
weights of tfhub.dev/deepmind/i3d-kinetics-400 are published; padding is TensorFlow's SAME.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import DataError

EPS = 1e-3
"""Of batch normalisation in the authors' code, by default of Sonnet."""
LEAST_FRAMES, SIDE, CLASSES = 10, 224, 400
"""Fewest frames that leave two steps of time for the last pooling, pixels of a side, features."""
POOLS = {
    "MaxPool3d_4a_3x3": ((3, 3, 3), (2, 2, 2)),
    "MaxPool3d_5a_2x2": ((2, 2, 2), (2, 2, 2)),
}
"""Windows and strides."""
MIXED: dict[str, tuple[int, tuple[int, ...]]] = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "MaxPool3d_4a_3x3": (0, ()),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "MaxPool3d_5a_2x2": (0, ()),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Inputs and widths of the blocks after the stem, in order; without any, a pooling."""


def pad_same(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Pad [N, C, T, H, W] by zeros for ceil(size / stride) outputs, the odd one at the end."""
    pads: list[int] = []
    for size, width, step in zip(x.shape[2:], window, stride, strict=True):
        total = max(width - (size % step or step), 0)
        pads = [total // 2, total - total // 2, *pads]
    return functional.pad(x, pads)


class Unit(nn.Module):
    """A convolution, batch normalisation and ReLU; the logits have a bias instead of both."""

    def __init__(
        self, inputs: int, outputs: int, window: int = 1, stride: int = 1, *, eps: float | None
    ) -> None:
        """`eps` is that of the normalisation; None for the logits."""
        super().__init__()
        self.window, self.stride = (window,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(inputs, outputs, window, stride, bias=eps is None)
        self.bn = None if eps is None else nn.BatchNorm3d(outputs, eps)

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, C, T, H, W] to [N, outputs, ceil(T / stride), ...]."""
        x = self.conv3d(pad_same(x, self.window, self.stride))
        return x if self.bn is None else self.bn(x).relu()


class Pool(nn.Module):
    """Maximum over windows, padded by zeros as TensorFlow pads; it follows a ReLU."""

    def __init__(self, window: tuple[int, ...], stride: tuple[int, ...]) -> None:
        """Take sizes in time, height and width."""
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, C, T, H, W] to fewer in time and space."""
        return functional.max_pool3d(
            pad_same(x, self.window, self.stride), self.window, self.stride
        )


class Inception(nn.Module):
    """Four branches beside each other: 1, 1 and 3, 1 and 3, pooling and 1."""

    def __init__(self, inputs: int, widths: tuple[int, ...], eps: float) -> None:
        """Take the widths of b0, b1a, b1b, b2a, b2b and b3b."""
        super().__init__()
        self.b0 = Unit(inputs, widths[0], eps=eps)
        self.b1a = Unit(inputs, widths[1], eps=eps)
        self.b1b = Unit(widths[1], widths[2], 3, eps=eps)
        self.b2a = Unit(inputs, widths[3], eps=eps)
        self.b2b = Unit(widths[3], widths[4], 3, eps=eps)
        self.b3a = Pool((3, 3, 3), (1, 1, 1))
        self.b3b = Unit(inputs, widths[5], eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, inputs, T, H, W] to [N, sum of the branches, T, H, W]."""
        branches = self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))
        return torch.cat(branches, 1)


class I3D(nn.Module):
    """Videos to the logits of Kinetics-400, averaged over time."""

    def __init__(self, eps: float = EPS) -> None:
        """`eps` is that of batch normalisation."""
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2, eps=eps)
        self.MaxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64, eps=eps)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3, eps=eps)
        self.MaxPool3d_3a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        for name, (inputs, widths) in MIXED.items():
            pool = POOLS.get(name)
            self.add_module(name, Pool(*pool) if pool else Inception(inputs, widths, eps))
        self.logits = Unit(1024, CLASSES, eps=None)

    def forward(self, videos: Tensor) -> Tensor:
        """Videos float32 [N, 3, T, 224, 224] in -1..1 to logits [N, 400]; T is 10 or more."""
        x = videos
        for name, part in self.named_children():
            if name != "logits":
                x = part(x)
        x = self.logits(functional.avg_pool3d(x, (2, 7, 7), 1))
        return x.mean((2, 3, 4))


def fitted(state: Mapping[str, Tensor], own: Mapping[str, Tensor], place: str) -> dict[str, Tensor]:
    """A file's tensors under the names of the network.

    Archives name modules differently, but define them in the same order: units from the stem to
    the logits, within a block by branch. So where names differ, tensors are matched by order and by
    the ends of their names, and every shape is checked. The logits, which some define first, are
    known by their shape.

    Args:
        state: of the file, in the order of definition.
        own: of the network.
        place: the file, for errors.

    Raises:
        DataError: it is another network.
    """
    wanted = [name for name in own if not name.endswith("num_batches_tracked")]
    found = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    if set(found) != set(wanted):
        last = [key for key, value in found.items() if len(value) == CLASSES]
        ordered = [key for key in found if key not in last] + last
        if len(ordered) != len(wanted):
            raise DataError(
                f"{place}: holds {len(ordered)} tensors, an I3D {len(wanted)}; download it again"
            )
        found = {
            name: found[key] for name, key in zip(wanted, ordered, strict=True) if _ends(name, key)
        }
    for name in wanted:
        if name not in found or found[name].shape != own[name].shape:
            raise DataError(
                f"{place}: has no {name} of {list(own[name].shape)}, so it is no I3D of "
                "Kinetics-400; download it again"
            )
    return {name: found[name].float() for name in wanted}


def _ends(name: str, key: str) -> bool:
    return name.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]
