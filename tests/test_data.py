"""Real samples: one contract for every data set, then what each holds."""

from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import get_args

import numpy as np
import pytest
from games import blob, kind_of

from gan_core.data import AnyData, Data, Digits, Dirac, Grid, Ring, Segments, SwissRoll, TwoMoons

DATA = [kind() for kind in get_args(Data)]
every_data = pytest.mark.parametrize("data", DATA, ids=kind_of)
PARTS = ("train", "search", "confirm")


# --- the contract of every data set


@every_data
def test_parts_hold_finite_float32_samples_of_one_shape(data):
    loaded = data.load()
    for name in PARTS:
        part = getattr(loaded, name)
        assert part.dtype == np.float32
        assert part.shape[0] >= 1
        assert part.shape[1:] == (int(np.prod(loaded.shape)),)
        assert np.isfinite(part).all()


@every_data
def test_sizes_are_known_without_loading(data):
    loaded = data.load()
    assert isinstance(data, AnyData)
    assert data.sizes.train == len(loaded.train)
    assert data.sizes.reference == len(loaded.search) == len(loaded.confirm)
    assert data.sizes.every == len(loaded.every)


@every_data
def test_bounded_says_whether_every_coordinate_lies_between_minus_one_and_one(data):
    loaded = data.load()
    assert not loaded.bounded or np.abs(loaded.every).max() <= 1


@every_data
def test_space_is_what_a_network_must_know(data):
    loaded = data.load()
    assert (loaded.space.dim, loaded.space.bounded) == (loaded.train.shape[1], loaded.bounded)


@every_data
def test_loading_twice_gives_the_same_numbers_and_the_same_fingerprint(data):
    first, second = data.load(), data.load()
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in PARTS)
    assert first.fingerprint == second.fingerprint


@every_data
def test_loading_leaves_numpys_own_random_state_alone(data):
    before = np.random.get_state()[1].copy()
    data.load()
    assert np.array_equal(before, np.random.get_state()[1])


@every_data
def test_descriptions_are_frozen(data):
    with pytest.raises(FrozenInstanceError):
        data.kind = "another"


def test_kinds_are_unique():
    assert len({data.kind for data in DATA}) == len(DATA)


# --- what is common to all


def test_search_and_confirm_are_measured_against_parts_of_their_own():
    data = blob()
    assert data.reference("search") is data.search
    assert data.reference("confirm") is data.confirm
    assert not np.array_equal(data.search, data.confirm)


def test_every_sample_counts_once():
    data = blob()
    assert np.array_equal(data.every, np.concatenate([data.train, data.search, data.confirm]))


@pytest.mark.parametrize("part", PARTS)
def test_fingerprint_changes_with_a_single_number_of_any_part(part):
    data = blob()
    samples = getattr(data, part).copy()
    samples[-1, -1] = np.nextafter(samples[-1, -1], np.float32(9))
    assert replace(data, **{part: samples}).fingerprint != data.fingerprint


def test_fingerprint_tells_parts_and_shapes_apart():
    data = blob()
    swapped = replace(data, search=data.confirm, confirm=data.search)
    reshaped = replace(data, **{name: getattr(data, name).reshape(-1, 6) for name in PARTS})
    assert len({data.fingerprint, swapped.fingerprint, reshaped.fingerprint}) == 3


def test_fingerprint_knows_the_numbers_and_not_their_place_in_memory():
    data = blob()
    assert replace(data, train=np.asfortranarray(data.train)).fingerprint == data.fingerprint
    assert replace(data, name="another").fingerprint == data.fingerprint


def test_only_data_that_differ_vary():
    assert blob().varies
    assert not replace(blob(), train=np.ones((5, 3), np.float32)).varies


# --- digits


def rows(array):
    return Counter(row.tobytes() for row in np.ascontiguousarray(array))


@pytest.mark.parametrize("reference", [50, 400, 700])
def test_parts_of_the_digits_are_the_1797_images_each_once(reference):
    from sklearn.datasets import load_digits

    digits = Digits(reference=reference).load()
    assert (len(digits.train), len(digits.search), len(digits.confirm)) == (1797 - 2 * reference, reference, reference)
    assert rows(digits.every) == rows((load_digits().data / 8 - 1).astype(np.float32))


def test_digits_are_images_of_8_by_8_pixels_between_minus_one_and_one():
    digits = Digits().load()
    assert digits.shape == (1, 8, 8)
    assert digits.bounded
    assert (digits.every.min(), digits.every.max()) == (-1, 1)
    assert digits.varies


