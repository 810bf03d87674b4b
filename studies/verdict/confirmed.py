"""What is said about the settings that were confirmed: which differ, what tuning buys, what other rules change."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from studies.comparison import Comparison
from studies.sentences import counted
from studies.verdict.phrases import MOST, distance, few, in_order, listed, p_value, would_decide


def differences(compared: Comparison) -> Iterator[str]:
    """Who is better than whom, what is undecided, and how many seeds would decide it."""
    pairs, names = compared.pairs.dropna(subset="p_value"), compared.ranking["condition"].tolist()
    if pairs.empty:
        return
    if len(pairs) > 1:
        sentences = (
            f"{listed(better)} {'are each' if len(better) > 1 else 'is'} better than {listed(worse)} ({_p(rows)})."
            for better, (worse, rows) in in_order(pairs, pairs["effect"] > 0.5, names)
        )
        yield from few(sentences, "pairs")
    undecided = pairs[~pairs["decided"]].sort_values("p_adjusted", kind="stable")
    if undecided.empty:
        return
    if len(pairs) > 1:
        told = [f"{row.condition} and {row.other} ({_told_p(row)})" for row in undecided.itertuples()]
        verb = "is" if len(told) == 1 else "are"
        named = f": {', '.join(told)}" if len(told) <= MOST else f" ({_least_p(undecided)})"
        yield f"{len(told)} of {counted(len(pairs), 'pair')} {verb} undecided{named}."
    yield from would_decide(undecided, "seeds of each", "the differences")


def _told_p(row: Any) -> str:
    return f"p = {p_value(row.p_adjusted)}"


def _least_p(undecided: pd.DataFrame) -> str:
    least = undecided["p_adjusted"].min()
    return f"p {'>=' if least < 1 else '='} {p_value(least)}"


def _p(rows: pd.DataFrame) -> str:
    return f"p {'=' if len(rows) == 1 else '<='} {p_value(rows['p_adjusted'].max())}"


def tuning(compared: Comparison) -> Iterator[str]:
    """Each setting that was found against its authors'."""
    yield from few((_bought(row) for _, row in compared.tuning.iterrows()), "what tuning buys")


def _bought(row: pd.Series) -> str:
    lost = [
        f"{round(row[f'{arm}failure_rate'] * row[f'{arm}members'])} of {row[f'{arm}members']}"
        for arm in ("", "authors_")
    ]
    numbers = (
        f"{distance(row['distance'])} against {distance(row['authors_distance'])} at its authors' settings "
        f"({lost[0]} against {lost[1]} seeds failed"
    )
    if pd.isna(row["p_value"]):
        return f"{row['condition']}: {numbers}; too few seeds for a test)."
    sure = f"p = {p_value(row['p_adjusted'])}"
    if not row["decided"]:
        return f"{row['condition']}: whether tuning changed it is undecided, {numbers}; {sure})."
    word = "better" if row["effect"] > 0.5 else "worse"
    return f"{row['condition']}: tuning made it {word}, {numbers}; {sure})."


# -- other rules -------------------------------------------------------------------------------------------------------


def robustness(compared: Comparison) -> Iterator[str]:
    """Who is first under other thresholds, and at equal critic steps."""
    ranking = compared.ranking
    if len(ranking) < 2 or ranking["distance"].isna().all():
        return
    first = ranking["condition"].iloc[0]
    other = compared.robustness
    leaders = other[(other["rank"] == 1) & ~other["own"]]
    yield from _under_thresholds(first, leaders)
    yield from _at_equal_steps(compared, first)


def _under_thresholds(first: str, leaders: pd.DataFrame) -> Iterator[str]:
    changed = leaders[(leaders["condition"] != first) | leaders["distance"].isna()]
    if changed.empty:
        yield f"{first} stays first under each of {len(leaders)} other thresholds, changed one at a time."
        return
    kept = len(leaders) - len(changed)
    yield f"{first} stays first under {kept} of {len(leaders)} other thresholds, changed one at a time."
    named = changed["condition"].where(changed["distance"].notna(), "")
    for other, rows in changed.groupby(named, sort=False):
        where = [f"{row.threshold} = {row.value:g}" for row in rows.itertuples()]
        yield f"With {listed(where, 'or')} {f'{other} is first' if other else 'every setting found fails'}."


def _at_equal_steps(compared: Comparison, first: str) -> Iterator[str]:
    equal = compared.equal_critic_steps
    if equal.empty or len({one.critic_steps for one in compared.confirmed}) == 1:
        return
    leader, steps = equal.iloc[0], int(equal["critic_steps"].min())
    if pd.isna(leader["distance"]):
        yield f"Held to {steps} critic steps each, every setting found fails."
    else:
        stays = f"{first} stays first" if leader["condition"] == first else f"{leader['condition']} is first"
        yield f"Held to {steps} critic steps each, {stays}."
