"""Limits of what the data of a study support, in sentences."""

from collections.abc import Iterable, Iterator
from math import comb

import numpy as np

from gan_core.outcomes import OutcomeRules
from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.robustness import ConfirmTrial
from studies.file.distributions import Choice, Grid
from studies.numbers import format_distance, format_p, format_share
from studies.reporting.text.fresh_seeds import smallest_p_sentences
from studies.reporting.text.incomplete_profiles import incomplete_profiles
from studies.reporting.text.phrases import (
    MAX_NAMES,
    budget_in_words,
    capitalize,
    counts_by_name,
    found_for,
    join_words,
    ones_found_for,
)
from studies.reporting.text.stopped_conditions import stopped_in_words
from studies.reporting.text.unequal_conditions import unequal_in_words
from studies.reporting.text.without_result import end_in_words, ends_without_result
from studies.statistics.permutation import LEVEL
from studies.tables.columns import END_NAMES, ENDED

FEW_CONFIGURATIONS = 8
FEW_SEEDS = 10


def caveats(comparison: Comparison) -> tuple[str, ...]:
    """A sentence for each result that is missing, and for each that holds only under a condition."""
    return tuple(_caveats(comparison))


def _caveats(comparison: Comparison) -> Iterator[str]:
    if comparison.results.further is not None:
        yield from _on_further_evaluation(comparison)
    yield from _on_explore(comparison)
    yield from _on_shares(comparison)
    yield from _on_confirm(comparison)
    yield from incomplete_profiles(comparison)
    if len(comparison.ranking):
        yield from _on_ranking(comparison)
        yield from _on_pairs(comparison)
        yield from (f"{sentence}." for sentence in unequal_in_words(comparison.results.study))
        yield from _on_critic_steps(comparison)
        if comparison.results.whole:
            yield from _on_equal_critic_steps(comparison.confirmed, comparison.results.study.outcomes)


def _on_further_evaluation(comparison: Comparison) -> Iterator[str]:
    yield (
        f"Distances and sample metrics are those of a further evaluation ({comparison.results.evaluation_changes}), "
        "made from the generators that were kept; the settings were chosen by the study's own evaluation."
    )
    if not comparison.results.whole:
        yield (
            "Generators were not kept at every evaluation: each GAN has the outcome that the study's own evaluation "
            "gave it, and best distances, gaps, roughness and the ranking at other thresholds are missing."
        )


# -- explore -----------------------------------------------------------------------------------------------------------


def _on_explore(comparison: Comparison) -> Iterator[str]:
    explored, trials = comparison.explored, comparison.results.trials
    planned = sum(condition.planned for condition in explored)
    counted = sum(len(condition.configurations) for condition in explored)
    explore = trials[trials["phase"] == "explore"]
    ended = int(explore["state"].isin(ENDED).sum())
    if counted < planned:
        rest = f" {ended - counted} later trials have ended but are not counted." if ended > counted else ""
        yield (
            f"Explore is incomplete: {counted} of its {planned} trials are counted, those before the first trial that "
            f"has not ended, because among later trials failures end first and would be overrepresented.{rest}"
        )
    missing = "There are no shares of settings that work, because"
    if comparison.maps:
        yield from _on_maps(comparison)
    elif not counted:
        yield f"{missing} no explore trial is counted yet."
    elif not comparison.targets:
        yield f"{missing} no trial has finished, so the reference distances are unknown."
    without_result = [
        f"{count} of {condition.condition} ({name})"
        for condition in explored
        for state, name in END_NAMES.items()
        if (count := int(((explore["state"] == state) & (explore["condition"] == condition.condition)).sum()))
    ]
    if without_result:
        yield f"Settings whose training ended without a result count as not working: {', '.join(without_result)}."
    yield from _on_lost(comparison)
    yield from stopped_in_words(comparison.results)
    if (trials["phase"] == "exploit").any():
        yield (
            "Exploit trials do not count in the shares: their settings were chosen from earlier results "
            "and are not independent random draws."
        )