def test_every_part_of_the_digits_holds_every_class_in_like_shares():
    """They are ordered by writer: a cut without a permutation would give each part other writers."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    label_of = {row.tobytes(): label for row, label in zip((images / 8 - 1).astype(np.float32), labels, strict=True)}
    digits = Digits().load()
    for name in PARTS:
        found = np.bincount([label_of[row.tobytes()] for row in getattr(digits, name)], minlength=10)
        assert (found / found.sum()).min() > 0.06
        assert (found / found.sum()).max() < 0.14


def test_digits_are_split_the_same_way_in_every_version():
    assert Digits().load().fingerprint == "14612133c42d063a"


@pytest.mark.parametrize(("reference", "rule"), [(49, ">= 50"), (701, "<= 700 of the 1797 images")])
def test_reference_of_the_digits_leaves_enough_to_judge_and_to_train(reference, rule):
    with pytest.raises(ValueError, match=f"^reference: must be {rule}, but is {reference}$"):
        Digits(reference=reference)


# --- points of the plane

PLANAR = [data for data in DATA if data.load().planar]
every_planar = pytest.mark.parametrize("data", PLANAR, ids=kind_of)


def share_within(count, probability, sigmas=4):
    """The interval in which a share of that many draws lies but once in 16,000 times."""
    return pytest.approx(probability, abs=sigmas * (probability * (1 - probability) / count) ** 0.5)


def test_all_that_lie_in_the_plane_are_told_from_what_does_not():
    assert [data.kind for data in PLANAR] == ["ring", "grid", "two_moons", "swiss_roll", "segments"]
    assert all(data.load().shape == (2,) for data in PLANAR)


@every_planar
def test_parts_have_the_sizes_asked_for_and_no_point_in_common(data):
    loaded = replace(data, train=300, reference=70).load()
    assert (len(loaded.train), len(loaded.search), len(loaded.confirm)) == (300, 70, 70)
    assert len(np.unique(loaded.every, axis=0)) == 440


@every_planar
def test_more_points_to_train_with_leave_both_references_as_they_are(data):
    one, other = (replace(data, train=train).load() for train in (100, 200))
    assert np.array_equal(one.search, other.search)
    assert np.array_equal(one.confirm, other.confirm)


@every_planar
def test_all_parts_are_drawn_from_one_distribution(data):
    """Kolmogorov and Smirnov's test of each coordinate of every pair of parts, at 1 in 10,000 each."""
    from scipy.stats import ks_2samp

    loaded = data.load()
    for one, other in (("train", "search"), ("train", "confirm"), ("search", "confirm")):
        for x, y in zip(getattr(loaded, one).T, getattr(loaded, other).T, strict=True):
            assert ks_2samp(x, y, method="asymp").pvalue > 1e-4


@every_planar
@pytest.mark.parametrize("field", ["train", "reference"])
def test_there_are_points_enough_to_judge_by(data, field):
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
def test_fields_of_planar_data_are_refused_in_one_sentence(description, field, value, must):
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


@pytest.mark.parametrize("modes", [2, 7, 8, 25])
def test_ring_has_all_of_its_modes_and_none_of_them_twice(modes):
    """The widely copied ring takes linspace(0, 2 pi, modes) with both ends: modes - 1 of them, one twice as heavy."""
    centers = Ring(modes=modes, radius=1.5).load().modes.centers
    apart = np.linalg.norm(centers[:, None] - centers, axis=-1) + 9 * np.eye(modes)
    assert centers.shape == (modes, 2)
    assert np.linalg.norm(centers, axis=1) == pytest.approx(np.full(modes, 1.5), rel=1e-12)
    assert apart.min(0) == pytest.approx(np.full(modes, 3 * np.sin(np.pi / modes)), rel=1e-12)


def test_samples_of_the_ring_of_8_fall_into_8_heaps():
    angle = np.arctan2(*Ring().load().search.T[::-1])
    heaps = np.bincount(np.round(angle / (2 * np.pi / 8)).astype(int) % 8, minlength=8)
    for heap in heaps:  # with 7 modes, one would hold 2/8 and another nothing
        assert heap / 2500 == share_within(2500, 1 / 8)


def test_grid_of_pacgan_has_25_modes_on_even_numbers():
    grid = Grid().load()
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(center) for center in grid.modes.centers} == expected
    assert len(grid.modes.centers) == 25
    assert grid.modes.sigma == 0.05


def test_only_mixtures_claim_to_know_their_modes():
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
    """The same stream: what is added differs by the noise alone. 20,000 numbers know it to 2 %, four times over."""
    clean, noisy = (description(noise=noise).load().train.astype(np.float64) for noise in (0.0, 0.1))
    assert (noisy - clean).std() == pytest.approx(0.1, rel=0.02)
    assert (noisy - clean).mean(0) == pytest.approx([0, 0], abs=4 * 0.1 / 100)


def test_segment_is_uniform_and_without_any_width():
    x, y = Segments().load().train.T
    assert (x == 0).all()
    assert 0 <= y.min() < y.max() <= 1
    counts = np.bincount((10 * y).astype(int), minlength=10)
    for count in counts:
        assert count / 10_000 == share_within(10_000, 0.1)


# --- dirac


def test_dirac_is_a_point_mass_at_zero_in_every_part():
    dirac = Dirac().load()
    assert [getattr(dirac, name).tolist() for name in PARTS] == [[[0.0]]] * 3
    assert dirac.shape == (1,)
    assert not dirac.varies
    assert not dirac.bounded
