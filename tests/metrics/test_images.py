"""PSNR and SSIM are those of the reference."""

import pytest
import torch
from helpers import golden

from pipeline.errors import DataError
from pipeline.metrics.images import frechet, mse, psnr, ssim


def images():
    arrays = golden("metrics")
    exact = [(arrays(name) + 1) * 127.5 for name in "ab"]
    return arrays, exact, [image.round().to(torch.uint8) for image in exact]


@pytest.mark.parametrize(("name", "score"), [("psnr", psnr), ("ssim", ssim)])
def test_scores_of_floats_are_the_references(name, score):
    """Of what networks draw: in -1..1, clamped and mapped to 0..1, never rounded to bytes."""
    arrays, (a, b), rounded = images()
    torch.testing.assert_close(score(a / 255, b / 255, peak=1), arrays(name), atol=2e-6, rtol=1e-6)
    assert (score(*rounded) - arrays(name)).abs().max() > 1e-5


def test_ssim_of_images_smaller_than_its_window_is_refused():
    assert ssim(torch.zeros(2, 3, 11, 11), torch.zeros(2, 3, 11, 11)).tolist() == [1, 1]
    small = torch.zeros(1, 3, 10, 64)
    with pytest.raises(DataError, match=r"10 x 64 pixels, but .* 11 x 11; .* \[11, 64\] or more"):
        ssim(small, small)


def test_psnr_of_one_grey_level():
    a = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8)
    assert float(psnr(a, a + 1)) == pytest.approx(48.13, abs=0.01)
    assert float(psnr(a, a)) == pytest.approx(80)


def test_floats_score_as_the_bytes_that_they_stand_for():
    _, _, (a, b) = images()
    for score in (mse, psnr, ssim):
        torch.testing.assert_close(score(a / 255, b / 255, peak=1), score(a, b))


def test_the_squared_error_of_one_grey_level():
    a = torch.full((2, 3, 16, 16), 100, dtype=torch.uint8)
    torch.testing.assert_close(mse(a, a + 1), torch.full((2,), 255.0**-2))


def through_the_product(a, b):
    """The Frechet distance by the eigenvalues of A B itself, which is not symmetric."""
    a, b = a.double(), b.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(cov_a @ cov_b).sqrt().real.sum()
    return (a.mean(0) - b.mean(0)).square().sum() + (cov_a + cov_b).trace() - 2 * roots


@pytest.mark.parametrize("samples", [64, 12], ids=["full rank", "rank deficient"])
def test_the_frechet_distance_is_that_of_the_product_of_covariances(samples):
    arrays = golden("metrics")
    a, b = (arrays(f"fd_n64/{name}")[:samples] for name in "AB")
    torch.testing.assert_close(frechet(a, b), through_the_product(a, b), rtol=1e-6, atol=0)


def test_the_frechet_distance_of_scaled_and_shifted_features_is_known(generator):
    a = torch.randn((200, 5), generator=generator, dtype=torch.float64)
    torch.testing.assert_close(frechet(a, a + 2), torch.tensor(20.0).double())
    # (1 - 3)^2 tr A, if B = 9 A and the means agree.
    a = a - a.mean(0)
    torch.testing.assert_close(frechet(a, 3 * a), 4 * torch.cov(a.T).trace())
    assert float(frechet(a, a)) == pytest.approx(0, abs=1e-9)