def _on_maps(comparison: Comparison) -> Iterator[str]:
    yield (
        "The cells of a map are not drawn at random: there are no tuning curves and no share of random settings that "
        "work."
    )
    if comparison.results.study.seeds == 1:
        yield (
            "Each cell was trained with one seed: single cells among others of another outcome may be chance, and "
            "borders are known to about one cell."
        )


def _on_lost(comparison: Comparison) -> Iterator[str]:
    lost = [trial.spec.name for trial in comparison.results.trial_records if trial.state == "lost"]
    if lost:
        noun = "trial was" if len(lost) == 1 else "trials were"
        yield (
            f"{len(lost)} {noun} lost with the worker, the node or the storage and {'is' if len(lost) == 1 else 'are'} "
            f"missing here ({join_words(lost, most=MAX_NAMES)}): running the study again repeats "
            f"{'it' if len(lost) == 1 else 'them'}."
        )


def _on_shares(comparison: Comparison) -> Iterator[str]:
    explored = [trials for trials in comparison.explored if trials.configurations and comparison.targets]
    yield from _on_hyperparameters(comparison, explored)
    few = [trials for trials in explored if not trials.grids and len(trials.configurations) < FEW_CONFIGURATIONS]
    if few:
        fewest = min(len(trials.configurations) for trials in few)
        yield (
            f"Fewer than {FEW_CONFIGURATIONS} settings ({fewest}) were drawn{_for(_names(few), comparison)}: the "
            "intervals of the shares are very wide."
        )
    if explored and comparison.results.study.seeds == 1:
        yield (
            "Each setting was trained with one seed, so a setting that fails sometimes cannot be distinguished from "
            "one that fails always."
        )
    missed = [
        target for target in comparison.targets if not any(trials.reaching(target.tau).any() for trials in explored)
    ]
    if explored and 0 < len(missed) < len(comparison.targets):
        tau, progress = max(missed)
        way = "" if np.isnan(progress) else f" ({format_share(progress)} of the way from the constant to real data)"
        yield f"No setting of any condition reaches a distance of {format_distance(tau)} or less{way}."
    if len(explored) == len(comparison.explored) == 1:
        yield "The study has only one condition, so conditions are not compared."


def _on_hyperparameters(comparison: Comparison, explored: Iterable[ExploreTrials]) -> Iterator[str]:
    fixed = [condition for condition in explored if not condition.hyperparameters]
    if fixed:
        yield (
            f"No hyperparameter is searched{_for(_names(fixed), comparison)}: the share of settings that work is the "
            "share of repetitions of one setting."
        )
    by_consequence: dict[str, list[ExploreTrials]] = {}
    for condition in explored:
        if condition.grids:
            drawn = any(not isinstance(values, Choice | Grid) for values in condition.hyperparameters.values())
            averaged = "; ranges of the other hyperparameters are averages over the listed values" if drawn else ""
            by_consequence.setdefault(averaged, []).append(condition)
    names = comparison.results.study.short_names
    for averaged, conditions in by_consequence.items():
        listed = dict.fromkeys(names[path] for condition in conditions for path in condition.grids)
        yield (
            f"The values of {join_words(list(listed))} are listed in the study file, not drawn at random"
            f"{_for(_names(conditions), comparison)}: a share is a share of the listed settings and has no interval, "
            f"and differences between shares are not computed{averaged}."
        )


# -- confirm -----------------------------------------------------------------------------------------------------------


def _on_confirm(comparison: Comparison) -> Iterator[str]:
    study = comparison.results.study
    untuned = [condition.name for condition in study.conditions if condition.authors is None]
    if study.search.confirm.authors and untuned:
        yield f"No comparison with an authors' setting for {join_words(untuned)}: the study file names no preset there."
    for condition, end in ends_without_result(comparison, "authors").items():
        yield (
            f"No comparison with the authors' setting for {condition}: its training ended without a result "
            f"({end_in_words(end)})."
        )
    for condition, end in ends_without_result(comparison).items():
        yield (
            f"{condition} is not confirmed, which does not mean that its setting fails: its training on fresh seeds "
            f"ended without a result ({end_in_words(end)})."
        )


