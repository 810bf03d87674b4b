"""Numbers as text."""

import math

import pytest

from studies.numbers import (
    MISSING,
    format_distance,
    format_duration,
    format_interval,
    format_p,
    format_setting,
    format_share,
    format_shares,
    format_significant,
    format_tick,
    interval_decimals,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.05234, "0.052"),
        (0.01, "0.010"),
        (0.00996, "0.010"),
        (0.0094, "0.0094"),
        (1.234e-5, "1.2e-05"),
        (12.3456, "12.346"),
        (-0.5, "-0.500"),
        (-0.00123, "-0.0012"),
    ],
)
def test_a_distance_has_three_decimals_or_two_significant_digits(value: float, text: str) -> None:
    assert format_distance(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_distance_that_is_not_finite_is_failed(value: float) -> None:
    assert format_distance(value) == "failed"


def test_an_interval_formats_both_ends_as_distances() -> None:
    assert format_interval(0.0521, 0.0574) == "0.052 to 0.057"


@pytest.mark.parametrize("failed", [math.inf, math.nan])
def test_an_interval_that_reaches_into_failed_members_has_no_upper_end(failed: float) -> None:
    assert format_interval(0.0021, failed) == "at least 0.0021"
    assert format_interval(failed, failed) == "–"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0%"), (0.137, "14%"), (0.004, "0%"), (0.996, "100%"), (1.0, "100%"), (-0.001, "0%")]
)
def test_a_share_is_a_whole_percentage(value: float, text: str) -> None:
    assert format_share(value) == text


def test_an_interval_of_shares_formats_both_ends_as_shares() -> None:
    assert format_shares(0.14, 0.69) == "14% to 69%"


def test_significant_digits_have_no_trailing_zeros() -> None:
    assert [format_significant(value) for value in (0.0314, 1.0, 2.55)] == ["0.031", "1", "2.5"]
    assert format_significant(0.12345, 3) == "0.123"


@pytest.mark.parametrize(("value", "text"), [(0.0312, "0.031"), (1.0, "1"), (2.34e-6, "2.3e-06"), (0.5, "0.5")])
def test_a_p_value_has_two_significant_digits(value: float, text: str) -> None:
    assert format_p(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.0123"),
        (1e-4, "0.0001"),
        (2.0, "2"),
        (1234.5, "1.23e+03"),
        (12345, "12345"),
        (True, "True"),
        ("critic_first", "critic_first"),
    ],
)
def test_a_setting_has_three_significant_digits_if_it_is_floating_point(value: object, text: str) -> None:
    assert format_setting(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (317.4, "5:17"), (3600.0, "60:00")]
)
def test_a_duration_is_whole_minutes_and_seconds(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_missing_value_is_a_dash() -> None:
    assert MISSING == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (1e-4, "1e-4"),
        (2.5e-5, "2.5e-5"),
        (10, "10"),
        (1e5, "1e5"),
        (0.30, "0.3"),
        (1000, "1000"),
        (-1234, "-1230"),
    ],
)
def test_the_number_at_a_tick_is_short(value: float, text: str) -> None:
    assert format_tick(value) == text


def test_the_number_at_a_tick_may_have_fewer_digits() -> None:
    assert format_tick(0.1234, digits=2) == "0.12"
    assert format_tick(1.26e-5, digits=2) == "1.3e-5"


@pytest.mark.parametrize(
    ("low", "high", "decimals"),
    [(0.0578, 0.0603, 4), (0.1, 0.2, 3), (1.0, 3.0, 1), (100.0, 200.0, 0), (0.129, float("nan"), 3), (0.5, 0.5, 3)],
)
def test_half_the_width_of_an_interval_has_two_significant_digits(low: float, high: float, decimals: int) -> None:
    assert interval_decimals(low, high) == decimals
