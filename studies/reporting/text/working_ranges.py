"""Findings about the ranges and listed values of hyperparameters at which settings work."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.design import profile_settings
from studies.file.distributions import Distribution, Value
from studies.reporting.text.finding import Finding, Interval, Names, Part, first_findings
from studies.reporting.text.target_distance import goal, rows_at_target, volumes_at_target


@dataclass(frozen=True, kw_only=True)
class NotProfiled(Finding):
    """The study has no profiles, and a hyperparameter that could have one."""


@dataclass(frozen=True, kw_only=True)
class ProfileRule(Finding):
    """The design of the profiles, and the rule by which a value belongs to the stable range."""

    values: int
    seeds: int
    tau: float
    goal: str


class RangeEnd(NamedTuple):
    """An end of a searched range."""

    side: Literal["lower", "upper"]
    value: Value


@dataclass(frozen=True, kw_only=True)
class StableRange(Finding):
    """The stable range of a hyperparameter around the setting found, with the intervals of its ends and its width.

    unit    unit of the width: "decades", or that of the values
    beyond  ends of the searched range that the stable range may go beyond
    """

    condition: str
    hyperparameter: str
    found: float
    ends: tuple[tuple[float, Interval], tuple[float, Interval]]
    width: float
    unit: str
    width_interval: Interval
    beyond: tuple[RangeEnd, ...]


@dataclass(frozen=True, kw_only=True)
class NoStableRange(Finding):
    """Most fresh seeds next to the setting found do not reach the target distance."""

    condition: str
    hyperparameter: str
    found: float


class ValuesTried(NamedTuple):
    """The listed values of a hyperparameter as text.

    works, fails  values at which the only configuration works, and does not
    shares        working configurations at each value; empty if there is one configuration for each
    """

    hyperparameter: str
    works: Names
    fails: Names
    shares: tuple[tuple[Part, str], ...]


@dataclass(frozen=True, kw_only=True)
class WorkingListedValues(Finding):
    """The listed values at which settings of these conditions work."""

    conditions: Names
    values: tuple[ValuesTried, ...]


def range_findings(comparison: Comparison) -> Iterator[Finding]:
    """The stable ranges around the settings found, then the listed values at which settings of each condition work."""
    yield from _profiled(comparison)
    yield from _listed(comparison)


def _profiled(comparison: Comparison) -> Iterator[Finding]:
    rows = rows_at_target(comparison, comparison.stable_ranges)
    if rows.empty:
        if not comparison.results.study.search.profile and _could_be_profiled(comparison):
            yield NotProfiled()
        return
    names = comparison.results.study.short_names
    yield ProfileRule(
        values=int(rows["values"].max()),
        seeds=int(rows["seeds"].max()),
        tau=float(rows["tau"].iloc[0]),
        goal=goal(comparison),
    )
    laws = {condition.name: condition.hyperparameters for condition in comparison.results.study.conditions}
    ranges = (_range(row, names, laws[row["condition"]][row["hyperparameter"]]) for _, row in rows.iterrows())
    yield from first_findings(ranges, "stable_ranges")


def _could_be_profiled(comparison: Comparison) -> bool:
    conditions = comparison.results.study.conditions
    is_found = comparison.ranking["distance"].notna().any()
    return bool(is_found) and any(profile_settings(condition, 1) for condition in conditions)


def _range(row: pd.Series, names: Mapping[str, str], law: Distribution) -> Finding:
    """The stable range of a hyperparameter around the setting found; its numbers have three significant digits."""
    name, found = names[row["hyperparameter"]], float(row["found"])
    if not row["works"]:
        return NoStableRange(condition=row["condition"], hyperparameter=name, found=found)
    lower, upper = (
        (float(row[end]), (float(row[f"{end}_low"]), float(row[f"{end}_high"]))) for end in ("lower", "upper")
    )
    return StableRange(
        condition=row["condition"],
        hyperparameter=name,
        found=found,
        ends=(lower, upper),
        width=float(row["width"]),
        unit=row["unit"],
        width_interval=(float(row["width_low"]), float(row["width_high"])),
        beyond=touched_ends(row, law),
    )


def touched_ends(row: pd.Series, law: Distribution) -> tuple[RangeEnd, ...]:
    """The ends of the searched range that a stable range may go beyond."""
    low, high = law.extremes()
    ends = {"border_low": RangeEnd("lower", low), "border_high": RangeEnd("upper", high)}
    return tuple(end for column, end in ends.items() if row[column])


def _listed(comparison: Comparison) -> Iterator[Finding]:
    shares, volumes = rows_at_target(comparison, comparison.shares), volumes_at_target(comparison)
    names = comparison.results.study.short_names
    conditions: dict[tuple[ValuesTried, ...], list[str]] = {}
    for condition in volumes.loc[volumes["reached"] > 0, "condition"]:
        own = shares[(shares["condition"] == condition) & (shares["configurations"] > 0)]
        hyperparameters = own.groupby("hyperparameter", sort=False)
        if values := tuple(_values(names[str(path)], rows) for path, rows in hyperparameters):
            conditions.setdefault(values, []).append(str(condition))
    findings = (WorkingListedValues(conditions=tuple(group), values=values) for values, group in conditions.items())
    yield from first_findings(findings, "shares")


def _values(name: str, shares: pd.DataFrame) -> ValuesTried:
    """The listed values of a hyperparameter at which settings work."""
    values = [text.removesuffix(".0") for text in shares["value"]]
    if (shares["configurations"] == 1).all():
        works = shares["reached"] > 0
        return ValuesTried(
            name,
            works=tuple(value for value, does in zip(values, works, strict=True) if does),
            fails=tuple(value for value, does in zip(values, works, strict=True) if not does),
            shares=(),
        )
    parts = [Part(int(row.reached), int(row.configurations)) for row in shares.itertuples()]
    return ValuesTried(name, works=(), fails=(), shares=tuple(zip(parts, values, strict=True)))
