"""Real samples: one contract for every data set, then what each holds."""

from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import get_args

import numpy as np
import pytest
from games import blob, kind_of

from gan_core.data import Data, Digits, Dirac

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


# --- dirac


def test_dirac_is_a_point_mass_at_zero_in_every_part():
    dirac = Dirac().load()
    assert [getattr(dirac, name).tolist() for name in PARTS] == [[[0.0]]] * 3
    assert dirac.shape == (1,)
    assert not dirac.varies
    assert not dirac.bounded
