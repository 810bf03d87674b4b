"""A study's answer in words, every one of them generated from the numbers of its comparison."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gan_core.stability import OUTCOMES
from studies.comparison import Comparison


@dataclass(frozen=True)
class Topic:
    """What is said about one thing."""

    title: str
    sentences: tuple[str, ...]


ANSWER = "The answer"


def verdict(compared: Comparison) -> tuple[Topic, ...]:
    """The answer first, then what it rests on; topics about which the data say nothing are left out."""
    topics = {
        ANSWER: _answer(compared),
        "Which of them differ": _differences(compared),
        "Stable without tuning": _volumes(compared),
        "Over which range": _ranges(compared),
        "What failed and how": _failures(compared),
        "What tuning buys": _tuning(compared),
        "Does it depend on how one looks": _robustness(compared),
        "What the data cannot say": iter(compared.notes),
    }
    every = (Topic(title, tuple(sentences)) for title, sentences in topics.items())
    return tuple(topic for topic in every if topic.sentences)


def answer(compared: Comparison) -> tuple[str, ...]:
    """The first topic alone: who comes closest, how sure that is, and who needs the least tuning."""
    return tuple(_answer(compared))


def told(compared: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """A table's rows at the distance that sentences are about.

    It is the smallest that two conditions reach, else the largest: where nobody comes there is nothing to tell.
    """
    if not compared.targets:
        return table.iloc[:0]
    volumes = compared.volumes
    reached = volumes[volumes["reached"] > 0].groupby("tau")["condition"].nunique()
    shared = reached[reached >= 2]
    tau = shared.index.min() if len(shared) else max(target.tau for target in compared.targets)
    return table[table["tau"] == tau]


# -- the answer ----------------------------------------------------------------------------------------------------


def _answer(compared: Comparison) -> Iterator[str]:
    ranking = compared.ranking
    if ranking.empty:
        yield "Nothing is confirmed yet, so there is no answer."
        return
    best, rest = ranking.iloc[0], ranking.iloc[1:]
    if np.isnan(best["distance"]):
        if len(ranking) == 1:
            yield f"The setting found for {best['condition']} is not stable: {_failed(best)}."
        else:
            yield (
                "No setting found is stable: "
                + "; ".join(f"{row['condition']} {_failed(row)}" for _, row in ranking.iterrows())
                + "."
            )
        return
    name, close = best["condition"], _not_told_from(compared, best["condition"])
    yield (
        f"The setting found for {name} comes closest to the real data: distance {_interval(best, 'distance')} over "
        f"{best['members']} fresh seeds, {_failed(best)}{_against_lines(compared, best['distance'])}."
    )
    if rest.empty:
        return
    beaten = [one for one in rest["condition"] if one not in close]
    if not close:
        corrected = f"after correction for {_counted(len(compared.pairs), 'test')}"
        yield f"It is better than {_listed(beaten, 'and')}, {corrected}."
    elif beaten:
        yield f"It is better than {_listed(beaten, 'and')}, but cannot be told from {_listed(close, 'and')}."
    else:
        yield f"It cannot be told from {_listed(close, 'and')} with so many seeds."
    yield from _steadiest(compared, name)


def _steadiest(compared: Comparison, best: str) -> Iterator[str]:
    """Who needs the least tuning."""
    volumes = told(compared, compared.volumes)
    if len(volumes) < 2 or not volumes["reached"].any():
        return
    first = volumes.sort_values(["volume", "condition"], ascending=[False, True]).iloc[0]
    others = compared.volume_differences
    others = others[others["tau"] == first["tau"]]
    mine = others[(others["condition"] == first["condition"]) | (others["other"] == first["condition"])]
    undecided = [
        row.other if row.condition == first["condition"] else row.condition
        for row in mine.itertuples()
        if not row.decided
    ]
    same = "It" if first["condition"] == best else first["condition"]
    sure = f", though that cannot be told from {_listed(undecided, 'and')}" if undecided else ""
    yield (
        f"{same} is also the one" if same == "It" else f"{same} is the one"
    ) + f" that needs the least tuning: {_volume(first)}{sure}."


def _not_told_from(compared: Comparison, name: str) -> list[str]:
    """The other conditions whose difference from it is undecided, in the order of the ranking."""
    pairs = compared.pairs
    mine = pairs[(pairs["condition"] == name) | (pairs["other"] == name)]
    open_ = mine[~mine["decided"]]
    names = {row.other if row.condition == name else row.condition for row in open_.itertuples()}
    return [one for one in compared.ranking["condition"] if one in names]


def _against_lines(compared: Comparison, distance: float) -> str:
    lines = compared.results.lines
    floor, gaussian = lines.get("floor"), lines.get("gaussian")
    if not floor:
        return ""
    if gaussian is None:
        return f"; real against real has {floor:.3f}"
    side = "nearer than" if distance < gaussian else "not as near as"
    return f"; real against real has {floor:.3f}. That is {side} a Gaussian with the data's covariance, {gaussian:.3f}"


# -- which of them differ --------------------------------------------------------------------------------------------


def _differences(compared: Comparison) -> Iterator[str]:
    """What each condition is better than, and what it cannot be told from, in the order of the ranking."""
    pairs = compared.pairs.dropna(subset="p_value")
    for name in compared.ranking["condition"]:
        mine = [_seen_from(name, row) for row in pairs.itertuples() if name in (row.condition, row.other)]
        better = [one for one in mine if one.decided and one.effect > 0.5]
        if better:
            p = f"{'=' if len(better) == 1 else '<='} {_p(max(one.p for one in better))}"
            yield f"{name} is better than {_listed([one.other for one in better], 'and')} (p {p})."
        close = [one for one in mine if not one.decided and one.effect >= 0.5 and not one.told_before]
        if close:
            yield f"{name} cannot be told from {_listed([_undecided(one) for one in close], 'and')}."


class _Seen(NamedTuple):
    """A pair as one of its two conditions sees it; `told_before` where the other tells it, since neither is nearer."""

    other: str
    effect: float
    p: float
    decided: bool
    needed: Any
    told_before: bool


def _seen_from(name: str, row: Any) -> _Seen:
    first = row.condition == name
    effect = row.effect if first else 1 - row.effect
    other = row.other if first else row.condition
    return _Seen(other, effect, row.p_adjusted, row.decided, row.needed, not first and row.effect == 0.5)


def _undecided(pair: _Seen) -> str:
    if pd.isna(pair.needed):
        return f"{pair.other} (p = {_p(pair.p)}; neither is nearer more often)"
    return f"{pair.other} (p = {_p(pair.p)}; {pair.needed} seeds of each would decide it)"


# -- without tuning --------------------------------------------------------------------------------------------------


def _volumes(compared: Comparison) -> Iterator[str]:
    volumes = told(compared, compared.volumes)
    for _, row in volumes.sort_values(["volume", "condition"], ascending=[False, True]).iterrows():
        yield f"{row['condition']}: {_volume(row)}."
    if len(volumes) < 2:
        return
    differences = compared.volume_differences
    undecided = differences[(differences["tau"] == volumes["tau"].iloc[0]) & ~differences["decided"]]
    needed = undecided["needed"].dropna()
    if len(undecided) and len(needed):
        most, nearest = int(needed.max()), undecided.loc[needed.astype("int64").idxmin()]
        yield (
            f"Undecided are {len(undecided)} of {_counted(len(differences) // len(compared.targets), 'pair')}; about "
            f"{nearest['needed']} configurations of each would decide {nearest['condition']} against "
            f"{nearest['other']}, {most} all of them."
        )


def _volume(row: pd.Series) -> str:
    drawn = f"{row['reached']} of {row['configurations']}"
    sure = "" if np.isnan(row["volume_low"]) else f", {row['volume_low']:.0%} to {row['volume_high']:.0%} of its ranges"
    listed = "settings drawn from its ranges" if sure else "listed settings"
    return f"{drawn} {listed} end stable within {row['tau']:.3f} of the real data{sure}"


def _ranges(compared: Comparison) -> Iterator[str]:
    for _, row in told(compared, compared.widths).iterrows():
        knob = short_knob(row["knob"])
        if np.isnan(row["lowest"]):
            yield f"{row['condition']}: no value of {knob} that was drawn reaches that."
            continue
        borders = [side for side, at in (("below", "low"), ("above", "high")) if row[f"border_{at}"]]
        at_least = " at least" if borders else ""
        up_to = f"; it may go on {_listed(borders, 'and')} what was searched" if borders else ""
        yield (
            f"{row['condition']}: {knob} may be turned by{at_least} {row['width']:.2g} {row['unit']} "
            f"[{row['width_low']:.2g}, {row['width_high']:.2g}] of {row['stated']:.2g}, between {row['lowest']:.3g} "
            f"and {row['highest']:.3g}{up_to}."
        )
    shares = told(compared, compared.shares)
    for (condition, knob), group in shares[shares["configurations"] > 0].groupby(["condition", "knob"], sort=False):
        by_value = ", ".join(f"{row.reached} of {row.configurations} at {row.value}" for row in group.itertuples())
        yield f"{condition}: with {short_knob(str(knob))}, {by_value}."


# -- failures --------------------------------------------------------------------------------------------------------


def _failures(compared: Comparison) -> Iterator[str]:
    outcomes = compared.outcomes
    for condition in compared.results.study.conditions:
        own = outcomes[outcomes["condition"] == condition.name]
        parts = [_failed_in(own[own["phase"] == phase], words) for phase, words in _FAILED_IN.items()]
        if any(parts):
            yield f"{condition.name}: " + "; ".join(part for part in parts if part) + "."


_FAILED_IN = {"explore": "of its members drawn at random", "confirm": "of those of the setting found"}


def _failed_in(own: pd.DataFrame, words: str) -> str:
    members = int(own["members"].sum())
    failed = own[(own["outcome"] != OUTCOMES[0]) & (own["members"] > 0)]
    if not members:
        return ""
    if failed.empty:
        return f"none of {members} {words} failed"
    lost, improving = int(failed["members"].sum()), int(failed["improving"].sum())
    kinds = _listed([f"{row.members} {row.outcome}" for row in failed.itertuples()], "and")
    short = f", {improving} of them still improving: budget too short" if improving else ""
    return f"{lost} of {members} {words} failed ({kinds}{short})"


def _failed(row: pd.Series) -> str:
    lost = round(row["failure_rate"] * row["members"])
    if not lost:
        return f"none failed (at most {row['failure_high']:.0%} would)"
    return f"{lost} of {row['members']} failed ({row['failure_low']:.0%} to {row['failure_high']:.0%} would)"


# -- what tuning buys, and robustness --------------------------------------------------------------------------------


def _tuning(compared: Comparison) -> Iterator[str]:
    for row in compared.tuning.itertuples():
        found, authors = _distance(row.distance), _distance(row.authors_distance)
        sure = f"{'decided' if row.decided else 'undecided'}, p = {_p(row.p_adjusted)}"
        lost = f"{row.authors_failure_rate:.0%} against {row.failure_rate:.0%} of the seeds failed"
        yield f"{row.condition}: {authors} at its authors' settings, {found} at the setting found ({lost}; {sure})."


def _robustness(compared: Comparison) -> Iterator[str]:
    table = compared.robustness
    if table.empty or len(compared.ranking) < 2:
        return
    first = compared.ranking["condition"].iloc[0]
    leaders = table[table["rank"] == 1]
    other = leaders[(leaders["condition"] != first) & ~leaders["own"]]
    looked = len(leaders[~leaders["own"]])
    if other.empty:
        yield f"{first} stays first under each of {looked} other thresholds."
    for row in other.itertuples():
        yield f"With {row.threshold} = {row.value:g}, {row.condition} is first instead of {first}."
    equal = compared.equal_critic_steps
    if len(equal) and len({one.critic_steps for one in compared.confirmed}) > 1:
        steps, leader = int(equal["critic_steps"].min()), equal["condition"].iloc[0]
        stays = "stays first" if leader == first else f"gives way to {leader}"
        yield f"Held to {steps} critic steps for each condition, {first} {stays}."


# -- words -----------------------------------------------------------------------------------------------------------


def short_knob(path: str) -> str:
    """A knob's own name; with that of what it belongs to where it says too little alone."""
    parts = path.split(".")
    return ".".join(parts[-2:]) if "optimizer" in path or "networks" in path else parts[-1]


def _interval(row: pd.Series, name: str) -> str:
    low, high = _distance(row[f"{name}_low"]), _distance(row[f"{name}_high"])
    return f"{_distance(row[name])} [{low}, {high}]"


def _distance(value: float) -> str:
    return "failed" if np.isnan(value) else f"{value:.3f}"


def _p(value: float) -> str:
    return f"{value:.2g}"


def _listed(names: list[str], last: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _counted(count: Any, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
