"""Number of seeds that cover all known modes, for data whose modes are known."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding, Interval, Names, Part
from studies.statistics.intervals import wilson
from studies.tables.ranking import last_evaluations


@dataclass(frozen=True, kw_only=True)
class CoversAllModes(Finding):
    """The conditions whose settings found cover all modes with every fresh seed.

    seeds   largest number of fresh seeds of a setting found
    others  the other conditions with the number of seeds that cover all modes, the most first
    """

    modes: int
    conditions: Names
    seeds: int
    others: tuple[tuple[Part, Names], ...]


@dataclass(frozen=True, kw_only=True)
class NoneCoversAllModes(Finding):
    """No setting found covers all modes with every fresh seed; `conditions` as `others` of `CoversAllModes`."""

    modes: int
    conditions: tuple[tuple[Part, Names], ...]


@dataclass(frozen=True, kw_only=True)
class CoverageInterval(Finding):
    """Interval of the share of seeds that cover all modes, if this number of fresh seeds does."""

    seeds: int
    interval: Interval


def modes_covered(comparison: Comparison) -> pd.Series:
    """Numbers of modes that the seeds of each condition's setting found cover at their last evaluation, sorted.

    Empty if the data have no known modes. A member without an evaluation, or with a generated sample that is not
    finite, covers none.
    """
    curves = comparison.results.curves
    confirmed = comparison.results.ranked(curves[curves["metric"] == "modes_covered"])
    if confirmed.empty:
        return pd.Series(dtype="object")
    last = last_evaluations(confirmed).set_index(["condition", "seed"])["value"].fillna(0)
    measured = last.index.get_level_values(0)
    covered = {}
    for row in comparison.ranking.itertuples():
        known = last.loc[[row.condition]].tolist() if row.condition in measured else []
        covered[row.condition] = sorted([*known, *[0.0] * (row.members - len(known))])
    return pd.Series(covered, dtype="object")


def mode_coverage(comparison: Comparison) -> Iterator[Finding]:
    """The settings that cover all modes with each seed, and the others; none without known modes."""
    by_condition = modes_covered(comparison)
    known = comparison.results.data.modes if len(by_condition) else None
    if known is None:
        return
    count = len(known.centers)
    full = {
        str(name): Part(sum(value >= count for value in values), len(values)) for name, values in by_condition.items()
    }
    always = tuple(name for name, part in full.items() if part.number == part.of)
    others: dict[Part, list[str]] = {}
    for name in sorted(full, key=lambda name: -full[name].number):
        if name not in always:
            others.setdefault(full[name], []).append(name)
    rest = tuple((part, tuple(names)) for part, names in others.items())
    if always:
        yield CoversAllModes(modes=count, conditions=always, seeds=max(part.of for part in full.values()), others=rest)
    else:
        yield NoneCoversAllModes(modes=count, conditions=rest)


def coverage_interval(comparison: Comparison) -> Iterator[Finding]:
    """Interval of the share of seeds that cover all modes, if all fresh seeds of a setting do."""
    by_condition = modes_covered(comparison)
    known = comparison.results.data.modes if len(by_condition) else None
    if known is None or not any(min(values) >= len(known.centers) for values in by_condition):
        return
    seeds = max(len(values) for values in by_condition)
    yield CoverageInterval(seeds=seeds, interval=wilson(seeds, seeds))
