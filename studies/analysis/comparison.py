"""Comparison of a study's conditions, as tables."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.outcomes import progress
from studies.analysis.ablation import path_table, paths
from studies.analysis.chances import chances
from studies.analysis.explore_trials import ExploreTrials, Target, prefix_lengths, preset_defaults
from studies.analysis.importances import importances
from studies.analysis.metric_pairs import metric_pairs
from studies.analysis.metric_rankings import FurtherValues, further_values, metric_rankings
from studies.analysis.outcome_shares import outcomes
from studies.analysis.pairs import pairs
from studies.analysis.profiles import Profile, profile_members, profiles, stable_ranges
from studies.analysis.reference_variation import NEVER_NEGATIVE, reference_intervals
from studies.analysis.robustness import ConfirmTrial, equal_critic_steps, robustness
from studies.analysis.search_comparison import search_pairs, tuning_curves
from studies.analysis.stability_map import StabilityMap, stability_maps, stable_areas
from studies.analysis.tuning_gain import tuning
from studies.analysis.value_shares import shares
from studies.analysis.volumes import volume_differences, volumes
from studies.file.condition import Condition, step_counts
from studies.file.map_settings import ExploreMap
from studies.file.messages import few_names
from studies.ledger.trial_records import TrialRecord
from studies.shown_values import html_view, text_view
from studies.tables.member_outcomes import member_curves
from studies.tables.ranking import FIRST, RANKING, failed_as_infinity, groups_of_seeds
from studies.tables.results import Results

PROGRESS = (0.75, 0.9, 0.95)
"""Progress towards real data at the default target distances."""
STEPS = 40
"""Number of target distances of a volume curve, at equal steps from the constant at the data's mean to real data."""


