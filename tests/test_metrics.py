"""Distances and health of samples: exact in one dimension, by algebra in more, and by what real data look like."""

import numpy as np
import pytest
import torch
from games import SMALL_MEASURES, blob
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from torch.testing import assert_close

from gan_core.data import Digits
from gan_core.metrics import (
    Measures,
    Ruler,
    quantile_steps,
    sliced_wasserstein,
    sorted_projections,
    unit_directions,
)

CPU = torch.device("cpu")


def ruler_on(data, measures=SMALL_MEASURES, split="search", dtype=torch.float64):
    return Ruler(data, split, measures, device=CPU, dtype=dtype)


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


@pytest.fixture(scope="module")
def on_digits(digits):
    return ruler_on(digits, Measures(), dtype=torch.float32)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distance(real, fake, directions):
    return sliced_wasserstein(sorted_projections(real, directions), sorted_projections(fake, directions))


def directions_in(dim, count=40):
    return torch.from_numpy(np.ascontiguousarray(unit_directions(count, dim)))


# --- the contract of every measure: one value per seed, a seed alone as among others


@pytest.mark.parametrize("measure", ["distance", "cells", "spread"])
def test_measures_have_one_value_per_seed_and_a_seed_alone_has_the_same(measure):
    ruler, fakes = ruler_on(blob()), 0.3 * normal(4, 64, 3) * torch.tensor([0.01, 0.5, 1.0, 3.0])[:, None, None]
    together = getattr(ruler, measure)(fakes)
    assert together.shape == (4,)
    assert len(set(together.tolist())) > 1
    for seed in range(4):
        assert_close(getattr(ruler, measure)(fakes[seed : seed + 1]), together[seed : seed + 1], rtol=1e-13, atol=0)


@pytest.mark.parametrize("measure", ["distance", "cells", "spread"])
def test_nan_in_one_seeds_samples_stays_with_that_seed(measure):
    ruler, fakes = ruler_on(blob()), 0.3 * normal(3, 64, 3)
    poisoned = fakes.clone()
    poisoned[1, 5] = torch.nan
    clean, sick = getattr(ruler, measure)(fakes), getattr(ruler, measure)(poisoned)
    assert torch.equal(clean[[0, 2]], sick[[0, 2]])
    assert measure == "cells" or sick[1].isnan()


def test_a_second_ruler_measures_the_same_to_the_last_bit(digits):
    fakes = 0.5 * normal(2, 100, 64).float()
    first, second = (ruler_on(digits, Measures(samples=100, directions=32), dtype=torch.float32) for _ in range(2))
    for measure in ("distance", "cells", "spread"):
        assert torch.equal(getattr(first, measure)(fakes), getattr(second, measure)(fakes))
    assert first.lines == second.lines
    assert first.real_cells == second.real_cells


def test_search_and_confirm_are_measured_against_different_samples():
    fakes = 0.3 * normal(1, 64, 3)
    search, confirm = (ruler_on(blob(), split=split).distance(fakes).item() for split in ("search", "confirm"))
    assert search != confirm
    assert search == pytest.approx(confirm, rel=0.3)


# --- sliced Wasserstein: exact where algebra knows it

numbers = st.floats(-100, 100, allow_subnormal=False)
samples = st.lists(numbers, min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(real=samples, fake=samples)
def test_one_dimensional_distance_is_scipys_at_any_two_sizes(real, fake):
    first, second = (torch.tensor(points, dtype=torch.float64).sort().values[None] for points in (real, fake))
    assert sliced_wasserstein(first, second).item() == pytest.approx(wasserstein_distance(real, fake), abs=1e-11)


@settings(deadline=None, max_examples=60)
@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_equal_sizes_compare_sorted_samples_one_by_one(pairs):
    real, fake = (torch.tensor(points, dtype=torch.float64).sort().values for points in zip(*pairs, strict=True))
    expected = (real - fake).abs().mean().item()
    assert sliced_wasserstein(real[None], fake[None]).item() == pytest.approx(expected, abs=1e-11)


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 60), m=st.integers(1, 60))
def test_quantile_steps_cover_the_unit_interval_and_give_every_sample_its_weight(n, m):
    of_n, of_m, length = quantile_steps(n, m)
    assert (length > 0).all()
    assert np.bincount(of_n, length) == pytest.approx(np.full(n, 1 / n), rel=1e-12)
    assert np.bincount(of_m, length) == pytest.approx(np.full(m, 1 / m), rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 5, 64])
