"""What the data of a study cannot support, and why, in plain sentences."""

from collections.abc import Iterable, Iterator
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from gan_core.stability import Thresholds
from studies.comparison.explored import Explored
from studies.comparison.pairs import LEVEL
from studies.comparison.robustness import Confirmed
from studies.sentences import counted
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
    for condition, lost in explore[explore["state"] == "failed"].groupby("condition", observed=True):
        yield f"{condition}: {counted(len(lost), 'explore trial')} given up count as failed at every distance."
    if (trials["phase"] == "exploit").any():
        yield (
            "Exploit enters no volume, width or budget curve: its configurations follow from earlier results and are "
            "no independent draws."
        )


def _about_volumes(comparison: "Comparison") -> Iterator[str]:
    explored = [one for one in comparison.explored if one.configurations and comparison.targets]
    yield from _about_knobs(explored)
    few = [one for one in explored if not one.grids and len(one.configurations) < FEW_CONFIGURATIONS]
    if few:
        fewest = min(len(one.configurations) for one in few)
        yield (
            f"{_names(few)}: fewer than {FEW_CONFIGURATIONS} configurations ({fewest}); the intervals of their volumes "
            "leave nearly everything open."
        )
    if explored and comparison.results.study.seeds == 1:
        yield "One seed a configuration: a volume cannot tell an unreliable configuration from a bad one."
    missed = [target for target in comparison.targets if not any(one.reaching(target.tau).any() for one in explored)]
    if explored and missed:
        tau, progress = max(missed)
        far = "" if np.isnan(progress) else f" ({progress:.0%} of the way to real data)"
        yield f"No configuration of any condition reaches a distance of {tau:.3g}{far} or less."
    if len(explored) == len(comparison.explored) == 1:
        yield "One condition: there is nothing to compare it with."


def _about_knobs(explored: Iterable[Explored]) -> Iterator[str]:
    said: dict[str, list[Explored]] = {}
    for one in explored:
        if not one.knobs:
            said.setdefault("no knob is searched; the volume is the chance of the one setting.", []).append(one)
        if one.grids:
            others = any(not isinstance(knob, Choice | Grid) for knob in one.knobs.values())
            averaged = "; widths of other knobs are averages over these points" if others else ""
            said.setdefault(
                f"the values of {', '.join(one.grids)} are listed, not drawn. The volume is a share of the listed "
                f"points, without an interval; no budget curve, no difference of volumes{averaged}.",
                [],
            ).append(one)
    for sentence, conditions in said.items():
        yield f"{_names(conditions)}: {sentence}"


def _about_confirm(comparison: "Comparison") -> Iterator[str]:
    study, trials, ranked = comparison.results.study, comparison.results.trials, set(comparison.ranking["condition"])
    confirm = trials[trials["phase"] == "confirm"]
    given_up = set(confirm.loc[(confirm["state"] == "failed") & (confirm["trial"] == 0), "condition"].astype("str"))
    missing = [one.name for one in study.conditions if one.name not in ranked | given_up]
    if not study.search.confirm.best:
        yield "No ranking: the study confirms nothing."
    elif not ranked:
        yield "No ranking: no condition is confirmed yet."
    elif missing:
        yield f"{', '.join(missing)}: not confirmed yet and not in the ranking."
    untuned = [one.name for one in study.conditions if one.authors is None] if study.search.confirm.authors else []
    if untuned:
        yield f"{', '.join(untuned)}: no preset, so no authors' setting to hold it against."
    for name in sorted(given_up):
        instead = "the next that was confirmed is ranked in its place" if name in ranked else "it is not in the ranking"
        yield f"{name}: the configuration that ranked first before confirm was given up there; {instead}."


def _about_the_ranking(comparison: "Comparison") -> Iterator[str]:
    ranking = comparison.ranking
    yield (
        "The ranking is one of the settings that were found for each condition: no interval holds the variance of the "
        "search."
    )
    few = ranking[ranking["members"] < FEW_SEEDS]
    if len(few):
        yield f"{', '.join(few['condition'])}: fewer than {FEW_SEEDS} confirm seeds; the intervals are indicative."
    failed = ranking[ranking["distance"].isna()]
    for row in failed.itertuples():
        share = "every" if row.failure_rate == 1 else f"{round(row.failure_rate * row.members)} of {row.members}"
        yield f"{row.condition}: {share} confirmed member{'' if row.failure_rate == 1 else 's'} failed; no distance."
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
        yield (
            f"With {n} and {m} confirm seeds and {counted(len(tested), 'pair')} none can be decided: the smallest "
            f"possible p-value is {least:.2g}, and {min(1, least * len(tested)):.2g} once adjusted."
        )
    if not tested["exact"].all():
        yield "Too many seeds to try every split: p-values of pairs are of random ones, and have a smallest value."


def _about_critic_steps(confirmed: Iterable[Confirmed], thresholds: Thresholds) -> Iterator[str]:
    cut = min(one.critic_steps for one in confirmed)
    left = {one.condition: sum(steps <= cut for steps in one.measured_critic_steps()) - 1 for one in confirmed}
    short = {name: count for name, count in left.items() if count < 2 * thresholds.least}
    if short and len(set(left.values())) > 1:
        told = ", ".join(f"{name} ({count})" for name, count in short.items())
        yield f"At equal critic steps few measurements are left: {told}."


def _names(explored: Iterable[Explored]) -> str:
    return ", ".join(one.condition for one in explored)
