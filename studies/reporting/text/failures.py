"""Sentences about the members that failed."""

from collections.abc import Iterator

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.reporting.text.phrases import MAX_NAMES, first_sentences, join_words
from studies.tables.columns import WITHOUT_RESULT

FEWEST_IMPROVING = 3
"""Smallest number of a condition's failed fresh seeds that were still improving for a remark on the budget."""
_MEMBERS = {"explore": "GANs of the explore phase", "confirm": "fresh seeds of the setting found"}


def failure_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on each condition's failed members: their number by outcome, and how many were still improving.

    Members of trials that ended without a result are counted apart: they have no outcome.
    """
    outcomes = comparison.outcomes[comparison.outcomes["phase"].isin(list(_MEMBERS))]
    trained = set(outcomes["condition"])
    names = [condition.name for condition in comparison.results.study.conditions if condition.name in trained]
    if not names:
        return
    clauses = {name: _clauses(outcomes[outcomes["condition"] == name]) for name in names}
    failures = (f"{name}: {' and '.join(parts)}." for name, parts in clauses.items() if parts)
    yield from first_sentences(failures, "outcomes")
    without = [name for name, parts in clauses.items() if not parts]
    if without:
        yield f"No failures: {join_words(without, most=MAX_NAMES)}."
    if (outcomes["improving"] * (outcomes["outcome"] != OUTCOMES[0])).any():
        yield (
            "A failed GAN whose progress still rose in the last third of its evaluations (still improving) suggests "
            "that the budget is too short, not that training is unstable."
        )


def short_budget_clause(comparison: Comparison) -> str:
    """Clause on the conditions whose budget may have been too short.

    At least `FEWEST_IMPROVING` fresh seeds of the setting found failed while they were still improving, and these are
    at least half of those that failed.
    """
    outcomes = comparison.outcomes
    failed = outcomes[(outcomes["phase"] == "confirm") & outcomes["outcome"].isin(OUTCOMES[1:])]
    counts = failed.groupby("condition", sort=False, observed=True)[["members", "improving"]].sum()
    short = counts[(counts["improving"] >= FEWEST_IMPROVING) & (2 * counts["improving"] >= counts["members"])]
    if short.empty:
        return ""
    of_each = [f"{row.improving} of {row.members} for {row.Index}" for row in short.itertuples()]
    return (
        "the budget may have been too short: failed fresh seeds of the settings found were still improving at the end "
        f"({', '.join(of_each)})"
    )


def _clauses(outcomes: pd.DataFrame) -> list[str]:
    """Clauses for each phase in which members failed or have no result."""
    parts = []
    for phase, members in _MEMBERS.items():
        in_phase = outcomes[outcomes["phase"] == phase]
        total, present = in_phase["members"].sum(), in_phase[in_phase["members"] > 0]
        failed = present[present["outcome"].isin(OUTCOMES[1:])]
        if count := int(failed["members"].sum()):
            still = _still_improving(int(failed["improving"].sum()), count)
            parts.append(f"{count} of {total} {members} failed ({_kinds(failed)}{still})")
        without = present[present["outcome"].isin(WITHOUT_RESULT)]
        if count := int(without["members"].sum()):
            has = "has" if count == 1 else "have"
            parts.append(f"{count} of {total} {members} {has} no result and did not work ({_kinds(without)})")
    return parts


def _kinds(outcomes: pd.DataFrame) -> str:
    return ", ".join(f"{row.members} {row.outcome}" for row in outcomes.itertuples())


def _still_improving(improving: int, failed: int) -> str:
    """Number of failed members that were still improving, as in "; 9 of these 14 were still improving at the end"."""
    if not improving:
        return ""
    if failed == 1:
        return "; still improving at the end"
    return f"; {improving} of these {failed} {'was' if improving == 1 else 'were'} still improving at the end"
