"""Which conditions cover all known modes, where the data have them."""

from collections.abc import Iterator

import pandas as pd

from studies.comparison import Comparison, wilson
from studies.comparison.ranking import winners
from studies.sentences import counted
from studies.verdict.phrases import ALL, listed


def covered(compared: Comparison) -> pd.Series:
    """Of each confirmed condition how many known modes its members cover at the end; empty without known modes.

    A member without a last measurement, or whose fakes are not finite, covers none.
    """
    curves = compared.results.curves
    own = winners(curves[curves["metric"] == "modes_covered"])
    if own.empty:
        return pd.Series(dtype="object")
    last = own.sort_values("step").groupby(["condition", "seed"], observed=True)["value"].last().fillna(0)
    found = {}
    for row in compared.ranking.itertuples():
        known = last.loc[[row.condition]].tolist() if row.condition in last.index.get_level_values(0) else []
        found[row.condition] = sorted([*known, *[0.0] * (row.members - len(known))])
    return pd.Series(found, dtype="object")


def modes(compared: Comparison) -> str:
    """Who covers all modes with every seed, and with how many seeds the others do; empty without known modes."""
    by_condition = covered(compared)
    known = compared.results.data.modes if len(by_condition) else None
    if known is None:
        return ""
    count = len(known.centers)
    shares = {name: (sum(one >= count for one in values), len(values)) for name, values in by_condition.items()}
    always = [str(name) for name, (full, members) in shares.items() if full == members]
    rest: dict[str, list[str]] = {}
    for name, (full, members) in sorted(shares.items(), key=lambda item: -item[1][0]):
        if full < members:
            rest.setdefault(f"{full or 'none'} of {members}", []).append(str(name))
    others = [f"{listed(names, 'and', ALL)} with {how}" for how, names in rest.items()]
    seeds = max(members for _, members in shares.values())
    each = f"each of {seeds} fresh seeds" if seeds > 1 else "the one fresh seed"
    if always:
        opening = f"{listed(always, 'and', ALL)} cover{'' if len(always) > 1 else 's'} all {count} modes with {each}"
    else:
        opening = f"no condition covers all {count} modes with {each}"
    return "; ".join([opening, *others])


def modes_sure(compared: Comparison) -> Iterator[str]:
    """What so many seeds say about the next ones, where somebody covers all known modes."""
    by_condition = covered(compared)
    known = compared.results.data.modes if len(by_condition) else None
    if known is None or not any(min(values) >= len(known.centers) for values in by_condition):
        return
    seeds = max(len(values) for values in by_condition)
    low, high = wilson(seeds, seeds)
    yield f"{seeds} of {counted(seeds, 'seed')} is a share of {low:.0%} to {high:.0%} (95% interval)."
