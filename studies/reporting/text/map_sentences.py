"""Sentences about stability maps: the share of each map that is stable, and the failures of the rest."""

from collections.abc import Iterator

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.stability_map import ENDS, StabilityMap
from studies.file.messages import count_noun
from studies.numbers import format_setting, format_share, format_shares
from studies.reporting.text.phrases import MAX_ITEMS, MAX_NAMES, join_words
from studies.statistics.intervals import difference_interval


def map_clause(comparison: Comparison) -> str:
    """Clause on the stable share of every map, the largest first; empty without maps."""
    areas = _by_area(comparison)
    if areas.empty:
        return ""
    if not areas["stable_area"].any():
        return f"no seed in any cell of the {'map' if len(areas) == 1 else 'maps'} is stable"
    first, *others = [_area(row) for row in areas.to_dict("records")]
    name = areas["condition"].iloc[0]
    if not others:
        return f"{name} is stable on {first} of its map"
    rest = [f"{area} for {other}" for area, other in zip(others, areas["condition"].iloc[1:], strict=True)]
    return f"{name} is stable on {first} of its map, against {join_words(rest, most=MAX_NAMES)}{_decision(areas)}"


def map_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the design of the maps, the failures in them, and the cells with the authors' settings."""
    areas = _by_area(comparison)
    if areas.empty:
        return
    yield _design(comparison, areas)
    yield from _failures(areas)
    yield from _authors(comparison)
    yield from _incomplete(areas)


def _by_area(comparison: Comparison) -> pd.DataFrame:
    return comparison.stable_areas.sort_values(["stable_area", "condition"], ascending=[False, True])


def _area(row: dict[str, float]) -> str:
    return f"{format_share(row['stable_area'])} ({format_shares(row['stable_low'], row['stable_high'])})"


def _decision(areas: pd.DataFrame) -> str:
    """Remark on the largest share: decided if the intervals of its differences from all others exclude 0."""
    shares = [(row.stable_area, row.stable_low, row.stable_high) for row in areas.itertuples()]
    lows = [difference_interval(shares[0], other)[0] for other in shares[1:]]
    several = len(lows) > 1
    if all(low > 0 for low in lows):
        return f"; the 95% interval{'s of the differences exclude' if several else ' of the difference excludes'} 0"
    which = "at least one difference" if several else "the difference"
    return f"; which share is the largest is undecided: the 95% interval of {which} includes 0"


def _design(comparison: Comparison, areas: pd.DataFrame) -> str:
    cells, seeds = int(areas["planned"].max()), int(areas["seeds"].max())
    return (
        f"Each map has {count_noun(cells, 'cell')} at equally spaced quantiles of the ranges, with "
        f"{count_noun(seeds, 'seed')} each. A percentage is the mean share of stable seeds over the cells, with its "
        "95% interval for other seeds; it depends on the ranges in the study file."
    )


def _failures(areas: pd.DataFrame) -> Iterator[str]:
    rows = areas[areas["commonest_failure"] != ""]
    if len(rows):
        items = [
            f"{row.condition} {row.commonest_failure} ({format_share(row.failure_share)})" for row in rows.itertuples()
        ]
        yield f"The commonest failure, with its share of the seeds: {join_words(items, most=MAX_NAMES)}."


def _authors(comparison: Comparison) -> Iterator[str]:
    """Sentence on the outcome of the cells with the authors' values, for conditions that have one on each axis."""
    items = [_authors_item(of_condition) for of_condition in comparison.maps]
    known = [item for item in items if item]
    if known:
        yield (
            "Outcome of the cell with the authors' values of the axes, whose other settings may differ from theirs: "
            f"{join_words(known, most=MAX_ITEMS)}."
        )


def _authors_item(of_condition: StabilityMap) -> str:
    setting, cell = of_condition.authors_setting, of_condition.authors_cell
    if setting is None or cell is None or not of_condition.trained[cell]:
        return ""
    values = ", ".join(format_setting(value) for value in setting)
    return f"{of_condition.condition} {ENDS[of_condition.dominant[cell]]} ({values})"


def _incomplete(areas: pd.DataFrame) -> Iterator[str]:
    partly = areas[areas["cells"] < areas["planned"]]
    if len(partly):
        counts = [f"{row.cells} of {row.planned} for {row.condition}" for row in partly.itertuples()]
        yield (
            f"Cells that count so far, spread evenly over each map: {join_words(counts, most=MAX_NAMES)}. They are "
            "those before the first trial that has not ended, because among later trials failures end first."
        )
