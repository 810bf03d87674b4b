"""Kernel distance: the definition by loops, unbiasedness, standardisation, chunks."""

import numpy as np
import pytest
import torch

from gan_core.metrics import KernelReference, kernel, kernel_distance

pytestmark = pytest.mark.shapes


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(real, fake):
    """The unbiased estimate of the squared maximum mean discrepancy, term by term."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    m, n = len(real), len(fake)
    within_real = sum(k(real[i], real[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_fake = sum(k(fake[i], fake[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_real + within_fake - 2 * sum(k(x, y) for x in real for y in fake) / (m * n)


@pytest.mark.parametrize(("m", "n"), [(12, 12), (9, 14)])
def test_it_equals_the_definition_on_standardised_features(m, n):
    real, fake = 5 * normal(m, 4) + 2, 4 * normal(n, 4, seed=1)
    scale = real.var(0, correction=0).mean().sqrt()
    standardised = [((samples - real.mean(0)) / scale).numpy() for samples in (real, fake)]
    found = kernel_distance(KernelReference.of(real), fake).item()
    assert found == pytest.approx(by_loops(*standardised), rel=1e-10)


def test_its_mean_over_samples_of_one_distribution_is_0():
    values = [
        kernel_distance(KernelReference.of(normal(40, 3, seed=s)), normal(30, 3, seed=s + 500)) for s in range(400)
    ]
    assert np.mean(values) == pytest.approx(0, abs=float(4 * np.std(values) / 20))
    assert min(values) < 0 < max(values)


def test_unit_and_origin_of_the_features_do_not_matter():
    real, fake = normal(60, 5), normal(50, 5, seed=1) + 0.5
    expected = kernel_distance(KernelReference.of(real), fake)
    found = kernel_distance(KernelReference.of(1000 * real + 7), 1000 * fake + 7)
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)


def test_a_feature_without_spread_among_real_samples_does_not_dominate():
    real, fake = normal(60, 5), normal(50, 5, seed=1)
    flat = torch.zeros(60, 1, dtype=torch.float64), 1e-3 * normal(50, 1, seed=2)
    before = kernel_distance(KernelReference.of(real), fake)
    after = kernel_distance(KernelReference.of(torch.cat([real, flat[0]], 1)), torch.cat([fake, flat[1]], 1))
    assert after.item() == pytest.approx(before.item(), abs=0.1)


def test_constant_real_samples_have_a_finite_distance():
    constant = torch.ones(20, 3, dtype=torch.float64)
    assert kernel_distance(KernelReference.of(constant), constant).item() == 0


def test_blocks_of_rows_do_not_change_it(monkeypatch):
    real, fake = normal(70, 6), normal(50, 6, seed=1)
    whole = kernel_distance(KernelReference.of(real), fake)
    monkeypatch.setattr(kernel, "ROWS", 7)
    assert kernel_distance(KernelReference.of(real), fake).item() == pytest.approx(whole.item(), rel=1e-12)
