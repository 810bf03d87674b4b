"""Findings on what the confirmed settings of a study do not support."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gan_core.outcomes import OUTCOMES, OutcomeRules
from studies.analysis.comparison import Comparison
from studies.analysis.robustness import ConfirmTrial
from studies.file.budget import Budget
from studies.ledger.unfinished import TrialEnd
from studies.reporting.text.explore_caveats import unless_all
from studies.reporting.text.failures import FEWEST_IMPROVING
from studies.reporting.text.finding import Finding, Names, Part
from studies.reporting.text.fresh_seeds import smallest_p
from studies.reporting.text.incomplete_profiles import incomplete_profiles
from studies.reporting.text.unequal_conditions import unequal_conditions
from studies.reporting.text.without_result import ends_without_result
from studies.statistics.permutation import LEVEL, smallest_permutation_p

FEW_SEEDS = 10


@dataclass(frozen=True, kw_only=True)
class NoAuthorsSetting(Finding):
    """Conditions without an authors' setting to compare with."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class AuthorsWithoutResult(Finding):
    """A condition whose authors' setting ended without a result."""

    condition: str
    end: TrialEnd


@dataclass(frozen=True, kw_only=True)
class NotConfirmed(Finding):
    """A condition whose training on fresh seeds ended without a result."""

    condition: str
    end: TrialEnd


@dataclass(frozen=True, kw_only=True)
class NothingScored(Finding):
    """Conditions of which several settings were tried and all had the search score 0."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class StableWhileImproving(Finding):
    """Conditions of whose stable fresh seeds at least half were still improving at the end, with their number."""

    conditions: tuple[tuple[str, Part], ...]


@dataclass(frozen=True, kw_only=True)
class SingleSettingsRanked(Finding):
    """The ranking compares one setting found for each condition."""


@dataclass(frozen=True, kw_only=True)
class FewFreshSeeds(Finding):
    """Conditions with fewer than `limit` fresh seeds; empty if these are all of the study's."""

    conditions: Names
    limit: int = FEW_SEEDS


@dataclass(frozen=True, kw_only=True)
class RankedByFailures(Finding):
    """Every setting found failed."""


