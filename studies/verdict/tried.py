"""Which of the settings that explore tried work, in one clause: at which listed values, how often of those drawn."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.comparison import Comparison
from studies.comparison.explored import Explored, seeds_that_must_reach
from studies.comparison.outcomes import GIVEN_UP
from studies.sentences import knob_name
from studies.space import Value
from studies.verdict.explored import by_volume, grouped, interval, searched, share, told, width, within
from studies.verdict.phrases import ALL, distance, listed

_WAYS = {
    "stable": ("stays farther", "stay farther"),
    "relapsed": ("relapses", "relapse"),
    "stalled": ("stalls", "stall"),
    "collapsed": ("collapses", "collapse"),
    "diverged": ("diverges", "diverge"),
    "nonfinite": ("becomes infinite", "become infinite"),
    GIVEN_UP: ("is given up", "are given up"),
}
"""What a value that does not work does, and what several do; a stable one that does not ends too far away."""


def tried(compared: Comparison) -> str:
    """The clause; empty where no setting differs from another, or before a distance to reach is known."""
    volumes = by_volume(compared)
    known = {one.condition: one for one in searched(compared)}
    volumes = volumes[volumes["condition"].isin(list(known))]
    if volumes.empty:
        return ""
    if all(len(one.knobs) == len(one.grids) == 1 for one in known.values()):
        every = [known[name] for name in volumes["condition"]]
        return _one_listed(compared, every[0]) if len(compared.explored) == 1 else _listed(compared, every)
    if not volumes["reached"].any():
        return f"no setting that was tried ends {within(compared, volumes)}"
    return _one_drawn(compared, volumes.iloc[0]) if len(compared.explored) == 1 else _drawn(compared, volumes)


# -- listed values -----------------------------------------------------------------------------------------------------


def _one_listed(compared: Comparison, one: Explored) -> str:
    """Where the only condition works, how it fails beside that, and which value was found best."""
    tau = float(by_volume(compared)["tau"].iloc[0])
    near, knob = within(compared, by_volume(compared)), _knob(one)
    works = _working(one, tau)
    if not works.any():
        return f"{one.condition} ends {near} at none of {_values(one)}: {_ways(compared, one, tau, ~works, 'they')}"
    best = _best(compared, one, works)
    if not works.all():
        at = f"{knob} = {listed(_written(one, works), 'and', 9)}{best}, of {_span(one)}"
        return f"{one.condition} ends {near} at {at}: {_beside(compared, one, tau, works)}"
    nearer = [target.tau for target in compared.targets if 0 < _working(one, target.tau).sum() < len(works)]
    if not nearer:
        return f"{one.condition} ends {near} at {_every(one)} {_values(one)}{best}"
    some = _working(one, max(nearer))
    but = f"within {distance(max(nearer))} at {listed(_written(one, some), 'and', 9)} alone"
    return f"{one.condition} ends {near} at {_every(one)} {_values(one)}{best}, and {but}"


def _beside(compared: Comparison, one: Explored, tau: float, works: np.ndarray) -> str:
    """What the values that do not work do: below those that do, above them, and between."""
    values = one.values(_knob_path(one))
    if any(isinstance(value, str | bool) for value in values):
        return _ways(compared, one, tau, ~works, "the others" if len(_written(one, ~works)) > 1 else "the other")
    own = np.array(values, dtype=np.float64)
    low, high = own[works].min(), own[works].max()
    sides = {"smaller": own < low, "larger": own > high}
    ways = {side: _ways(compared, one, tau, mask, "") for side, mask in sides.items() if mask.any()}
    many = {side: len(np.unique(own[mask])) for side, mask in sides.items()}
    if len(ways) == 2 and min(many.values()) > 1 and len(set(ways.values())) == 1:
        parts = [f"smaller and larger ones{ways['smaller']}"]
    else:
        parts = [f"{_ones(side, many[side])}{way}" for side, way in ways.items()]
    between = ~works & (own > low) & (own < high)
    if between.any():
        parts.append(f"{listed(_written(one, between), 'and', 9)} between them{_ways(compared, one, tau, between, '')}")
    return ", ".join(parts)


def _ones(side: str, count: int) -> str:
    return f"{side} ones" if count > 1 else f"the {side} one"


def _ways(compared: Comparison, one: Explored, tau: float, mask: np.ndarray, who: str) -> str:
    """What most seeds of each of these values do, the most frequent first: as in "they stall or collapse"."""
    members = compared.results.ended_members
    own = members[(members["condition"] == one.condition) & (members["phase"] == "explore")]
    outcomes = own["outcome"].astype("object").fillna(GIVEN_UP)
    trials: dict[Value, list[int]] = {}
    for trial in np.flatnonzero(mask):
        trials.setdefault(one.values(_knob_path(one))[trial], []).append(int(trial))
    found: Counter[str] = Counter()
    for here in trials.values():
        counts = Counter(outcomes[own["trial"].isin(here)])
        counts["stable"] -= int((one.distances[here] <= tau).sum())
        found[counts.most_common(1)[0][0]] += 1
    verbs = [_WAYS[way][len(trials) > 1] for way, _ in found.most_common()]
    return f"{who} {listed(verbs, 'or')}"


def _best(compared: Comparison, one: Explored, works: np.ndarray) -> str:
    """The value that was confirmed, where more than one works; and what became of it where that failed."""
    ranking = compared.results.ranking
    own = ranking[ranking["condition"] == one.condition]
    if own.empty:
        return ""
    row = own.iloc[0]
    value, lost = _text(row[_knob_path(one)]), round(row["failure_rate"] * row["members"])
    if np.isnan(row["distance"]):
        return f" (but {lost} of {row['members']} fresh seeds at {value} fail)"
    return f" (best at {value})" if works.sum() > 1 else ""


def _listed(compared: Comparison, every: Sequence[Explored]) -> str:
    """At which values each of several conditions works."""
    volumes = by_volume(compared)
    tau, near = float(volumes["tau"].iloc[0]), within(compared, volumes)
    works = {one.condition: _working(one, tau) for one in every}
    alike = len({_values(one) for one in every}) == 1
    if not any(mask.any() for mask in works.values()):
        ways = {one.condition: _ways(compared, one, tau, ~works[one.condition], "") for one in every}
        told = [f"those of {name}{way}" for name, way in ways.items()]
        of = _values(every[0]) if alike else "the values that were listed"
        return f"none of {of} ends {near}: {listed(told, 'and', ALL)}"
    found: dict[str, list[str]] = {}
    for one in every:
        mask = works[one.condition]
        at = listed(_written(one, mask), "and", 9) if mask.any() else "none"
        at = "both" if mask.all() and len(mask) == 2 else "all of them" if mask.all() and len(mask) > 1 else at
        at += _best(compared, one, mask) if mask.any() else ""
        at = at if alike else f"{at} of {_values(one)}"
        found.setdefault(at, []).append(one.condition)
    verb = "end" if len(next(iter(found.values()))) > 1 else "ends"
    (first, names), *others = found.items()
    opening = f"of {_values(every[0])} " if alike else ""
    parts = [f"{listed(names, 'and', ALL)} {verb} {near} at {first}"]
    parts += [f"{listed(names, 'and', ALL)} at {at}" for at, names in others]
    return opening + (
        "; ".join(parts) if any(len(names) > 1 for names in found.values()) else listed(parts, "and", ALL)
    )


def _working(one: Explored, tau: float) -> np.ndarray:
    """Of every setting whether its value works: of all seeds that have the value as many as of a setting's must."""
    values, close = np.array(one.values(_knob_path(one)), dtype=object), one.distances <= tau
    found = {value: close[values == value] for value in values}
    return np.array([found[value].sum() >= seeds_that_must_reach(found[value].size) for value in values], dtype=bool)


