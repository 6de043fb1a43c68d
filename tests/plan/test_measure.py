"""Spaces in which frames are compared."""

import torch

from pipeline.plan.measure import gaussian_blur


def test_a_blurred_point_is_a_gaussian_and_edges_repeat():
    image = torch.zeros(1, 2, 9, 13)
    image[0, 0, 4, 6], image[0, 1] = 1.0, 0.5
    point, constant = gaussian_blur(image, 1.0)[0]
    y, x = torch.meshgrid(torch.arange(9) - 4.0, torch.arange(13) - 6.0, indexing="ij")
    gaussian = torch.exp(-(x**2 + y**2) / 2).where((x.abs() <= 3) & (y.abs() <= 3), 0)
    torch.testing.assert_close(point, gaussian / gaussian.sum())
    torch.testing.assert_close(constant, image[0, 1])
    assert gaussian_blur(image, 0.0) is image
