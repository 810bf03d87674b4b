"""Precision, recall, density, coverage: exact values on a line, scikit-learn's neighbours, the mean of coverage."""

from math import comb

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from small_gans import real_samples

from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings
from gan_core.features import PixelFeatures
from gan_core.metrics import Balls, Fakes, neighbour_metrics
from gan_core.metrics.neighbours import ROWS, Density, Recall

pytestmark = pytest.mark.shapes


def on_line(*coordinates):
    """Points of a line, (points, 1)."""
    return torch.tensor(coordinates, dtype=torch.float64)[:, None]


def shares(real, fake, neighbours):
    """Precision and coverage of one seed."""
    metrics = neighbour_metrics(Balls.around(real, neighbours), fake[None])
    return metrics["precision"].item(), metrics["coverage"].item()


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- exact values


@pytest.mark.parametrize(
    ("neighbours", "radii"), [(1, [1, 1, 2, 6]), (2, [3, 2, 3, 8]), (3, [9, 8, 6, 9])], ids=["one", "two", "three"]
)
def test_the_radius_of_a_ball_is_the_distance_to_the_kth_nearest_other_point(neighbours, radii):
    """Points 0, 1, 3 and 9."""
    assert Balls.around(on_line(0, 1, 3, 9), neighbours).squared_radii.sqrt().tolist() == radii


def test_shares_on_a_line_are_those_counted_by_hand():
    """The balls of 0, 1, 3 and 9 are [-1, 1], [0, 2], [1, 5] and [3, 15].

    Of -2, 2, 2.5, 20 and 21 two lie in a ball: 2 in those of 1 and 3, 2.5 in that of 3.
    """
    assert shares(on_line(0, 1, 3, 9), on_line(-2, 2, 2.5, 20, 21), 1) == (2 / 5, 2 / 4)


@pytest.mark.parametrize(("coordinate", "expected"), [(15, (1, 1 / 4)), (15.001, (0, 0)), (-1, (1, 1 / 4))])
def test_a_ball_includes_its_surface(coordinate, expected):
    assert shares(on_line(0, 1, 3, 9), on_line(coordinate), 1) == expected


def test_real_samples_against_themselves_have_precision_and_coverage_one():
    real = normal(50, 4)
    for neighbours in (1, 5, 49):
        assert shares(real, real, neighbours) == (1, 1)


@pytest.mark.parametrize(
    ("size", "dtype"), [(1e3, torch.float32), (-3e38, torch.float32), (3e38, torch.float32), (1e308, torch.float64)]
)
def test_fakes_far_from_all_real_samples_have_precision_and_coverage_zero(size, dtype):
    """Also if the square of a coordinate overflows."""
    fakes = size * (1 + normal(30, 4, seed=1).abs() / 100).to(dtype)
    assert fakes.isfinite().all()
    assert shares(normal(50, 4), fakes, 5) == (0, 0)


def test_float32_and_float64_fakes_have_the_same_shares():
    real, fake = normal(200, 64).float(), normal(300, 64, seed=1).float()
    assert shares(real, fake, 5) == shares(real, fake.double(), 5)


@pytest.mark.parametrize("covered", [1, 3, 4])
def test_coverage_of_some_modes_is_their_share_of_all_modes(covered):
    """Four modes of 10 points, far from each other: no ball to the third neighbour reaches another mode."""
    modes = normal(4, 10, 2) + 1e4 * torch.arange(4.0)[:, None, None]
    assert shares(modes.flatten(0, 1), modes[:covered].flatten(0, 1), 3) == (1, covered / 4)


def test_one_real_sample_repeated_has_precision_one_and_covers_only_its_neighbourhood():
    """Points 1, 2, 4, 8, ...: the last one lies in no ball but its own."""
    real = on_line(*(2.0**k for k in range(20)))
    assert shares(real, real[-1:].repeat(100, 1), 1) == (1, 1 / 20)


def test_mean_coverage_of_equal_distributions_has_its_exact_value_for_any_distribution():
    """1 - C(m-1, k) / C(n+m-1, k): one minus the chance that no fake is among the k nearest of all other samples."""
    m, n, k = 20, 30, 3
    rng = np.random.default_rng(0)
    for draw in (rng.standard_normal, rng.standard_cauchy, rng.standard_exponential):
        coverage = [shares(torch.from_numpy(draw((m, 2))), torch.from_numpy(draw((n, 2))), k)[1] for _ in range(300)]
        error = np.std(coverage) / 300**0.5
        assert np.mean(coverage) == pytest.approx(1 - comb(m - 1, k) / comb(n + m - 1, k), abs=4 * error)
        assert error < 0.005