@dataclass(frozen=True, kw_only=True)
class OneFreshSeed(Finding):
    """Conditions with one fresh seed, whose pairs cannot be tested."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class NoneDecidable(Finding):
    """The smallest possible p-value with these numbers of seeds, before and after adjustment, decides no pair."""

    seeds: tuple[int, int]
    smallest: float
    adjusted: float
    pairs: int
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class EstimatedP(Finding):
    """The p-values are estimated from random permutations."""


@dataclass(frozen=True, kw_only=True)
class UnequalCriticSteps(Finding):
    """Number of critic steps that the setting found for each condition takes within the budget."""

    budget: Budget
    steps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class FewEvaluationsLeft(Finding):
    """Conditions with few evaluations left if all curves are cut at equal critic steps, with their number."""

    evaluations: tuple[tuple[str, int], ...]


def confirm_caveats(comparison: Comparison) -> Iterator[Finding]:
    """Findings on settings that are not confirmed, and on what the ranking and the tests of its pairs depend on."""
    yield from _on_missing(comparison)
    yield from incomplete_profiles(comparison)
    if len(comparison.ranking):
        yield from _on_ranking(comparison)
        yield from _on_pairs(comparison)
        yield from unequal_conditions(comparison.results.study)
        if not all(trial.counts_critic_steps for trial in comparison.confirmed):
            return  # a loop of the user's own is among the conditions
        yield from _on_critic_steps(comparison)
        if comparison.results.whole:
            yield from _on_equal_critic_steps(comparison.confirmed, comparison.results.study.outcomes)


def _on_missing(comparison: Comparison) -> Iterator[Finding]:
    study = comparison.results.study
    untuned = tuple(condition.name for condition in study.conditions if condition.authors is None)
    if study.search.confirm.authors and untuned:
        yield NoAuthorsSetting(conditions=untuned)
    for condition, end in ends_without_result(comparison, "authors").items():
        yield AuthorsWithoutResult(condition=condition, end=end)
    for condition, end in ends_without_result(comparison).items():
        yield NotConfirmed(condition=condition, end=end)


def _on_ranking(comparison: Comparison) -> Iterator[Finding]:
    ranking = comparison.ranking
    if nothing := _nothing_scored(comparison):
        yield NothingScored(conditions=nothing)
    if improving := _stable_while_improving(comparison):
        yield StableWhileImproving(conditions=improving)
    yield SingleSettingsRanked()
    few = ranking.loc[ranking["members"] < FEW_SEEDS, "condition"].tolist()
    if few:
        yield FewFreshSeeds(conditions=unless_all(few, comparison))
    if ranking["distance"].isna().all():
        yield RankedByFailures()


def _stable_while_improving(comparison: Comparison) -> tuple[tuple[str, Part], ...]:
    outcomes = comparison.outcomes
    stable = outcomes[(outcomes["phase"] == "confirm") & (outcomes["outcome"] == OUTCOMES[0])]
    rising = stable[(stable["improving"] >= FEWEST_IMPROVING) & (2 * stable["improving"] >= stable["members"])]
    return tuple((str(row.condition), Part(int(row.improving), int(row.members))) for row in rising.itertuples())


def _nothing_scored(comparison: Comparison) -> Names:
    """The confirmed conditions of which several settings were tried, all with the search score 0."""
    trials = comparison.results.trials
    scores = trials[trials["phase"].isin(("explore", "exploit"))].groupby("condition", observed=True)["search_score"]
    without = scores.agg(["size", "max"]).query("size > 1 and max <= 0").index
    searched = {condition.name for condition in comparison.results.study.conditions if condition.hyperparameters}
    return tuple(name for name in comparison.ranking["condition"] if name in without and name in searched)


def _on_pairs(comparison: Comparison) -> Iterator[Finding]:
    pairs, ranking = comparison.pairs, comparison.ranking
    single = tuple(ranking.loc[ranking["members"] < 2, "condition"])
    if single:
        yield OneFreshSeed(conditions=single)
    tested = pairs[pairs["p_value"].notna()]
    if tested.empty:
        return
    if comparison.results.study.search.confirm.groups > 1:
        yield from smallest_p(comparison)
        return
    first = tested.iloc[0]
    seeds = int(first["members"]), int(first["other_members"])
    smallest = smallest_permutation_p(*seeds)
    adjusted = smallest * len(tested)
    if adjusted >= LEVEL:
        yield NoneDecidable(seeds=seeds, smallest=smallest, adjusted=min(1, adjusted), pairs=len(tested))
    if not tested["exact"].all():
        yield EstimatedP()


def _on_critic_steps(comparison: Comparison) -> Iterator[Finding]:
    """The critic steps of the settings found, if they differ within a budget of generator steps."""
    study = comparison.results.study
    steps = {trial.condition: trial.critic_steps for trial in comparison.confirmed}
    if study.budget.unit == "generator_steps" and len(set(steps.values())) > 1:
        yield UnequalCriticSteps(budget=study.budget, steps=tuple(steps.items()))


def fewest_evaluations(rules: OutcomeRules) -> int:
    """Number of evaluations below which the late window, at its smallest length, is more than half of a curve."""
    return 2 * rules.least


def _on_equal_critic_steps(confirmed: Iterable[ConfirmTrial], rules: OutcomeRules) -> Iterator[Finding]:
    confirmed = list(confirmed)
    cut = min(trial.critic_steps for trial in confirmed)
    left = {trial.condition: sum(steps <= cut for steps in trial.measured_critic_steps()) - 1 for trial in confirmed}
    few = tuple((name, count) for name, count in left.items() if count < fewest_evaluations(rules))
    if few and len(set(left.values())) > 1:
        yield FewEvaluationsLeft(evaluations=few)
