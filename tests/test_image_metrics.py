"""PSNR and SSIM are those of the reference."""

import pytest
import torch
from helpers import golden

from pipeline.image_metrics import psnr, ssim


def images():
    arrays = golden("metrics")
    exact = [(arrays(name) + 1) * 127.5 for name in "ab"]
    return arrays, exact, [image.round().to(torch.uint8) for image in exact]


def test_psnr_is_the_references_up_to_rounding_to_8_bits():
    arrays, _, (a, b) = images()
    torch.testing.assert_close(psnr(a, b), arrays("psnr"), atol=0.02, rtol=0)


def test_ssim_is_the_references_up_to_rounding_to_8_bits():
    arrays, _, (a, b) = images()
    torch.testing.assert_close(ssim(a, b), arrays("ssim"), atol=5e-4, rtol=0)


def test_psnr_of_one_grey_level():
    a = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8)
    assert float(psnr(a, a + 1)) == pytest.approx(48.13, abs=0.01)
    assert float(psnr(a, a)) == pytest.approx(80)
