"""Mode metrics of known mixtures: values of a perfect sampler, of uniform noise, and of collapsed generators."""

from math import exp, log

import numpy as np
import pytest
import torch

from gan_core.data import Grid, Ring
from gan_core.metrics import mode_metrics, occupied_cells

pytestmark = pytest.mark.shapes

N = 2500


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def drawn(data, *shape, seed=0):
    """New samples of the true distribution, (seeds, samples, 2)."""
    points = data.draw(int(np.prod(shape)), np.random.default_rng([1, seed]))
    return torch.from_numpy(points.reshape(*shape, 2))


def centers_of(data):
    return torch.from_numpy(data.known_modes.centers)


@pytest.mark.parametrize("data", [Ring(), Grid()], ids=["ring", "grid"])
def test_a_perfect_sampler_covers_all_modes_with_98_889_percent_of_high_quality_and_no_divergence(data):
    """Over 200 seeds of 2500: the share's deviation is sqrt(p (1-p) / 500,000); that of one KL sqrt((K-1)/2)/n."""
    metrics = mode_metrics(drawn(data, 200, N), data.known_modes)
    count = len(data.known_modes.centers)
    perfect = 1 - exp(-4.5)
    assert perfect == pytest.approx(0.98889, abs=5e-6)
    assert (metrics["modes_covered"] == count).all()
    assert metrics["high_quality"].mean().item() == pytest.approx(
        perfect, abs=4 * (perfect * (1 - perfect) / (200 * N)) ** 0.5
    )
    deviation = ((count - 1) / 2) ** 0.5 / N
    assert metrics["mode_kl"].std().item() == pytest.approx(deviation, rel=0.25)
    assert metrics["mode_kl"].mean().item() == pytest.approx(0, abs=4 * deviation / 200**0.5)


@pytest.mark.parametrize("n", [100, 400, 2500])
def test_mean_divergence_of_a_perfect_sampler_is_zero_for_any_number_of_samples(n):
    """Without (K-1)/(2n) the mean would be 24/(2n), dozens of deviations off; at n = 100 terms of 1/n^2 are 4 %."""
    kl = mode_metrics(drawn(Grid(), 300, n), Grid().known_modes)["mode_kl"]
    bias = 24 / (2 * n)
    assert kl.mean().item() == pytest.approx(0, abs=4 * 12**0.5 / n / 300**0.5 + bias * 5 / n)


def test_uniform_noise_covers_no_mode_though_it_occupies_every_cell():
    """On average 2500 x 25 x pi (.15)^2 / 9^2 / 25 = 2.2 of high quality in each mode, where 10 are needed."""
    noise = torch.from_numpy(np.random.default_rng(0).uniform(-4.5, 4.5, (20, N, 2)))
    metrics = mode_metrics(noise, Grid().known_modes)
    assert (metrics["modes_covered"] == 0).all()
    expected = 25 * np.pi * 0.15**2 / 81
    assert metrics["high_quality"].mean().item() == pytest.approx(expected, abs=4 * (expected / (20 * N)) ** 0.5)
    assert (occupied_cells(noise, centers_of(Grid()).double()) == 25).all()
    nearest = torch.cdist(noise[0], centers_of(Grid()).double()).min(0).values
    assert (nearest <= 0.15).sum() > 18  # if one sample covered a mode, noise would cover most of them


@pytest.mark.parametrize("data", [Ring(), Grid()], ids=["ring", "grid"])
def test_a_generator_of_one_mode_covers_one_and_diverges_by_log_k(data):
    modes = data.known_modes
    count = len(modes.centers)
    fake = torch.from_numpy(modes.centers[3] + modes.sigma * normal(2, N, 2))
    metrics = mode_metrics(fake, modes)
    assert metrics["modes_covered"].tolist() == [1, 1]
    assert metrics["mode_kl"].tolist() == pytest.approx([log(count) - (count - 1) / (2 * N)] * 2, rel=1e-12)
    assert occupied_cells(fake, centers_of(data).double()).tolist() == [1, 1]


def test_a_mode_is_covered_from_a_tenth_of_its_fair_share_of_high_quality_samples():
    """400 samples and 8 modes: a fair share is 50, a tenth of it 5; more than three sigma is not of high quality."""
    centers = centers_of(Ring())
    for near, far, covered in ((4, 0, 1), (5, 0, 2), (4, 9, 1), (6, 9, 2)):
        rest = 400 - near - far
        outside = centers[2:3] + torch.tensor([[0.0, 0.0301]])
        fake = torch.cat([centers[:1].expand(rest, 2), centers[2:3].expand(near, 2), outside.expand(far, 2)])
        metrics = mode_metrics(fake[None], Ring().known_modes)
        assert metrics["modes_covered"].item() == covered
        assert metrics["high_quality"].item() == pytest.approx(1 - far / 400, rel=1e-12)


def test_high_quality_ends_at_three_sigma_also_in_float32():
    """At a distance of 4 sqrt(2) from 0, where distances by matrix products have errors of .001."""
    grid = Grid(sigma=0.001)
    for factor, share in ((0.99, 1.0), (1.01, 0.0)):
        angle = torch.linspace(0, 6, 100)
        circle = factor * 0.003 * torch.stack([angle.cos(), angle.sin()], dim=1)
        fake = (circle + torch.tensor([4.0, -4.0])).float()
        assert mode_metrics(fake[None], grid.known_modes)["high_quality"].item() == share


def test_divergence_includes_samples_of_low_quality():
    """Inside one half of the ring: nothing of high quality, and 4 of 8 modes are log 2."""
    fake = 0.9 * centers_of(Ring())[:4].repeat(100, 1)
    metrics = mode_metrics(fake[None], Ring().known_modes)
    assert metrics["high_quality"].item() == 0
    assert metrics["modes_covered"].item() == 0
    assert metrics["mode_kl"].item() == pytest.approx(log(2) - 7 / 800, rel=1e-12)