def test_translation_costs_the_mean_length_of_its_shadow(dim):
    directions, points, shift = directions_in(dim), normal(30, dim), normal(dim, seed=1)
    assert_close(
        distance(points, points + shift, directions), (shift @ directions).abs().mean(), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 60), (37, 64), (1, 50)])
def test_agrees_with_pot_on_the_same_projections(n, m):
    ot = pytest.importorskip("ot")
    real, fake, directions = normal(m, 5), normal(n, 5, seed=1) * 1.5 + 0.3, directions_in(5)
    expected = ot.sliced_wasserstein_distance(real.numpy(), fake.numpy(), projections=directions.numpy(), p=1)
    assert distance(real, fake, directions).item() == pytest.approx(float(expected), rel=1e-12)


def test_constant_is_as_far_away_as_real_projections_are_from_its_own():
    real, directions = normal(50, 3), directions_in(3)
    constant = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    expected = (real @ directions - constant @ directions).abs().mean()
    assert_close(distance(real, constant.expand(20, 3), directions), expected, rtol=1e-12, atol=0)


# --- sliced Wasserstein: a metric on the samples' distributions

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 20)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=sizes, m=sizes)
def test_distance_is_symmetric_and_zero_only_to_itself(seed, n, m):
    real, fake, directions = normal(m, 3, seed=seed), 2 * normal(n, 3, seed=seed + 1), directions_in(3)
    there, back = distance(real, fake, directions), distance(fake, real, directions)
    assert_close(there, back, rtol=1e-12, atol=1e-14)
    assert there > 1e-3
    assert distance(real, real, directions) == 0


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=sizes, m=sizes, k=sizes)
def test_a_detour_is_never_shorter(seed, n, m, k):
    first, middle, last = (normal(size, 3, seed=seed + i) + i for i, size in enumerate((n, m, k)))
    directions = directions_in(3)
    direct = distance(first, last, directions)
    assert direct <= distance(first, middle, directions) + distance(middle, last, directions) + 1e-12


@settings(deadline=None, max_examples=30)
@given(seed=seeds, repeats=st.integers(2, 4))
def test_order_and_repetition_of_the_samples_do_not_matter(seed, repeats):
    real, fake, directions = normal(7, 3, seed=seed), normal(11, 3, seed=seed + 1), directions_in(3)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(seed))
    expected = distance(real, fake, directions)
    assert_close(distance(real, fake[order], directions), expected, rtol=1e-12, atol=0)
    assert_close(distance(real, fake.repeat(repeats, 1), directions), expected, rtol=1e-11, atol=1e-13)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, scale=st.floats(1e-3, 1e3))
def test_distance_has_the_unit_of_the_data(seed, scale):
    real, fake, directions = normal(7, 3, seed=seed), normal(11, 3, seed=seed + 1), directions_in(3)
    scaled = distance(scale * real, scale * fake, directions)
    assert_close(scaled, scale * distance(real, fake, directions), rtol=1e-11, atol=0)


def test_directions_are_fixed_and_of_length_one_and_point_everywhere():
    directions = unit_directions(4000, 3)
    assert np.array_equal(directions, unit_directions(4000, 3))
    assert np.linalg.norm(directions, axis=0) == pytest.approx(np.ones(4000), rel=1e-14)
    # uniform on the sphere: mean 0 and covariance 1/3 of the identity
    assert np.abs(directions.mean(1)).max() < 0.05
    assert np.abs(np.cov(directions) - np.eye(3) / 3).max() < 0.03


def test_float32_measures_as_float64_to_six_digits():
    fakes = 0.3 * normal(2, 64, 3)
    single = ruler_on(blob(), dtype=torch.float32).distance(fakes.float())
    assert_close(single.double(), ruler_on(blob()).distance(fakes), rtol=1e-5, atol=0)


# --- cells and spread


