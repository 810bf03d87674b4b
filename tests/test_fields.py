"""Bounds of the fields of a description, on both sides, and the errors beyond them."""

from dataclasses import dataclass
from math import inf, nan, nextafter
from typing import Annotated, ClassVar, Literal

import pytest
import torch
from annotated_types import Ge, Le, Lt
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.fields import Count, Fraction, NonNegative, Positive, check_fields, is_exactly, numbers, with_numbers


@dataclass(frozen=True, kw_only=True)
class Settings:
    positive: Positive = 1.0
    non_negative: NonNegative = 1.0
    fraction: Fraction = 0.5
    count: Count = 1
    share: Annotated[float, Ge(0), Le(1)] = 0.5
    below: Annotated[float, Lt(3)] = 0.0
    free: float = 0.0
    text: str = "anything"

    def __post_init__(self):
        check_fields(self)


TINY = nextafter(0, 1)

INSIDE = [
    ("positive", TINY),
    ("non_negative", 0.0),
    ("fraction", 0.0),
    ("fraction", nextafter(1, 0)),
    ("count", 1),
    ("share", 0.0),
    ("share", 1.0),
    ("below", nextafter(3, 0)),
    ("below", -1e300),
    ("free", -1e300),
]

OUTSIDE = [
    ("positive", 0.0, "> 0"),
    ("positive", -TINY, "> 0"),
    ("non_negative", -TINY, ">= 0"),
    ("fraction", -TINY, ">= 0"),
    ("fraction", 1.0, "< 1"),
    ("count", 0, ">= 1"),
    ("share", -TINY, ">= 0"),
    ("share", nextafter(1, 2), "<= 1"),
    ("below", 3.0, "< 3"),
]


@pytest.mark.parametrize(("name", "value"), INSIDE)
def test_values_up_to_a_bound_are_accepted(name, value):
    assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize(("name", "value", "rule"), OUTSIDE)
def test_values_beyond_a_bound_are_refused_with_field_bound_and_value(name, value, rule):
    with pytest.raises(ValueError, match=r"must be") as error:
        Settings(**{name: value})
    assert str(error.value) == f"{name}: must be {rule}, but is {value}"


@pytest.mark.parametrize("name", ["positive", "non_negative", "fraction", "share", "below", "free"])
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_numbers_must_be_finite(name, value):
    with pytest.raises(ValueError, match=f"^{name}: must be a finite number, but is {value}$"):
        Settings(**{name: value})


def test_the_error_names_the_first_field_out_of_bounds():
    with pytest.raises(ValueError, match=r"^non_negative: "):
        Settings(non_negative=-1.0, count=0)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_is_accepted_if_and_only_if_it_lies_in_its_interval(value):
    try:
        Settings(fraction=value)
    except ValueError:
        assert not 0 <= value < 1
    else:
        assert 0 <= value < 1


# --- numbers that may differ between the members of a pack


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Fields of every type, two of them with a special value."""

    kind: str = "mixed"
    weight: NonNegative = 1.0
    whole: float = 2
    pair: tuple[Fraction, Fraction] = (0.1, 0.2)
    slope: Annotated[float, Le(1)] = 1.0
    scale: float = 0.0
    count: Count = 3
    side: Literal["one", "two"] = "one"
    optional: float | None = 0.5
    special_values: ClassVar[dict[str, float]] = {"slope": 1.0, "scale": 1.0}


def test_numbers_are_the_fields_annotated_as_floats_that_are_not_at_a_special_value():
    assert numbers(Mixed()) == {"weight": 1.0, "whole": 2, "pair": (0.1, 0.2), "scale": 0.0}
    assert numbers(Mixed(slope=0.5, scale=1.0)) == {"weight": 1.0, "whole": 2, "pair": (0.1, 0.2), "slope": 0.5}


def test_a_copy_with_numbers_is_not_checked_and_leaves_the_original_unchanged():
    original = Settings(positive=2.0)
    changed = with_numbers(original, {"positive": -1.0})
    assert (changed.positive, changed.share, type(changed)) == (-1.0, 0.5, Settings)
    assert original.positive == 2.0


def test_a_tensor_is_exactly_no_number():
    assert is_exactly(0.0, 0)
    assert is_exactly(1, 1.0)
    assert not is_exactly(0.5, 0)
    assert not is_exactly(torch.zeros(()), 0)