def _on_ranking(comparison: Comparison) -> Iterator[str]:
    ranking = comparison.ranking
    yield (
        "The ranking compares one setting found for each condition; its intervals include the variation between seeds, "
        "but not the variation between repeated searches, which might find other settings."
    )
    few = ranking.loc[ranking["members"] < FEW_SEEDS, "condition"].tolist()
    if few:
        yield f"Fewer than {FEW_SEEDS} fresh seeds{_for(few, comparison)}: the intervals are rough."
    failed = ranking[ranking["distance"].isna()]
    partly = failed.loc[failed["failure_rate"] < 1, "condition"].tolist()
    if partly:
        yield (
            f"{capitalize(found_for(partly))} {'has' if len(partly) == 1 else 'have'} no distance: not every seed "
            "failed, but so many that a failed seed lies in the middle half, over which the distance is averaged."
        )
    if len(failed) == len(ranking):
        yield "Every setting found failed, so the ranking is ordered by failure rate, then by name."


def _on_pairs(comparison: Comparison) -> Iterator[str]:
    pairs, ranking = comparison.pairs, comparison.ranking
    single = ranking.loc[ranking["members"] < 2, "condition"].tolist()
    if single:
        yield f"One fresh seed for {join_words(single)}: no pair with {ones_found_for(single)} can be tested."
    tested = pairs[pairs["p_value"].notna()]
    if tested.empty:
        return
    if comparison.results.study.search.confirm.groups > 1:
        yield from smallest_p_sentences(comparison)
        return
    first = tested.iloc[0]
    n, m = first["members"], first["other_members"]
    smallest = 2 / comb(n + m, n)
    adjusted = min(1, smallest * len(tested))
    if smallest * len(tested) >= LEVEL:
        after = f", or {format_p(adjusted)} after adjustment for {len(tested)} pairs" if len(tested) > 1 else ""
        yield (
            f"With {n} and {m} fresh seeds the smallest possible p-value is {format_p(smallest)}{after}, so no pair "
            f"can be decided at the level {LEVEL:g}."
        )
    if not tested["exact"].all():
        yield (
            "There are too many seeds to compute every permutation: the p-values of pairs are estimated from random "
            "permutations and cannot fall below a smallest value."
        )


def _on_critic_steps(comparison: Comparison) -> Iterator[str]:
    """Sentence on the critic steps of the settings found, if they differ within a budget of generator steps."""
    study = comparison.results.study
    steps = {trial.condition: trial.critic_steps for trial in comparison.confirmed}
    if study.budget.unit == "generator_steps" and len(set(steps.values())) > 1:
        yield (
            f"Within the budget of {budget_in_words(study)} the settings found take different numbers of critic steps: "
            f"{counts_by_name(steps)}."
        )


def fewest_evaluations(rules: OutcomeRules) -> int:
    """Number of evaluations below which the late window, at its smallest length, is more than half of a curve."""
    return 2 * rules.least


def _on_equal_critic_steps(confirmed: Iterable[ConfirmTrial], rules: OutcomeRules) -> Iterator[str]:
    confirmed = list(confirmed)
    cut = min(trial.critic_steps for trial in confirmed)
    left = {trial.condition: sum(steps <= cut for steps in trial.measured_critic_steps()) - 1 for trial in confirmed}
    few = {name: count for name, count in left.items() if count < fewest_evaluations(rules)}
    if few and len(set(left.values())) > 1:
        yield f"Few evaluations are left if all curves are cut at equal critic steps: {counts_by_name(few)}."


def _names(explored: Iterable[ExploreTrials]) -> list[str]:
    return [condition.condition for condition in explored]


def _for(names: list[str], comparison: Comparison) -> str:
    """The conditions that a sentence is about, as in " for a and b"; empty if these are all of the study's."""
    return "" if len(names) == len(comparison.results.study.conditions) else f" for {join_words(names)}"
