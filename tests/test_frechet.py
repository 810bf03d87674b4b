"""Frechet distance: closed forms, the formula with a matrix square root, singular covariances, members, references."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from small_gans import SMALL_EVALUATION, blob, real_samples

from gan_core.metrics import Fakes, FrechetDistance, frechet_distance, moments

pytestmark = pytest.mark.shapes


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of_gaussians(real, fake):
    """The textbook formula, by scipy's matrix square root; fails for singular covariances."""
    difference = real.mean(0) - fake.mean(0)
    covariances = np.cov(real.T), np.cov(fake.T)
    root = sqrtm(covariances[0] @ covariances[1]).real
    return difference @ difference + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root)


@pytest.mark.parametrize("dim", [2, 7, 40])
def test_it_equals_the_formula_with_a_matrix_square_root(dim):
    real, fake = normal(300, dim) @ normal(dim, dim, seed=1), 0.7 * normal(200, dim, seed=2) + 0.3
    expected = of_gaussians(real.numpy(), fake.numpy())
    assert frechet_distance(*moments(real), fake).item() == pytest.approx(expected, rel=1e-6)


def test_a_shift_adds_its_squared_length():
    """Equal covariances leave |m_real - m_fake|^2 alone."""
    real = normal(50, 3)
    shifted = real + torch.tensor([3.0, 0.0, 4.0])
    assert frechet_distance(*moments(real), shifted).item() == pytest.approx(25, rel=1e-12)
    assert frechet_distance(*moments(real), real).item() == pytest.approx(0, abs=1e-12)


def test_samples_stretched_by_a_factor_differ_by_their_deviations():
    """(1 - s)^2 times the sum of the variances."""
    real = normal(80, 5)
    centred = real - real.mean(0)
    variance = real.var(0).sum().item()
    assert frechet_distance(*moments(centred), 3 * centred).item() == pytest.approx(4 * variance, rel=1e-10)


def test_fewer_fakes_than_features_give_the_limit_of_regular_covariances():
    """The formula with 1e-9 on the diagonal, by scipy; the covariance of 20 fakes in 40 dimensions has rank 19."""
    real, fake = normal(300, 40).numpy(), normal(20, 40, seed=1).numpy()
    covariances = [np.cov(samples.T) + 1e-9 * np.eye(40) for samples in (real, fake)]
    difference = real.mean(0) - fake.mean(0)
    expected = difference @ difference + sum(np.trace(one) for one in covariances)
    expected -= 2 * np.trace(sqrtm(covariances[0] @ covariances[1]).real)
    found = frechet_distance(*moments(torch.from_numpy(real)), torch.from_numpy(fake)).item()
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_constant_is_as_far_as_its_distance_from_the_mean_and_the_variances():
    real = normal(90, 4)
    constant = torch.ones(60, 4, dtype=torch.float64)
    expected = (1 - real.mean(0)).square().sum() + real.var(0).sum()
    assert frechet_distance(*moments(real), constant).item() == pytest.approx(expected.item(), rel=1e-10)


def test_features_of_all_members_are_extracted_once_and_members_do_not_mix():
    data = replace(blob(dim=64), shape=(1, 8, 8))
    real = real_samples(data, SMALL_EVALUATION)
    fakes = 0.3 * normal(3, SMALL_EVALUATION.samples, 64)
    fake = Fakes(fakes)
    together = FrechetDistance().measure(real, fake)
    assert fake.features(real) is fake.features(real)
    for member in range(3):
        alone = FrechetDistance().measure(real, Fakes(fakes[member : member + 1]))
        assert torch.equal(alone[0], together[member])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 1e200])
def test_features_that_are_not_finite_or_overflow_give_nan(bad):
    real, fake = normal(50, 3), normal(50, 3, seed=1)
    fake[4, 1] = bad
    assert frechet_distance(*moments(real), fake).isnan()
