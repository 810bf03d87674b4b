"""Distributions of hyperparameters in words."""

from collections.abc import Iterator

from studies.file.condition import Condition
from studies.file.distributions import Choice, Distribution, Grid, IntLogUniform, IntUniform, LogUniform, Uniform
from studies.file.messages import short_names
from studies.reporting.paper.latex_text import Tex, code, listed, number

ALL_DIGITS = 15
"""Number of significant digits with which ends of ranges are written: all that the study file gave."""


def law_words(law: Distribution) -> Tex:
    """A distribution, as in "log-uniform on [0.1, 100]"."""
    text = _law(law)
    if law.when is None:
        return text
    parents = [f"{code(path)} is {' or '.join(number(one) for one in values)}" for path, values in law.when.parents]
    return Tex(f"{text} where {listed([Tex(parent) for parent in parents])}, else {number(law.when.otherwise)}")


def _law(law: Distribution) -> Tex:
    match law:
        case Choice(values=values):
            return Tex(f"one of {', '.join(number(one, ALL_DIGITS) for one in values)}")
        case Grid(values=values):
            return Tex(f"{', '.join(number(one, ALL_DIGITS) for one in values)} in turn")
        case Uniform() | LogUniform():
            word = "log-uniform" if isinstance(law, LogUniform) else "uniform"
            return Tex(f"{word} on {_interval(law)}{_step(law)}")
        case IntUniform() | IntLogUniform():
            word = "log-uniform" if isinstance(law, IntLogUniform) else "uniform"
            return Tex(f"{word} on the integers of {_interval(law)}{_step(law)}")


def _interval(law: Uniform | LogUniform | IntUniform | IntLogUniform) -> str:
    return f"[{number(law.low, ALL_DIGITS)}, {number(law.high, ALL_DIGITS)}]"


def _step(law: Distribution) -> str:
    step = getattr(law, "step", None)
    return "" if step is None else f" in steps of {number(step, ALL_DIGITS)}"


def searched_rows(conditions: tuple[Condition, ...]) -> Iterator[tuple[str, list[str], Tex]]:
    """Name of a hyperparameter, the conditions that search it alike, and its distribution; a row for each."""
    shorts = short_names(sorted({path for condition in conditions for path in condition.hyperparameters}))
    groups: dict[tuple[str, Tex], list[str]] = {}
    for path, name in shorts.items():
        for condition in conditions:
            if path in condition.hyperparameters:
                groups.setdefault((name, law_words(condition.hyperparameters[path])), []).append(condition.name)
    for (name, law), searching in groups.items():
        yield name, searching, law
