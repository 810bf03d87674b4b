"""Sentences about the members that failed."""

from collections.abc import Iterator

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.reporting.text.phrases import MAX_NAMES, first_sentences, join_words

_MEMBERS = {"explore": "GANs of the explore phase", "confirm": "fresh seeds of the setting found"}


def failure_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on each condition's failed members: their number by outcome, and how many were still improving."""
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


def _clauses(outcomes: pd.DataFrame) -> list[str]:
    """One clause for each phase in which members failed."""
    parts = []
    for phase, members in _MEMBERS.items():
        in_phase = outcomes[outcomes["phase"] == phase]
        failed = in_phase[(in_phase["outcome"] != OUTCOMES[0]) & (in_phase["members"] > 0)]
        if failed.empty:
            continue
        kinds = ", ".join(f"{row.members} {row.outcome}" for row in failed.itertuples())
        count = int(failed["members"].sum())
        still = _still_improving(int(failed["improving"].sum()), count)
        parts.append(f"{count} of {in_phase['members'].sum()} {members} failed ({kinds}{still})")
    return parts


def _still_improving(improving: int, failed: int) -> str:
    """Number of failed members that were still improving, as in "; 9 of these 14 were still improving at the end"."""
    if not improving:
        return ""
    if failed == 1:
        return "; still improving at the end"
    return f"; {improving} of these {failed} {'was' if improving == 1 else 'were'} still improving at the end"
