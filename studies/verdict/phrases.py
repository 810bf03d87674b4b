"""What sentences are made of: numbers as a reader sees them, lists that end, and who is better than whom."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from studies.comparison import Comparison

MOST = 6
"""Names, pairs and sentences that are told one by one; of more it is said how many there are."""
ALL = 20
"""The same where each name is part of the answer."""


def distance(value: float) -> str:
    """Three decimals; two digits of one below .01, of which they would leave one digit or none."""
    if np.isnan(value):
        return "failed"
    return f"{value:.3f}" if abs(value) >= 0.00995 else f"{value:.2g}"


def failed_of(row: pd.Series) -> str:
    """As in "2 of 10"."""
    return f"{round(row['failure_rate'] * row['members'])} of {row['members']}"


def p_value(value: float) -> str:
    """Two digits."""
    return f"{value:.2g}"


def listed(names: Sequence[str], last: str = "and", most: int = MOST) -> str:
    """As in "a, b and c"; of more than `most` the first ones and how many there are besides."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} {last} {len(names) - most + 1} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def few(sentences: Iterable[str], about: str) -> Iterator[str]:
    """The first `MOST` sentences, and where the rest stands."""
    every = list(sentences)
    if len(every) <= MOST:
        yield from every
        return
    yield from every[: MOST - 1]
    yield f"{len(every) - MOST + 1} more are in the table of {about}."


def goal(compared: Comparison) -> str:
    """What distances are measured to."""
    return "the equilibrium" if compared.results.study.data.kind == "dirac" else "the real data"


def in_order(pairs: pd.DataFrame, leads: "pd.Series[bool]", names: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
    """Who is decidedly ahead of whom: the names that are ahead of the same ones, with the rows that say so.

    leads  of every pair whether `condition` is ahead of `other`; else it is behind
    """
    ahead: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        beaten = set(pairs.loc[pairs["decided"] & leads & (pairs["condition"] == name), "other"])
        beaten |= set(pairs.loc[pairs["decided"] & ~leads & (pairs["other"] == name), "condition"])
        if beaten:
            ahead.setdefault(tuple(one for one in names if one in beaten), []).append(name)
    for behind, together in ahead.items():
        rows = pairs[
            (pairs["condition"].isin(together) & pairs["other"].isin(behind))
            | (pairs["other"].isin(together) & pairs["condition"].isin(behind))
        ]
        yield together, (list(behind), rows)


def would_decide(undecided: pd.DataFrame, what: str, were: str) -> Iterator[str]:
    """How much more would decide what is undecided; nothing where no number would."""
    needed = undecided["needed"].dropna().astype("int64")
    if needed.empty:
        return
    least, most = needed.min(), needed.max()
    nearest = undecided.loc[needed[needed == least].index]
    if len(nearest) == 1:
        which = f"{nearest['condition'].iloc[0]} against {nearest['other'].iloc[0]}"
    else:
        which = "all of them" if len(nearest) == len(undecided) else f"{len(nearest)} of these pairs"
    rest = f" and {most} {'all' if len(needed) == len(undecided) else 'all that differ at all'}" if most > least else ""
    each = "each " if len(needed) > 1 else ""
    yield (
        f"Were {were} what they look like, about {least} {what} would decide {which}{rest}, {each}with a chance of 80%."
    )
