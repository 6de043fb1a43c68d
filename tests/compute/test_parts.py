"""Functions of many frames, a few at a time."""

import torch

from pipeline.compute.parts import AT_ONCE, in_parts
from pipeline.metrics.images import ssim


def test_rows_are_those_of_all_at_once_but_never_many_are():
    seen = []

    def added(a, b):
        seen.append(len(a))
        return a + b

    a, b = torch.rand(2, 2 * AT_ONCE + 3, 5)
    assert torch.equal(in_parts(added, a, b), a + b)
    assert seen == [AT_ONCE, AT_ONCE, 3]


def test_no_frames_give_no_rows():
    assert ssim(torch.rand(0, 3, 16, 16), torch.rand(0, 3, 16, 16)).shape == (0,)