# --- other implementations


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize(("dim", "width"), [(2, 1.0), (64, 1.0), (64, 0.7), (5, 3.0)])
def test_shares_are_those_from_scikit_learns_nearest_neighbours(dim, width, neighbours):
    real, fake = normal(120, dim), width * normal(90, dim, seed=1)
    fitted = NearestNeighbors(n_neighbors=neighbours).fit(real.numpy())
    radii = fitted.kneighbors()[0][:, -1]  # called without points, it excludes each point itself
    distances = np.linalg.norm(fake.numpy()[:, None] - real.numpy(), axis=-1)
    assert shares(real, fake, neighbours) == ((distances <= radii).any(1).mean(), (distances <= radii).any(0).mean())


def test_blocks_of_rows_do_not_change_the_values():
    """Three copies, which need several blocks, have the shares of one copy; so have radii of more than a block."""
    real, fake = normal(ROWS // 2, 3), 2 * normal(ROWS // 2 + 7, 3, seed=1)
    assert shares(real, fake.repeat(3, 1), 4) == shares(real, fake, 4)
    many = normal(ROWS + 9, 3)
    distances = torch.cdist(many, many, compute_mode="donot_use_mm_for_euclid_dist")
    expected = distances.sort().values[:, 4]
    assert torch.allclose(Balls.around(many, 4).squared_radii.sqrt(), expected, rtol=1e-9)


# --- the seed axis


def test_a_seed_alone_has_the_same_shares_as_among_others():
    balls = Balls.around(normal(80, 64), 5)
    fakes = normal(6, 100, 64, seed=1) * torch.linspace(0.9, 1.4, 6)[:, None, None]
    together = neighbour_metrics(balls, fakes)
    assert len(set(together["precision"].tolist())) > 3
    for seed in range(6):
        alone = neighbour_metrics(balls, fakes[seed : seed + 1])
        assert all(torch.equal(alone[name][0], together[name][seed]) for name in together)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_nonfinite_fake_makes_the_shares_of_its_seed_nan_and_of_no_other(bad):
    balls, clean = Balls.around(normal(80, 3), 5), normal(3, 100, 3, seed=1)
    poisoned = clean.clone()
    poisoned[1, 5, 0] = bad
    before, after = neighbour_metrics(balls, clean), neighbour_metrics(balls, poisoned)
    for name in ("precision", "coverage"):
        assert after[name][1].isnan()
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]])


# --- the number of neighbours


@pytest.mark.parametrize("neighbours", [1, 79])
def test_neighbours_may_be_as_many_as_there_are_other_samples(neighbours):
    assert (Balls.around(normal(80, 3), neighbours).squared_radii > 0).all()


def test_neighbours_must_be_fewer_than_the_real_samples():
    with pytest.raises(ValueError, match=r"^neighbours: must be < 80, the number of real samples, but is 80$"):
        Balls.around(normal(80, 3), 80)


# --- recall and density


def recall_and_density(real, fake, neighbours):
    """Values of the metrics on images whose features are their pixels."""
    data = Dataset(
        name="images", train=real, validation=real, test=real, shape=(1, 1, real.shape[1]), bounded=False
    )  # the same samples in every split: the metrics read one of them
    settings = EvaluationSettings(samples=50, features=PixelFeatures(), neighbours=neighbours)
    samples, fakes = real_samples(data, settings), Fakes(torch.from_numpy(fake)[None].double())
    return Recall().measure(samples, fakes).item(), Density().measure(samples, fakes).item()


def test_recall_and_density_on_a_line_are_those_counted_by_hand():
    """The balls of -2, 2, 2.5, 20 and 21 are [-6, 2], [1.5, 2.5], [2, 3], [19, 21] and [20, 22], those of 0, 1, 3 and 9
    [-1, 1], [0, 2], [1, 5] and [3, 15].

    Of the real samples 0, 1, 3 and 9 three lie in the ball of a fake; fakes lie three times in the ball of a real one.
    """
    real, fake = np.array([[0.0], [1], [3], [9]]), np.array([[-2.0], [2], [2.5], [20], [21]])
    assert recall_and_density(real, fake, 1) == (3 / 4, 3 / 5)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_recall_and_density_equal_their_definitions_term_by_term(neighbours):
    real, fake = normal(60, 3).numpy(), (1.2 * normal(70, 3, seed=1)).numpy()

    def radii(samples):
        return np.array([np.sort(np.linalg.norm(samples - one, axis=1))[neighbours] for one in samples])

    distance = np.array([[np.linalg.norm(one - other) for other in fake] for one in real])
    recall = np.mean([any(distance[i] <= radii(fake)) for i in range(60)])
    density = sum(distance[i, j] <= radii(real)[i] for i in range(60) for j in range(70)) / (neighbours * 70)
    assert recall_and_density(real, fake, neighbours) == pytest.approx((recall, density), rel=1e-12)


def test_copies_of_few_samples_have_no_recall():
    """Six copies of each: the ball that reaches to the fifth nearest other fake has radius 0."""
    real = normal(60, 3).numpy()
    recall, density = recall_and_density(real, np.repeat(normal(10, 3, seed=1).numpy(), 6, axis=0), 5)
    assert recall == 0
    assert density > 0.3
