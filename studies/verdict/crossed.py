"""Where conditions differ in their constraint alone: which constraint comes closest, how smooth, at which price."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studies.comparison import Comparison
from studies.comparison.ranking import winners
from studies.condition import Condition
from studies.verdict.phrases import distance, p_value


@dataclass(frozen=True)
class _Crossing:
    """The conditions by their objective, and below it by the kind of their constraint."""

    conditions: Mapping[str, Mapping[str, str]]
    kinds: tuple[str, str]


def crossed(compared: Comparison) -> str:
    """The clause; empty unless two kinds of constraint stand under the same objectives, everything else equal."""
    crossing = _crossing(compared)
    if crossing is None or compared.ranking["distance"].isna().all():
        return ""
    ranking = compared.ranking.set_index("condition")["distance"].fillna(np.inf)
    wins = dict.fromkeys(crossing.kinds, 0)
    for pair in crossing.conditions.values():
        wins[min(pair, key=lambda kind: ranking[pair[kind]])] += 1
    ahead, behind = sorted(crossing.kinds, key=lambda kind: -wins[kind])
    numbers = [
        f"{distance(_or_nan(ranking[pair[ahead]]))} against {distance(_or_nan(ranking[pair[behind]]))} for {objective}"
        for objective, pair in crossing.conditions.items()
    ]
    who = (compared, crossing, ahead, behind)
    return f"{_decided(*who)}, {', '.join(numbers)}{_price(*who)}"


def _price(compared: Comparison, crossing: _Crossing, ahead: str, behind: str) -> str:
    """How steep its critics end, and how long it took; nothing where a trial was given up."""
    slopes, seconds = ([value(compared, crossing, kind) for kind in (ahead, behind)] for value in (_slope, _seconds))
    if np.isnan(slopes).any() or min(seconds) <= 0:
        return ""
    return (
        f"; critics under {_word(ahead)} end with a slope of {slopes[0]:.2g} against {slopes[1]:.2g}, and their "
        f"training took {seconds[0] / seconds[1]:.2g} times as long"
    )


def _word(kind: str) -> str:
    return "no constraint" if kind == "none" else kind.replace("_", " ")


def _or_nan(value: float) -> float:
    return np.nan if np.isinf(value) else value


def _crossing(compared: Comparison) -> _Crossing | None:
    conditions, ranked = compared.results.study.conditions, set(compared.ranking["condition"])
    groups: dict[str, dict[str, str]] = {}
    for one in conditions:
        own = groups.setdefault(str(one.table["objective"]["kind"]), {})
        kind = str(one.table["constraint"]["kind"])
        if kind in own or one.name not in ranked or not _equal(one, conditions[0]):
            return None
        own[kind] = one.name
    kinds = {frozenset(own) for own in groups.values()}
    if len(kinds) != 1 or len(first := sorted(next(iter(kinds)))) != 2:
        return None
    return _Crossing(groups, (first[0], first[1]))


def _equal(one: Condition, other: Condition) -> bool:
    return one.knobs == other.knobs and all(one.table[part] == other.table[part] for part in ("networks", "training"))


def _decided(compared: Comparison, crossing: _Crossing, ahead: str, behind: str) -> str:
    """Whether one is decidedly closer than the other, and under how many objectives."""
    pairs = compared.pairs
    rows = [
        pairs[pairs["condition"].isin(list(pair.values())) & pairs["other"].isin(list(pair.values()))].iloc[0]
        for pair in crossing.conditions.values()
    ]
    names = {pair[ahead] for pair in crossing.conditions.values()}
    wins = [row["decided"] and (row["effect"] > 0.5) == (row["condition"] in names) for row in rows]
    told, than = _word(ahead), _word(behind)
    under = "" if len(rows) == 1 else " under both objectives" if len(rows) == 2 else " under every objective"
    p = p_value(max(row["p_adjusted"] for row in rows))
    if all(wins):
        return f"{told} comes closer than {than}{under} (p {'=' if len(rows) == 1 else '<='} {p})"
    if any(wins):
        return f"{told} comes decidedly closer than {than} under {sum(wins)} of {len(wins)} objectives"
    return f"whether {told} comes closer than {than} is undecided{under}"


def _slope(compared: Comparison, crossing: _Crossing, kind: str) -> float:
    """The median over its confirmed members of the critic's slope at the end."""
    curves, names = compared.results.curves, [pair[kind] for pair in crossing.conditions.values()]
    own = winners(curves[curves["metric"] == "critic_slope"])
    own = own[own["condition"].isin(names)]
    return float(own.sort_values("step").groupby(["condition", "seed"], observed=True)["value"].last().median())


def _seconds(compared: Comparison, crossing: _Crossing, kind: str) -> float:
    trials, names = compared.results.trials, [pair[kind] for pair in crossing.conditions.values()]
    own = winners(trials[trials["condition"].isin(names)])
    return float(own["elapsed_seconds"].sum())
