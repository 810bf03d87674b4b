"""Number of seeds that cover all known modes, for data whose modes are known."""

from collections.abc import Iterator

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_shares
from studies.reporting.text.phrases import MAX_NAMES, found_for, join_words
from studies.statistics.intervals import wilson
from studies.tables.ranking import last_evaluations


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


def coverage_clause(comparison: Comparison) -> str:
    """Clause on the settings that cover all modes with each seed, and on the others; empty without known modes."""
    by_condition = modes_covered(comparison)
    known = comparison.results.data.modes if len(by_condition) else None
    if known is None:
        return ""
    count = len(known.centers)
    full = {str(name): sum(value >= count for value in values) for name, values in by_condition.items()}
    members = {str(name): len(values) for name, values in by_condition.items()}
    always = [name for name in full if full[name] == members[name]]
    others: dict[str, list[str]] = {}
    for name in sorted(full, key=lambda name: -full[name]):
        if name not in always:
            others.setdefault(f"{full[name] or 'none'} of {members[name]}", []).append(name)
    rest = [f"{number} for {join_words(names, most=MAX_NAMES)}" for number, names in others.items()]
    if not always:
        return f"no setting found covers all {count} modes with each of its fresh seeds: {', '.join(rest)} do"
    seeds = max(members.values())
    each = f"each of {seeds} fresh seeds" if seeds > 1 else "its only fresh seed"
    opening = f"{found_for(always)} cover{'' if len(always) > 1 else 's'} all {count} modes with {each}"
    return f"{opening}, against {', '.join(rest)}" if rest else opening


def coverage_interval(comparison: Comparison) -> Iterator[str]:
    """Sentence on the interval of the share of seeds that cover all modes, if all fresh seeds of a setting do."""
    by_condition = modes_covered(comparison)
    known = comparison.results.data.modes if len(by_condition) else None
    if known is None or not any(min(values) >= len(known.centers) for values in by_condition):
        return
    seeds = max(len(values) for values in by_condition)
    yield (
        f"If {seeds} of {seeds} seeds cover all modes, the 95% interval of the share of seeds that do so is "
        f"{format_shares(*wilson(seeds, seeds))}."
    )
