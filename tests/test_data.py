"""Data sets: claims about every data set, then the distribution of each."""

from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import get_args

import numpy as np
import pytest
from small_gans import blob, kind_of

from gan_core.data import AnyData, Data, Digits, Dirac, Grid, Images, Mnist, Ring, Segments, SwissRoll, Table, TwoMoons

pytestmark = pytest.mark.shapes

DATA = [kind() for kind in get_args(Data) if kind not in (Images, Mnist, Table)]  # those without files
every_data = pytest.mark.parametrize("data", DATA, ids=kind_of)
SPLITS = ("train", "validation", "test")


# --- every data set


@every_data
def test_splits_hold_finite_float32_samples_of_one_shape(data):
    loaded = data.load()
    for name in SPLITS:
        split = getattr(loaded, name)
        assert split.dtype == np.float32
        assert split.shape[0] >= 1
        assert split.shape[1:] == (int(np.prod(loaded.shape)),)
        assert np.isfinite(split).all()


@every_data
def test_sizes_are_known_without_loading(data):
    loaded = data.load()
    assert isinstance(data, AnyData)
    assert data.sizes.train == len(loaded.train)
    assert data.sizes.held_out == len(loaded.validation) == len(loaded.test)
    assert data.sizes.every == len(loaded.every)


@every_data
def test_bounded_data_lie_between_minus_one_and_one(data):
    loaded = data.load()
    assert not loaded.bounded or np.abs(loaded.every).max() <= 1


@every_data
def test_sample_shape_has_the_dim_and_bounds_of_the_samples(data):
    loaded = data.load()
    assert (loaded.sample_shape.dim, loaded.sample_shape.bounded) == (loaded.train.shape[1], loaded.bounded)


@every_data
def test_loading_twice_gives_the_same_numbers_and_the_same_fingerprint(data):
    first, second = data.load(), data.load()
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in SPLITS)
    assert first.fingerprint == second.fingerprint


def global_state():
    _, keys, *position = np.random.get_state()
    return np.asarray(keys).tolist(), position


@every_data
def test_loading_leaves_numpys_global_random_state_unchanged(data):
    before = global_state()
    data.load()
    assert global_state() == before


@every_data
def test_descriptions_are_frozen(data):
    with pytest.raises(FrozenInstanceError):
        data.kind = "another"


def test_kinds_are_unique():
    assert len({data.kind for data in DATA}) == len(DATA)


# --- Dataset


def test_held_out_samples_are_those_of_the_validation_or_of_the_test_split():
    data = blob()
    assert data.held_out("validation") is data.validation
    assert data.held_out("test") is data.test
    assert not np.array_equal(data.validation, data.test)


def test_every_holds_the_samples_of_all_splits():
    data = blob()
    assert np.array_equal(data.every, np.concatenate([data.train, data.validation, data.test]))


@pytest.mark.parametrize("split", SPLITS)
def test_fingerprint_changes_with_a_single_number_of_any_split(split):
    data = blob()
    samples = getattr(data, split).copy()
    samples[-1, -1] = np.nextafter(samples[-1, -1], np.float32(9))
    assert replace(data, **{split: samples}).fingerprint != data.fingerprint


def test_fingerprint_depends_on_the_order_of_the_splits_and_on_their_shapes():
    data = blob()
    swapped = replace(data, validation=data.test, test=data.validation)
    reshaped = replace(data, **{name: getattr(data, name).reshape(-1, 6) for name in SPLITS})
    assert len({data.fingerprint, swapped.fingerprint, reshaped.fingerprint}) == 3


def test_fingerprint_depends_on_neither_the_memory_layout_nor_the_name():
    data = blob()
    assert replace(data, train=np.asfortranarray(data.train)).fingerprint == data.fingerprint
    assert replace(data, name="another").fingerprint == data.fingerprint


def test_data_vary_unless_all_training_samples_are_equal():
    assert blob().varies
    assert not replace(blob(), train=np.ones((5, 3), np.float32)).varies


# --- digits


def rows(array):
    return Counter(row.tobytes() for row in np.ascontiguousarray(array))


@pytest.mark.parametrize("held_out", [50, 400, 700])
def test_splits_of_the_digits_hold_each_of_the_1797_images_once(held_out):
    from sklearn.datasets import load_digits

    digits = Digits(held_out=held_out).load()
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1797 - 2 * held_out, held_out, held_out)
    assert rows(digits.every) == rows((load_digits().data / 8 - 1).astype(np.float32))