def _knob_path(one: Explored) -> str:
    return next(iter(one.knobs))


def _knob(one: Explored) -> str:
    return knob_name(_knob_path(one))


def _written(one: Explored, mask: np.ndarray) -> list[str]:
    """The values, each once, from the smallest on."""
    values = {value for value, here in zip(one.values(_knob_path(one)), mask, strict=True) if here}
    return [_text(value) for value in sorted(values, key=lambda value: (isinstance(value, str), value))]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else str(value)


def _values(one: Explored) -> str:
    """As in "7 values of clip_value from 0.0001 to 1"."""
    every = _written(one, np.ones(len(one.configurations), dtype=bool))
    if len(every) <= 2 or any(isinstance(value, str | bool) for value in one.values(_knob_path(one))):
        return f"{_knob(one)} = {listed(every, 'and', 9)}"
    return f"{len(every)} values of {_knob(one)} from {every[0]} to {every[-1]}"


def _span(one: Explored) -> str:
    every = _written(one, np.ones(len(one.configurations), dtype=bool))
    if any(isinstance(value, str | bool) for value in one.values(_knob_path(one))):
        return listed(every, "and", 9)
    return f"{len(every)} values from {every[0]} to {every[-1]}"


def _every(one: Explored) -> str:
    count = len(set(one.values(_knob_path(one))))
    return "all" if count > 2 else "both of" if count == 2 else "the only one of"


# -- drawn from ranges -------------------------------------------------------------------------------------------------


def _one_drawn(compared: Comparison, row: pd.Series) -> str:
    widths = told(compared, compared.widths)
    of = (
        f"tried for {row['condition']}"
        if np.isnan(row["volume_low"])
        else f"drawn from the ranges of {row['condition']}"
    )
    over = f": {width(widths.iloc[0])}" if len(widths) == 1 and row["reached"] > 2 else ""
    return f"{share(row)} settings {of} end {within(compared, row.to_frame().T)}{interval(row)}{over}"


def _drawn(compared: Comparison, volumes: pd.DataFrame) -> str:
    """Who works without tuning, as far as that is decided, and how often each does."""
    first, near = volumes.iloc[0], within(compared, volumes)
    (most, *others), have = grouped(volumes, intervals=False), f"end {near}"
    number, _, who = most.partition(" for ")
    drawn = "tried" if any(one.grids for one in searched(compared)) else "drawn"
    counts = ", ".join([f"{number} settings {drawn} for {who} {have}", *others])
    if len(volumes) == 1:
        return f"{share(first)} settings of {first['condition']} end {near}"
    if drawn == "tried":
        return counts
    if volumes["volume"].nunique() == 1:
        names = listed(volumes["condition"].tolist(), "and", ALL)
        return f"settings end {near} equally often for {names}, {share(first)}"
    leading = volumes.loc[volumes["volume"] == first["volume"], "condition"].tolist()
    if _decided_against_all(told(compared, compared.volume_differences), leading, volumes["condition"].tolist()):
        return f"{listed(leading)} decidedly need{'' if len(leading) > 1 else 's'} the least tuning: {counts}"
    return f"which needs the least tuning is undecided: {counts}"


def _decided_against_all(differences: pd.DataFrame, leading: Sequence[str], names: Sequence[str]) -> bool:
    """Whether every one that is not leading is decidedly behind each that is."""
    decided = {frozenset(pair) for pair in differences.loc[differences["decided"], ["condition", "other"]].to_numpy()}
    return all(frozenset((one, other)) in decided for one in leading for other in names if other not in leading)
