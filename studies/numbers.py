"""Numbers as text for readers: rounding and notation."""

import math
from typing import Any

MISSING = "–"
"""Text shown in place of a missing value."""


def format_distance(value: float) -> str:
    """A distance with three decimals, below 0.01 with two significant digits; "failed" for NaN and infinity.

    A failed member counts as infinitely far; a trial of which too many members failed has the distance NaN.
    """
    if not math.isfinite(value):
        return "failed"
    # 0.00995 is rounded to 0.010, which has two significant digits
    return f"{value:.3f}" if abs(value) >= 0.00995 else f"{value:.2g}"


def format_interval(low: float, high: float) -> str:
    """The ends of an interval of distances, as in "0.052 to 0.057".

    Without a finite upper end the text is "at least 0.052", without a finite lower end a dash. An upper end is infinite
    if more than 2.5 % of the bootstrap resamples hold too many failed members to have a distance.
    """
    if not math.isfinite(low):
        return MISSING
    if not math.isfinite(high):
        return f"at least {format_distance(low)}"
    return f"{format_distance(low)} to {format_distance(high)}"


def format_share(value: float) -> str:
    """A share in percent, without decimals, never -0%."""
    return f"{value:z.0%}"


def format_shares(low: float, high: float) -> str:
    """The ends of an interval of shares, as in "14% to 69%"."""
    return f"{format_share(low)} to {format_share(high)}"


def format_p(value: float) -> str:
    """A p-value with two significant digits."""
    return f"{value:.2g}"


def format_significant(value: float, digits: int = 2) -> str:
    """A number with at most `digits` significant digits."""
    return f"{value:.{digits}g}"


def format_setting(value: Any) -> str:
    """The value of a hyperparameter as text; floating-point numbers have three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else value_text(value)


def value_text(value: Any) -> str:
    """The value of a hyperparameter as text with every digit; a tuple as a list, as in "[0.5, 0.9]"."""
    return f"[{', '.join(map(value_text, value))}]" if isinstance(value, tuple) else str(value)


def format_tick(value: float, digits: int = 3) -> str:
    """A number as short text for an axis, as in "0.001" and "1e-4", with at most `digits` significant digits."""
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        text = f"{value:.{digits}g}"
        return f"{float(text):.0f}" if "e" in text else text  # 1000 rather than 1e+03
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def format_bytes(count: float) -> str:
    """A number of bytes with two or three significant digits, as in "930 bytes", "4.2 kB" and "120 MB"."""
    if count < 1000:
        return f"{count:.0f} bytes"
    exponent = min(4, int(math.log10(count) / 3))
    value = count / 1000**exponent
    return f"{value:.{0 if value >= 99.5 else 1}f} {('kB', 'MB', 'GB', 'TB')[exponent - 1]}"


def format_duration(seconds: float) -> str:
    """Whole minutes and seconds, as in "5:17"; fractions of a second are cut off."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def interval_decimals(low: float, high: float, fallback: int = 3) -> int:
    """Number of decimals at which half the width of an interval has two significant digits.

    fallback  the number for an interval of width 0 or without a finite end
    """
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0):
        return fallback
    return min(max(1 - math.floor(math.log10(half)), 0), 12)