def test_digits_are_images_of_8_by_8_pixels_between_minus_one_and_one():
    digits = Digits().load()
    assert digits.shape == (1, 8, 8)
    assert digits.bounded
    assert (digits.every.min(), digits.every.max()) == (-1, 1)
    assert digits.varies


def test_every_split_of_the_digits_holds_every_class_in_similar_shares():
    """The images are ordered by writer: without a permutation each split would have other writers."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    label_of = {row.tobytes(): label for row, label in zip((images / 8 - 1).astype(np.float32), labels, strict=True)}
    digits = Digits().load()
    for name in SPLITS:
        counts = np.bincount([label_of[row.tobytes()] for row in getattr(digits, name)], minlength=10)
        assert (counts / counts.sum()).min() > 0.06
        assert (counts / counts.sum()).max() < 0.14


def test_digits_are_split_the_same_way_in_every_version():
    assert Digits().load().fingerprint == "14612133c42d063a"


@pytest.mark.parametrize(("held_out", "rule"), [(49, ">= 50"), (701, "<= 700 of the 1797 images")])
def test_held_out_digits_are_at_least_50_and_leave_enough_training_samples(held_out, rule):
    with pytest.raises(ValueError, match=f"^held_out: must be {rule}, but is {held_out}$"):
        Digits(held_out=held_out)


# --- points of the plane

PLANAR = [data for data in DATA if data.load().planar]
every_planar = pytest.mark.parametrize("data", PLANAR, ids=kind_of)


def share_within(count, probability, sigmas=4):
    """Interval of 4 standard errors: a share of `count` draws lies outside it once in 16,000 times."""
    return pytest.approx(probability, abs=sigmas * (probability * (1 - probability) / count) ** 0.5)


def test_planar_is_true_of_points_of_the_plane_alone():
    assert [data.kind for data in PLANAR] == ["ring", "grid", "two_moons", "swiss_roll", "segments"]
    assert all(data.load().shape == (2,) for data in PLANAR)


@every_planar
def test_splits_have_the_given_sizes_and_no_point_in_common(data):
    loaded = replace(data, train=300, held_out=70).load()
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (300, 70, 70)
    assert len(np.unique(loaded.every, axis=0)) == 440


@every_planar
def test_the_number_of_training_points_changes_neither_validation_nor_test_split(data):
    first, second = (replace(data, train=train).load() for train in (100, 200))
    assert np.array_equal(first.validation, second.validation)
    assert np.array_equal(first.test, second.test)


@every_planar
def test_all_splits_are_drawn_from_one_distribution(data):
    """Kolmogorov-Smirnov test of each coordinate of every pair of splits, at level 1e-4 each."""
    from scipy.stats import ks_2samp

    loaded = data.load()
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        for x, y in zip(getattr(loaded, first).T, getattr(loaded, second).T, strict=True):
            assert ks_2samp(x, y, method="asymp").pvalue > 1e-4


@every_planar
@pytest.mark.parametrize("field", ["train", "held_out"])
def test_planar_splits_have_at_least_50_points(data, field):
    assert getattr(replace(data, **{field: 50}), field) == 50
    with pytest.raises(ValueError, match=f"^{field}: must be >= 50, but is 49$"):
        replace(data, **{field: 49})


@pytest.mark.parametrize(
    ("description", "field", "value", "must"),
    [
        (Ring, "modes", 1, ">= 2"),
        (Ring, "radius", 0.0, "> 0"),
        (Ring, "sigma", 0.0, "> 0"),
        (Grid, "side", 1, ">= 2"),
        (Grid, "spacing", -2.0, "> 0"),
        (Grid, "sigma", 0.0, "> 0"),
        (TwoMoons, "noise", -0.1, ">= 0"),
        (SwissRoll, "noise", -0.1, ">= 0"),
        (Ring, "sigma", float("nan"), "a finite number"),
    ],
)
def test_fields_of_planar_data_out_of_bounds_are_refused_in_one_sentence(description, field, value, must):
    with pytest.raises(ValueError, match=f"^{field}: must be {must}, but is {value}$"):
        description(**{field: value})


# --- mixtures


@pytest.mark.parametrize("data", [Ring(), Ring(modes=5, radius=2.0, sigma=0.02), Grid(), Grid(side=4)], ids=repr)
def test_points_of_a_mixture_lie_around_modes_of_equal_weight(data):
    loaded = data.load()
    modes = loaded.modes
    apart = loaded.train[:, None] - modes.centers
    nearest = np.linalg.norm(apart, axis=-1).argmin(1)
    offset = (loaded.train - modes.centers[nearest]) / modes.sigma
    for count in np.bincount(nearest, minlength=len(modes.centers)):
        assert count / 10_000 == share_within(10_000, 1 / len(modes.centers))
    # standard normal coordinates: mean 0 +- 1/sqrt(n), variance 1 +- sqrt(2/n)
    assert offset.mean(0) == pytest.approx([0, 0], abs=4 / 100)
    assert np.cov(offset.T) == pytest.approx(np.eye(2), abs=4 * 2**0.5 / 100)
    assert (np.linalg.norm(offset, axis=1) <= 3).mean() == share_within(10_000, 1 - np.exp(-4.5))


def known_modes(data):
    modes = data.load().modes
    assert modes is not None
    return modes


@pytest.mark.parametrize("modes", [2, 7, 8, 25])
def test_ring_has_each_of_its_modes_once(modes):
    """A widely copied ring uses linspace(0, 2 pi, modes) with both ends: modes - 1 modes, one of twice the weight."""
    centers = known_modes(Ring(modes=modes, radius=1.5)).centers
    apart = np.linalg.norm(centers[:, None] - centers, axis=-1) + 9 * np.eye(modes)
    assert centers.shape == (modes, 2)
    assert np.linalg.norm(centers, axis=1) == pytest.approx(np.full(modes, 1.5), rel=1e-12)
    assert apart.min(0) == pytest.approx(np.full(modes, 3 * np.sin(np.pi / modes)), rel=1e-12)


def test_samples_of_the_ring_of_8_form_8_clusters_of_equal_weight():
    angle = np.arctan2(*Ring().load().validation.T[::-1])
    clusters = np.bincount(np.round(angle / (2 * np.pi / 8)).astype(int) % 8, minlength=8)
    for count in clusters:  # with 7 modes, one would hold 2/8 and another nothing
        assert count / 2500 == share_within(2500, 1 / 8)


def test_grid_of_pacgan_has_25_modes_on_even_numbers():
    grid = known_modes(Grid())
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(center) for center in grid.centers} == expected
    assert len(grid.centers) == 25
    assert grid.sigma == 0.05


def test_only_mixtures_have_modes():
    assert [data.kind for data in DATA if data.load().modes is not None] == ["ring", "grid"]


# --- curves


def test_two_moons_without_noise_are_half_circles_of_equal_weight():
    x, y = TwoMoons(noise=0.0).load().train.T
    upper = np.isclose(x**2 + y**2, 1, atol=1e-5) & (y >= 0)
    lower = np.isclose((x - 1) ** 2 + (y - 0.5) ** 2, 1, atol=1e-5) & (y <= 0.5)
    assert (upper | lower).all()
    assert upper.mean() == share_within(10_000, 0.5)
    assert np.arccos(np.clip(x[upper], -1, 1)).mean() == pytest.approx(np.pi / 2, abs=4 * np.pi / 12**0.5 / 70)


def test_swiss_roll_without_noise_is_a_spiral_of_one_and_a_half_turns():
    x, y = 7.5 * SwissRoll(noise=0.0).load().train.T.astype(np.float64)
    t = np.hypot(x, y)
    assert t.min() == pytest.approx(1.5 * np.pi, abs=0.02)
    assert t.max() == pytest.approx(4.5 * np.pi, abs=0.02)
    assert x == pytest.approx(t * np.cos(t), abs=1e-4)
    assert y == pytest.approx(t * np.sin(t), abs=1e-4)


@pytest.mark.parametrize("description", [TwoMoons, SwissRoll])
def test_noise_is_the_standard_deviation_around_the_curve(description):
    """Both have the same random stream and differ by the noise alone; 2 % are 4 standard errors of 20,000 numbers."""
    clean, noisy = (description(noise=noise).load().train.astype(np.float64) for noise in (0.0, 0.1))
    assert (noisy - clean).std() == pytest.approx(0.1, rel=0.02)
    assert (noisy - clean).mean(0) == pytest.approx([0, 0], abs=4 * 0.1 / 100)


def test_segment_is_uniform_and_has_no_width():
    x, y = Segments().load().train.T
    assert (x == 0).all()
    assert 0 <= y.min() < y.max() <= 1
    counts = np.bincount((10 * y).astype(int), minlength=10)
    for count in counts:
        assert count / 10_000 == share_within(10_000, 0.1)


# --- dirac


def test_dirac_is_a_point_mass_at_zero_in_every_split():
    dirac = Dirac().load()
    assert [getattr(dirac, name).tolist() for name in SPLITS] == [[[0.0]]] * 3
    assert dirac.shape == (1,)
    assert not dirac.varies
    assert not dirac.bounded
