"""What the data of a study cannot support, and why, in plain sentences."""

from collections.abc import Iterable, Iterator
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from gan_core.stability import Thresholds
from studies.comparison.explored import Explored
from studies.comparison.pairs import LEVEL
from studies.comparison.ranking import FIRST
from studies.comparison.robustness import Confirmed
from studies.sentences import knob_name
from studies.space import Choice, Grid

if TYPE_CHECKING:
    from studies.comparison.comparison import Comparison

FEW_CONFIGURATIONS = 8
FEW_SEEDS = 10


def notes(comparison: "Comparison") -> Iterator[str]:
    """One sentence for each thing that is not printed, or is printed and must be read with care."""
    yield from _about_explore(comparison)
    yield from _about_volumes(comparison)
    yield from _about_confirm(comparison)
    if len(comparison.ranking):
        yield from _about_the_ranking(comparison)
        yield from _about_pairs(comparison)
        yield from _about_critic_steps(comparison.confirmed, comparison.results.study.stability)


def _about_explore(comparison: "Comparison") -> Iterator[str]:
    explored, trials = comparison.explored, comparison.results.trials
    planned = sum(one.planned for one in explored)
    known = sum(len(one.configurations) for one in explored)
    explore = trials[trials["phase"] == "explore"]
    ended = int(explore["state"].isin(["finished", "failed"]).sum())
    if known < planned:
        late = f" {ended - known} more ended behind one that has not." if ended > known else ""
        yield (
            f"Explore is incomplete: {known} of its {planned} trials count, the longest run from the first on in "
            f"which every trial ended, since failures are fast.{late}"
        )
    if not known:
        yield "No volume, width or budget curve: no explore trial counts yet."
    elif not comparison.targets:
        yield "No volume, width or budget curve: no trial has finished, so there is no line from constant to real data."
    lost = explore.loc[explore["state"] == "failed", "condition"].value_counts()
    given_up = [f"{lost[one.condition]} of {one.condition}" for one in explored if lost.get(one.condition, 0)]
    if given_up:
        yield f"Explore trials that were given up count as failed at every distance: {', '.join(given_up)}."
    if (trials["phase"] == "exploit").any():
        yield (
            "Exploit enters no volume, width or budget curve: its configurations follow from earlier results and are "
            "no independent draws."
        )


def _about_volumes(comparison: "Comparison") -> Iterator[str]:
    explored = [one for one in comparison.explored if one.configurations and comparison.targets]
    yield from _about_knobs(comparison, explored)
    few = [one for one in explored if not one.grids and len(one.configurations) < FEW_CONFIGURATIONS]
    if few:
        fewest = min(len(one.configurations) for one in few)
        yield (
            f"Fewer than {FEW_CONFIGURATIONS} configurations ({fewest}){_of(_names(few), comparison)}: the intervals "
            "of volumes leave nearly everything open."
        )
    if explored and comparison.results.study.seeds == 1:
        yield "One seed a configuration: a volume cannot tell an unreliable configuration from a bad one."
    missed = [target for target in comparison.targets if not any(one.reaching(target.tau).any() for one in explored)]
    if explored and 0 < len(missed) < len(comparison.targets):
        tau, progress = max(missed)
        far = "" if np.isnan(progress) else f" ({progress:.0%} of the way to real data)"
        yield f"No configuration of any condition reaches a distance of {tau:.3g}{far} or less."
    if len(explored) == len(comparison.explored) == 1:
        yield "One condition: there is nothing to compare it with."


def _about_knobs(comparison: "Comparison", explored: Iterable[Explored]) -> Iterator[str]:
    fixed = [one for one in explored if not one.knobs]
    if fixed:
        yield f"No knob is searched{_of(_names(fixed), comparison)}: the volume is the chance of the one setting."
    listed: dict[str, list[Explored]] = {}
    for one in explored:
        if one.grids:
            others = any(not isinstance(knob, Choice | Grid) for knob in one.knobs.values())
            averaged = "; widths of other knobs are averages over these points" if others else ""
            listed.setdefault(
                f": a volume is a share of the listed points, without an interval; no budget curve, no difference of "
                f"volumes{averaged}.",
                [],
            ).append(one)
    for consequence, conditions in listed.items():
        knobs = ", ".join(dict.fromkeys(knob_name(knob) for one in conditions for knob in one.grids))
        yield f"Listed, not drawn, are the values of {knobs}{_of(_names(conditions), comparison)}{consequence}"


