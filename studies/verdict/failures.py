"""What is said about the members that failed."""

from collections.abc import Iterator

import pandas as pd

from gan_core.stability import OUTCOMES
from studies.comparison import Comparison
from studies.verdict.phrases import ALL, few, listed

_OF = {"explore": "explored members", "confirm": "fresh seeds of the setting found"}


def failures(compared: Comparison) -> Iterator[str]:
    """How many members of each condition failed, of what, and how many of those still improved."""
    outcomes = compared.outcomes[compared.outcomes["phase"].isin(list(_OF))]
    names = [one.name for one in compared.results.study.conditions if one.name in set(outcomes["condition"])]
    if not names:
        return
    own = {name: outcomes[outcomes["condition"] == name] for name in names}
    failed = {name: [words for phase in _OF if (words := _failed(own[name], phase))] for name in names}
    yield from few((f"{name}: {' and '.join(words)}." for name, words in failed.items() if words), "outcomes")
    without = [name for name, words in failed.items() if not words]
    if without:
        yield f"No member of {listed(without, 'or', ALL)} failed."
    if (outcomes["improving"] * (outcomes["outcome"] != OUTCOMES[0])).any():
        yield "Failed members that still improved point to a budget that is too short, not to instability."


def _failed(own: pd.DataFrame, phase: str) -> str:
    own = own[own["phase"] == phase]
    lost = own[(own["outcome"] != OUTCOMES[0]) & (own["members"] > 0)]
    if lost.empty:
        return ""
    count, improving = int(lost["members"].sum()), int(lost["improving"].sum())
    kinds = ", ".join(f"{row.members} {row.outcome}" for row in lost.itertuples())
    still = f"; {improving} still improved" if improving else ""
    return f"{count} of {own['members'].sum()} {_OF[phase]} failed ({kinds}{still})"