def test_a_collapsed_generator_sits_in_one_cell_without_spread(digits, on_digits):
    fakes = torch.from_numpy(digits.train[3]).expand(1, 200, 64)
    assert on_digits.cells(fakes).item() == 1
    assert on_digits.spread(fakes).item() == pytest.approx(0, abs=1e-6)


def test_real_digits_sit_in_every_cell_with_all_of_the_spread(digits, on_digits):
    train = torch.from_numpy(digits.train)[None]
    assert on_digits.cells(train).item() == on_digits.real_cells == 20
    assert on_digits.spread(train).item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("scale", [0.1, 0.5, 3.0])
def test_spread_is_the_factor_by_which_samples_are_drawn_apart(scale):
    train = torch.from_numpy(blob().train).double()[None]
    shrunk = scale * train + torch.tensor([5.0, -2.0, 0.5])
    assert ruler_on(blob()).spread(shrunk).item() == pytest.approx(scale, rel=1e-6)


def test_a_cell_counts_as_occupied_from_a_tenth_of_its_fair_share():
    """80 samples and 4 cells: a fair share is 20, a tenth of it 2."""
    ruler = ruler_on(blob())
    centers = torch.from_numpy(ruler.centers).double()
    for lonely, occupied in ((1, 1), (2, 2), (3, 2)):
        fakes = torch.cat([centers[:1].expand(80 - lonely, 3), centers[1:2].expand(lonely, 3)])
        assert ruler.cells(fakes[None]).item() == occupied


def test_cells_are_counted_for_each_seed():
    ruler = ruler_on(blob())
    centers = torch.from_numpy(ruler.centers).double()
    fakes = torch.stack([centers[[0] * 64], centers[[0, 1] * 32], centers[[0, 1, 2, 3] * 16]])
    assert ruler.cells(fakes).tolist() == [1, 2, 4]


def test_there_are_as_many_centers_as_cells_and_they_are_fixed(digits):
    first, second = (ruler_on(digits, Measures(cells=7)).centers for _ in range(2))
    assert first.shape == (7, 64)
    assert np.array_equal(first, second)


# --- the lines beside every distance


def test_lines_of_the_digits_are_ordered_and_where_they_were_measured(on_digits):
    """Figures of an earlier measurement, along other directions, with 898 against 1000: floor .033, constant .447.

    800 against 400 raise the floor by sqrt((1/800 + 1/400) / (1/898 + 1/1000)) = 1.33. The Gaussian was measured
    here, over 20 draws and as many references of 400: .0484, with a standard deviation of .0021.
    """
    lines = on_digits.lines
    assert lines.floor < lines.gaussian < lines.ref
    assert lines.floor == pytest.approx(0.033 * 1.33, rel=0.1)
    assert lines.ref == pytest.approx(0.447, rel=0.06)
    assert lines.gaussian == pytest.approx(0.0484, abs=3 * 0.0021)


def test_reference_line_is_the_distance_of_the_constant_at_the_mean():
    ruler, data = ruler_on(blob()), blob()
    mean = torch.from_numpy(data.every.mean(0, dtype=np.float64))
    assert ruler.lines.ref == pytest.approx(ruler.distance(mean.expand(9, 3)).item(), rel=1e-12)


def test_real_samples_stand_near_the_floor(on_digits, digits):
    fresh = torch.from_numpy(digits.confirm)
    assert on_digits.distance(fresh).item() == pytest.approx(on_digits.lines.floor, rel=0.35)


def test_floor_never_holds_a_sample_against_itself():
    """The blob has 360 samples and a reference of 80: 280 remain to stand for fakes, however many are asked for."""
    floors = [ruler_on(blob(), Measures(samples=count, directions=64, cells=4)).lines.floor for count in (280, 360)]
    assert floors[0] == floors[1]


@pytest.mark.parametrize(("field", "least"), [("samples", 50), ("directions", 1), ("cells", 2)])
def test_measures_refuse_numbers_that_cannot_measure(field, least):
    assert getattr(Measures(**{field: least}), field) == least
    with pytest.raises(ValueError, match=f"^{field}: must be >= {least}, but is {least - 1}$"):
        Measures(**{field: least - 1})
