"""Findings about stability maps: the share of each map that is stable, and the failures of the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.stability_map import ENDS, StabilityMap
from studies.file.distributions import Value
from studies.reporting.text.finding import Finding, Interval, Part
from studies.statistics.intervals import difference_interval


class Area(NamedTuple):
    """The share of a condition's map that is stable, with its interval."""

    condition: str
    share: float
    interval: Interval


class AuthorsCell(NamedTuple):
    """The outcome of the cell with the authors' values of the axes of a condition's map."""

    condition: str
    outcome: str
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class NothingStable(Finding):
    """No seed in any cell of this number of maps is stable."""

    maps: int


@dataclass(frozen=True, kw_only=True)
class LargestArea(Finding):
    """The largest stable share of a map, and those of the other maps, the largest first.

    is_decided  True if the intervals of its differences from all others exclude 0
    """

    first: Area
    others: tuple[Area, ...]
    is_decided: bool


@dataclass(frozen=True, kw_only=True)
class MapDesign(Finding):
    """Number of cells of each map, and of seeds in each cell."""

    cells: int
    seeds: int


@dataclass(frozen=True, kw_only=True)
class CommonestFailures(Finding):
    """The commonest failure in each condition's map, with its share of the seeds."""

    failures: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, kw_only=True)
class AuthorsCells(Finding):
    """The outcomes of the cells with the authors' values."""

    cells: tuple[AuthorsCell, ...]


@dataclass(frozen=True, kw_only=True)
class IncompleteMaps(Finding):
    """The cells that count of each map that is not complete."""

    maps: tuple[tuple[str, Part], ...]


def largest_area(comparison: Comparison) -> Iterator[Finding]:
    """The stable share of every map, the largest first; none without maps."""
    areas = _by_area(comparison)
    if areas.empty:
        return
    if not areas["stable_area"].any():
        yield NothingStable(maps=len(areas))
        return
    first, *others = (
        Area(row.condition, row.stable_area, (row.stable_low, row.stable_high)) for row in areas.itertuples()
    )
    lows = [difference_interval((first.share, *first.interval), (other.share, *other.interval))[0] for other in others]
    yield LargestArea(first=first, others=tuple(others), is_decided=all(low > 0 for low in lows))


def map_findings(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the design of the maps, the failures in them, and the cells with the authors' settings."""
    areas = _by_area(comparison)
    if areas.empty:
        return
    yield MapDesign(cells=int(areas["planned"].max()), seeds=int(areas["seeds"].max()))
    yield from _failures(areas)
    cells = tuple(cell for of_condition in comparison.maps if (cell := _authors_cell(of_condition)))
    if cells:
        yield AuthorsCells(cells=cells)
    yield from _incomplete(areas)


def _by_area(comparison: Comparison) -> pd.DataFrame:
    return comparison.stable_areas.sort_values(["stable_area", "condition"], ascending=[False, True])


def _failures(areas: pd.DataFrame) -> Iterator[Finding]:
    rows = areas[areas["commonest_failure"] != ""]
    if len(rows):
        failures = ((row.condition, row.commonest_failure, float(row.failure_share)) for row in rows.itertuples())
        yield CommonestFailures(failures=tuple(failures))


def _authors_cell(of_condition: StabilityMap) -> AuthorsCell | None:
    """The cell with the authors' values; None if a condition has none on each axis, or if it is not trained."""
    setting, cell = of_condition.authors_setting, of_condition.authors_cell
    if setting is None or cell is None or not of_condition.trained[cell]:
        return None
    return AuthorsCell(of_condition.condition, ENDS[of_condition.dominant[cell]], tuple(setting))


def _incomplete(areas: pd.DataFrame) -> Iterator[Finding]:
    partly = areas[areas["cells"] < areas["planned"]]
    if len(partly):
        counts = ((row.condition, Part(int(row.cells), int(row.planned))) for row in partly.itertuples())
        yield IncompleteMaps(maps=tuple(counts))