class Comparison:
    """Tables that compare the conditions of one study, each computed on first access.

    Volumes and tuning curves are computed from explore, the ranking from confirm, neither from exploit. The cells of a
    stability map are not drawn at random: a study of maps has no volumes, shares, chances and tuning curves, and only
    such a study has `stable_areas`.

    volumes              stable volume of each condition, columns `VOLUMES`
    volume_curves        the same at `STEPS` target distances between the constant and real data
    volume_differences   difference of the stable volumes of every pair of conditions, columns `VOLUME_DIFFERENCES`
    profile_members      members of the profile trials, columns `PROFILES`
    stable_ranges        range of each hyperparameter around the setting found that is stable, columns `STABLE_RANGES`
    importances          importance of each hyperparameter for being among the best settings, columns `IMPORTANCES`
    shares               share of configurations that work at each listed value of a hyperparameter, columns `SHARES`
    stable_areas         share of the cells of each condition's stability map that are stable, columns `STABLE_AREAS`
    chances              chance of success against the number of draws, columns `CHANCES`
    tuning_curves        expected score of the best of n random configurations, columns `TUNING_CURVES`
    search_pairs         tests of every pair of conditions as methods under search, columns `SEARCH_PAIRS`
    ranking              the confirmed conditions, best first, columns `RANKING`
    reference_intervals  intervals of the distances over other real samples as well, columns `REFERENCE_INTERVALS`
    metric_rankings      the settings found under several metrics, beside controls, columns `METRIC_RANKINGS`
    metric_pairs         tests of every pair of settings found under these metrics, columns `METRIC_PAIRS`
    pairs                tests of every pair of confirmed conditions, columns `PAIRS`
    tuning               each setting found against the authors' setting, columns `TUNING`
    paths                the settings from the authors' to the setting found, columns `PATHS`
    robustness           the ranking under other outcome rules, columns `ROBUSTNESS`
    equal_critic_steps   the ranking at equal critic steps, columns `EQUAL_CRITIC_STEPS`
    outcomes             share of each outcome among the members, columns `OUTCOME_SHARES`

    `tau` gives the target distances, the same for all conditions; by default the distances with progress `PROGRESS`,
    computed from the reference distances on the validation split. The study's `search.seed` is the seed of all random
    numbers.
    """

    def __init__(self, results: Results, *, tau: Sequence[float] | None = None):
        self.results, self._tau = results, tau

    def __repr__(self) -> str:
        study = self.results.study
        return f"<Comparison of {study.name}: {few_names(condition.name for condition in study.conditions)}>"

    def __str__(self) -> str:
        return text_view(self)

    def _repr_html_(self) -> str | None:
        return html_view(self)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The target distances; if `tau` is not given, none until a trial of explore or exploit has finished."""
        references = self.results.validation_reference_distances
        constant, real = references.get("constant"), references.get("real")
        if constant is None or real is None:
            return tuple(Target(float(tau), np.nan) for tau in self._tau or ())
        taus = [constant - share * (constant - real) for share in PROGRESS] if self._tau is None else self._tau
        reached = progress(np.array(taus, dtype=np.float64), constant=constant, real=real)
        return tuple(Target(float(tau), float(share)) for tau, share in zip(taus, reached, strict=True))

    @cached_property
    def explored(self) -> tuple[ExploreTrials, ...]:
        """The explore trials that count, for each condition, see `prefix_lengths`; empty for a study of maps."""
        if isinstance(self.results.study.search.explore, ExploreMap):
            return ()
        return tuple(
            self._explore_trials(condition, self._prefix_lengths[condition.name])
            for condition in self.results.study.conditions
        )

    @cached_property
    def maps(self) -> tuple[StabilityMap, ...]:
        """The stability map of each condition; empty if explore draws at random."""
        return stability_maps(self.results, self._prefix_lengths)

    @cached_property
    def _prefix_lengths(self) -> dict[str, int]:
        study = self.results.study
        names = [condition.name for condition in study.conditions]
        return prefix_lengths(self.results.trials, names, study.search.explore_trials)

    def _explore_trials(self, condition: Condition, count: int) -> ExploreTrials:
        """The first `count` explore trials of a condition."""
        return ExploreTrials(
            condition=condition.name,
            hyperparameters=condition.hyperparameters,
            configurations=[
                trial.configuration
                for trial in self.results.specs
                if (trial.condition, trial.phase) == (condition.name, "explore") and trial.index < count
            ],
            distances=self._distances(condition.name, count),
            scores=self._scores(condition.name, count),
            planned=self.results.study.search.explore_trials,
            defaults=preset_defaults(condition),
        )

    def _distances(self, condition: str, count: int) -> Float[np.ndarray, "configurations seeds"]:
        """Late distances of the members of the first `count` explore trials; +inf if the member or its trial failed."""
        members = self.results.members
        explore = members[(members["condition"] == condition) & (members["phase"] == "explore")]
        distances = np.full((count, self.results.study.seeds), np.inf)
        counted = explore[explore["trial"] < count].sort_values("trial", kind="stable")
        trials = counted["trial"].unique()
        distances[trials] = failed_as_infinity(counted).reshape(len(trials), self.results.study.seeds)
        return distances

    def _scores(self, condition: str, count: int) -> Float[np.ndarray, "configurations"]:
        """Search scores of the first `count` explore trials; 0 for a trial that ended without a result."""
        trials = self.results.trials
        explore = trials[
            (trials["condition"] == condition) & (trials["phase"] == "explore") & (trials["trial"] < count)
        ]
        return explore.sort_values("trial")["search_score"].fillna(0.0).to_numpy(np.float64)

    @cached_property
    def confirmed(self) -> list[ConfirmTrial]:
        """The confirm trials that enter the ranking, in the order of the ranking, group by group of fresh seeds."""
        place = {condition: rank for rank, condition in enumerate(self.ranking["condition"])}
        trials = [
            self._confirm_trial(trial)
            for trial in self.results.trial_records
            if trial.finished and trial.spec.phase == "confirm" and trial.spec.index < FIRST + self._groups
        ]
        return sorted(trials, key=lambda trial: place[trial.condition])

    def _confirm_trial(self, trial: TrialRecord) -> ConfirmTrial:
        return ConfirmTrial(
            condition=trial.spec.condition,
            trial=trial.spec.index,
            seeds=trial.spec.seeds,
            curves=member_curves([(trial.facts, trial.curves)]),
            training=step_counts(trial.spec.identity),
            budget=self.results.study.budget,
            measurements=self.results.study.evaluation.measurements,
        )

    @cached_property
    def volumes(self) -> pd.DataFrame:
        return volumes(self.explored, self.targets, seed=self._seed)

    @cached_property
    def volume_curves(self) -> pd.DataFrame:
        references = self.results.validation_reference_distances
        constant, real = references.get("constant"), references.get("real")
        if constant is None or real is None:
            return self.volumes
        targets = [Target(constant - share * (constant - real), share) for share in np.linspace(0, 1, STEPS + 1)[1:]]
        return volumes(self.explored, targets, seed=self._seed)

    @cached_property
    def volume_differences(self) -> pd.DataFrame:
        return volume_differences(self.explored, self.targets, seed=self._seed)

    @cached_property
    def profiles(self) -> list[Profile]:
        """A profile for each hyperparameter that was moved from a setting found, once all of its trials have ended."""
        return profiles(self.results)

    @cached_property
    def profile_members(self) -> pd.DataFrame:
        return profile_members(self.results)

    @cached_property
    def stable_ranges(self) -> pd.DataFrame:
        return stable_ranges(self.profiles, self.targets)

    @cached_property
    def importances(self) -> pd.DataFrame:
        return importances(self.explored, seed=self._seed)

    @cached_property
    def stable_areas(self) -> pd.DataFrame:
        return stable_areas(self.maps)

    @cached_property
    def shares(self) -> pd.DataFrame:
        return shares(self.explored, self.targets)

    @cached_property
    def chances(self) -> pd.DataFrame:
        return chances(self.explored, self.targets)

    @cached_property
    def tuning_curves(self) -> pd.DataFrame:
        references = self.results.validation_reference_distances
        constant, real = references.get("constant"), references.get("real")
        if constant is None or real is None or self.results.study.distance not in NEVER_NEGATIVE:
            return tuning_curves(self.explored, highest=np.nan)
        nearest = progress(np.zeros(1), constant=constant, real=real)
        return tuning_curves(self.explored, highest=float(nearest[0]))

    @cached_property
    def search_pairs(self) -> pd.DataFrame:
        return search_pairs(self.explored, seed=self._seed)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        return self.results.ranking[list(RANKING)]

    @cached_property
    def metric_rankings(self) -> pd.DataFrame:
        return metric_rankings(self.results, self._further_values)

    @cached_property
    def _further_values(self) -> FurtherValues:
        return further_values(self.results)

    @cached_property
    def first_with_references(self) -> tuple[float, float] | None:
        """Interval of the smallest distance that also holds its variation with the real samples; None if unknown."""
        first = self._first_reference_interval
        return None if first.empty else (float(first["low"].iloc[0]), float(first["high"].iloc[0]))

    @cached_property
    def _first_reference_interval(self) -> pd.DataFrame:
        return reference_intervals(self.results, self.ranking.head(1))

    @cached_property
    def reference_intervals(self) -> pd.DataFrame:
        others = reference_intervals(self.results, self.ranking[1:])
        return pd.concat([self._first_reference_interval, others], ignore_index=True)

    @cached_property
    def metric_pairs(self) -> pd.DataFrame:
        return metric_pairs(self._further_values, seed=self._seed)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        distances = groups_of_seeds(self.results.members, self._groups)
        ranked = {condition: distances[condition] for condition in self.ranking["condition"]}
        return pairs(ranked, stages=self._groups, seed=self._seed)

    @cached_property
    def tuning(self) -> pd.DataFrame:
        return tuning(self.results.members, seed=self._seed)

    @cached_property
    def paths(self) -> pd.DataFrame:
        return path_table(paths(self.results), self.results.study.short_names, seed=self._seed)

    @cached_property
    def robustness(self) -> pd.DataFrame:
        return robustness(self._whole, self.results.study.outcomes)

    @property
    def critic_steps_differ(self) -> bool:
        """True if the settings found took different numbers of critic steps."""
        return len({trial.critic_steps for trial in self._counted}) > 1

    @property
    def fewest_critic_steps(self) -> int:
        """Smallest number of critic steps that any setting found took; 0 before a setting is confirmed."""
        return min((trial.critic_steps for trial in self._counted), default=0)

    @cached_property
    def equal_critic_steps(self) -> pd.DataFrame:
        return equal_critic_steps(self._counted, self.results.study.outcomes, seed=self._seed)

    @property
    def _counted(self) -> list[ConfirmTrial]:
        """`_whole`, or nothing if the critic steps of a condition are unknown, since a loop of its own trains it."""
        return self._whole if all(trial.counts_critic_steps for trial in self._whole) else []

    @property
    def _whole(self) -> list[ConfirmTrial]:
        """`confirmed`, or nothing if the distances were not measured over the whole training, which outcomes need."""
        return self.confirmed if self.results.whole else []

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        return outcomes(self._counted_members, seed=self._seed)

    @property
    def _seed(self) -> int:
        return self.results.study.search.seed

    @property
    def _groups(self) -> int:
        """Largest number of groups of fresh seeds of a setting found."""
        return self.results.study.search.confirm.groups

    @cached_property
    def _counted_members(self) -> pd.DataFrame:
        """Members of the trials that `outcomes` counts: explore trials that count, exploit, ranked confirm, authors."""
        members, lengths = self.results.ended_members, self._prefix_lengths
        counts = [
            phase in ("exploit", "authors")
            or (phase == "explore" and trial < lengths[condition])
            or (phase == "confirm" and trial < FIRST + self._groups)
            for condition, phase, trial in zip(members["condition"], members["phase"], members["trial"], strict=True)
        ]
        return members[np.array(counts, dtype=bool)]
