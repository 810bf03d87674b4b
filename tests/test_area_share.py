"""The interval of a share of a map's cells."""

import numpy as np
import pytest

from studies.statistics.area_share import area_interval
from studies.statistics.intervals import wilson

U = (np.arange(16) + 0.5) / 16
X, Y = np.meshgrid(U, U, indexing="ij")
FIELDS = {
    "constant": np.full((16, 16), 0.4),
    "soft": 1 / (1 + np.exp(8 * (X + Y - 1))),
    "sharp": 1 / (1 + np.exp(60 * (X - 0.37 - 0.2 * Y))),
    "spot": 0.9 * np.exp(-((X - 0.7) ** 2 + (Y - 0.3) ** 2) / 0.01),
}


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("name", FIELDS)
def test_the_interval_covers_the_mean_of_the_true_shares(name: str, seeds: int) -> None:
    field, random = FIELDS[name], np.random.default_rng(seeds)
    intervals = np.array([area_interval(random.binomial(seeds, field) / seeds) for _ in range(400)])
    covered = ((intervals[:, 0] <= field.mean()) & (field.mean() <= intervals[:, 1])).mean()
    assert covered >= 0.925


def test_the_interval_of_cells_in_two_halves_is_much_narrower_than_that_of_random_draws() -> None:
    halves = np.where(X < 0.5, 1.0, 0.0)
    low, high = area_interval(halves)
    random_low, random_high = wilson(128, 256)
    assert low < 0.5 < high
    assert high - low < 0.3 * (random_high - random_low)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_equal_cells_have_the_interval_of_as_many_random_draws(share: float) -> None:
    assert area_interval(np.full((4, 6), share)) == pytest.approx(wilson(round(24 * share), 24), abs=1e-12)


def test_neighbours_across_untrained_cells_count() -> None:
    """Differences 1, 1 in the row and none in columns of one cell: v = 1/2, p = 2/3, n = 3 (2/9) / (1/2) = 4/3."""
    shares = np.array([[1.0], [np.nan], [0.0], [np.nan], [1.0]])
    z2, p, n = 1.959963984540054**2, 2 / 3, 4 / 3
    middle, root = (p + z2 / (2 * n)) / (1 + z2 / n), np.sqrt(p * (1 - p) / n + z2 / (4 * n**2)) * np.sqrt(z2)
    expected = (max(0, middle - root / (1 + z2 / n)), min(1, middle + root / (1 + z2 / n)))
    assert area_interval(shares) == pytest.approx(expected, rel=1e-12)


def test_the_order_of_the_axes_does_not_matter() -> None:
    shares = np.random.default_rng(3).binomial(1, FIELDS["soft"]).astype(float)
    assert area_interval(shares) == pytest.approx(area_interval(shares.T), rel=1e-12)


def test_a_map_without_a_trained_cell_has_no_interval() -> None:
    with pytest.raises(ValueError, match="holds none"):
        area_interval(np.full((2, 2), np.nan))
