"""LaTeX source of texts, numbers and intervals."""

import math
import re
from collections.abc import Sequence
from typing import Any

from studies.numbers import format_share, format_significant
from studies.reporting.text.phrases import join_words


class Tex(str):
    """LaTeX source, as opposed to text that must be escaped."""


_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\n": " ",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
ANY_NUMBER = 99
"""Largest number of words that are joined: a text about methods leaves none out."""


def escape(content: Any) -> Tex:
    """LaTeX source that prints a text as it is; `Tex` is returned unchanged."""
    if isinstance(content, Tex):
        return content
    return Tex("".join(_ESCAPED.get(character, character) for character in str(content)))


def code(name: Any) -> Tex:
    """A name in typewriter letters."""
    return Tex(rf"\texttt{{{escape(name)}}}")


def number(value: Any, digits: int = 3) -> Tex:
    """The value of a setting: whole numbers in full, others with `digits` significant digits, texts as code."""
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, int):
        return Tex(f"{value:,}") if value >= 0 else Tex(f"$-{-value:,}$")
    if isinstance(value, float):
        return scientific(format_significant(value, digits))
    if isinstance(value, tuple | list):
        return Tex(f"({', '.join(number(part, digits) for part in value)})")
    return code(value)


def scientific(digits: str) -> Tex:
    """A number in Python's notation: a power of ten instead of `e-05`, a minus sign instead of a hyphen."""
    match = re.fullmatch(r"(-?)(\d[\d.]*)(?:e([+-]\d+))?", digits)
    if match is None:
        return escape(digits)
    sign, mantissa, exponent = match.groups()
    if exponent is None:
        return Tex(f"$-{mantissa}$" if sign else mantissa)
    factor = "" if mantissa == "1" else rf"{mantissa} \times "
    return Tex(f"${sign}{factor}10^{{{int(exponent)}}}$")


def percent(share: float) -> Tex:
    """A share in percent, without decimals."""
    return Tex(rf"{scientific(format_share(share).removesuffix('%'))}\%")


def percents(low: float, high: float) -> Tex:
    """The ends of an interval of shares in percent."""
    return Tex(rf"[{percent(low)}, {percent(high)}]")


def bounds(low: float, high: float, decimals: int) -> Tex:
    """An interval as [low, high] with this number of decimals; an upper end that is not finite is infinite."""
    if not math.isfinite(low):
        return Tex("--")
    upper = fixed(high, decimals) if math.isfinite(high) else r"$\infty$"
    return Tex(f"[{fixed(low, decimals)}, {upper}{']' if math.isfinite(high) else ')'}")


def fixed(value: float, decimals: int) -> Tex:
    """A number with this number of decimals, never -0."""
    return scientific(f"{value:z.{decimals}f}")


def listed(words: Sequence[str]) -> Tex:
    """Words as in "a, b and c", each of them escaped; empty for no words."""
    if not words:
        return Tex("")
    return Tex(join_words([escape(word) for word in words], most=ANY_NUMBER))


def names(of: Sequence[str]) -> Tex:
    """Names as code, as in "a, b and c"."""
    return listed([code(name) for name in of])