def _about_confirm(comparison: "Comparison") -> Iterator[str]:
    study, trials = comparison.results.study, comparison.results.trials
    confirm = trials[trials["phase"] == "confirm"]
    lost = set(confirm.loc[(confirm["state"] == "failed") & (confirm["trial"] == FIRST), "condition"].astype("str"))
    untuned = [one.name for one in study.conditions if one.authors is None] if study.search.confirm.authors else []
    if untuned:
        yield f"{', '.join(untuned)}: no preset, so no authors' setting to hold it against."
    if lost:
        names = ", ".join(one.name for one in study.conditions if one.name in lost)
        besides = " What was confirmed besides is in the table of trials." if study.search.confirm.best > 1 else ""
        yield (
            f"{names}: the configuration that ranked first before confirm was given up there, which counts as a "
            f"failure of each of its seeds.{besides}"
        )


def _about_the_ranking(comparison: "Comparison") -> Iterator[str]:
    ranking = comparison.ranking
    yield (
        "The ranking is one of the settings that were found for each condition: no interval holds the variance of the "
        "search."
    )
    few = ranking.loc[ranking["members"] < FEW_SEEDS, "condition"].tolist()
    if few:
        yield f"Fewer than {FEW_SEEDS} confirm seeds{_of(few, comparison)}: the intervals are indicative."
    failed = ranking[ranking["distance"].isna()]
    partly = failed.loc[failed["failure_rate"] < 1, "condition"].tolist()
    if partly:
        yield (
            f"No distance{_of(partly, comparison)}: not every seed failed, but so many that one stands in the middle "
            "half of them."
        )
    if len(failed) == len(ranking):
        yield "Every condition failed: the ranking is by failure rate and then by name."


def _about_pairs(comparison: "Comparison") -> Iterator[str]:
    pairs, ranking = comparison.pairs, comparison.ranking
    alone = ranking.loc[ranking["members"] < 2, "condition"]
    if len(alone):
        yield f"{', '.join(alone)}: one confirm seed; no pair with it can be tested."
    tested = pairs[pairs["p_value"].notna()]
    if tested.empty:
        return
    first = tested.iloc[0]
    n, m = first["members"], first["other_members"]
    least = 2 / comb(n + m, n)
    if least * len(tested) >= LEVEL:
        once = (
            f", and {min(1, least * len(tested)):.2g} once adjusted for {len(tested)} pairs" if len(tested) > 1 else ""
        )
        yield f"The smallest p-value that {n} and {m} confirm seeds can have is {least:.2g}{once}: none can be decided."
    if not tested["exact"].all():
        yield "Too many seeds to try every split: p-values of pairs are of random ones, and have a smallest value."


def _about_critic_steps(confirmed: Iterable[Confirmed], thresholds: Thresholds) -> Iterator[str]:
    cut = min(one.critic_steps for one in confirmed)
    left = {one.condition: sum(steps <= cut for steps in one.measured_critic_steps()) - 1 for one in confirmed}
    short = {name: count for name, count in left.items() if count < 2 * thresholds.least}
    if short and len(set(left.values())) > 1:
        told = ", ".join(f"{name} ({count})" for name, count in short.items())
        yield f"At equal critic steps few measurements are left: {told}."


def _names(explored: Iterable[Explored]) -> list[str]:
    return [one.condition for one in explored]


def _of(names: list[str], comparison: "Comparison") -> str:
    """Of whom it is said; nothing where it is of all."""
    return "" if len(names) == len(comparison.results.study.conditions) else f" for {', '.join(names)}"
