"""The trials of a study in each phase, with their addresses.

The address of a trial is a hash of everything that determines what is trained. Its evaluation has an address of its
own, a hash of everything that determines the metrics. Phase, name and number are in neither.

The trials are a pure function of the study, its provenance, and the scores, failure rates and late distances of the
trials that ended.
The explore trials and the authors' trials (a preset at its authors' settings, on the first seeds of confirm) are known
from the start, exploit trial j once explore and the exploit trials of earlier batches have ended, the confirm and the
profile trials once explore and exploit have ended, those of the path from the authors' setting to the setting found
once the changes before have been chosen, and further groups of fresh seeds (`search.confirm.most`) once the earlier
groups of all conditions have ended. No other state is kept, so an interrupted study continues with the same
trials.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from gan_core.data import Split
from studies.design.map_cells import explore_configuration
from studies.design.path_order import choice_trials, first_of_step, step_of
from studies.design.places import Packs
from studies.design.profile_settings import profile_settings
from studies.design.provenance import Provenance
from studies.design.specification import (
    CONFIRMING,
    PHASES,
    Configuration,
    Phase,
    Place,
    TrialSpec,
    content_address,
    evaluation_address,
)
from studies.design.suggestions import sampler_seed, start_values, suggest
from studies.file.authors_path import AuthorsPath, Change, possible_changes
from studies.file.compared_features import addressed_evaluation
from studies.file.condition import Condition
from studies.file.data_table import addressed_data
from studies.file.study import Study
from studies.statistics.group_sequential import pair_tests

FIRST_SEED: Mapping[Phase, int] = {
    "explore": 0,
    "exploit": 1_000_000,
    "confirm": 2_000_000,
    "authors": 2_000_000,
    "profile": 3_000_000,
    "path_choice": 4_000_000,
    "path": 2_000_000,
}
EQUAL_SEEDS: tuple[Phase, ...] = ("path_choice", "path")
"""Phases all of whose trials have the same seeds, those of path trials being the seeds of the first confirm trial."""
SEEDS_PER_REPLICATE = 10_000_000
"""Distance between the first seeds of two consecutive replicates, large enough for the seeds of all phases."""
Scores = Mapping[str, float]
"""Search score of each trial that ended, by key."""
FailureRates = Mapping[str, float]
"""Share of failed members of each trial that ended, by key; 0 for a trial that is missing here."""
Distances = Mapping[str, Float[np.ndarray, "members"]]
"""Late distances of the members of each trial that finished, by key; +inf for a failed member."""
TIE = 0.02
"""Search scores that differ by at most this much are equal for the choice of the best configurations."""


def counts(study: Study, condition: Condition) -> dict[Phase, int]:
    """Number of trials of a condition in each phase; without those after `confirm` that the study does not have.

    Of confirm it is the largest possible number: a trial for each group of fresh seeds.
    """
    search = study.search
    trials: dict[Phase, int] = {
        "explore": search.explore_trials,
        "exploit": search.exploit.trials,
        "confirm": search.confirm.best * most_groups(study),
    }
    if search.confirm.authors:
        trials["authors"] = int(condition.authors is not None)
    if search.profile:
        trials["profile"] = len(profile_settings(condition, search.profile))
    if search.confirm.path:
        changes = len(possible_changes(condition))
        trials |= {"path_choice": choice_trials(changes), "path": changes}
    return trials


def total(study: Study) -> int:
    """Largest possible number of trials of a study."""
    return sum(sum(counts(study, condition).values()) for condition in study.conditions)


def least(study: Study) -> int:
    """Smallest possible number of trials of a study: with a single group of fresh seeds for each setting found."""
    return total(study) - (most_groups(study) - 1) * len(study.conditions)


def most_groups(study: Study) -> int:
    """Largest number of groups of fresh seeds of a setting found; a single condition has no comparison to decide."""
    return study.search.confirm.groups if len(study.conditions) > 1 else 1


class Design:
    """The trials of a study, computed from the study, its provenance and the results of the trials that ended."""

    def __init__(self, study: Study, provenance: Provenance):
        self.study, self.provenance = study, provenance
        self.packs = Packs(study, provenance.device)
        self._specs: dict[tuple[str, Phase], list[TrialSpec]] = defaultdict(list)
        self._undecided: dict[int, frozenset[str]] = {0: frozenset(condition.name for condition in study.conditions)}

    def trials(
        self,
        scores: Scores,
        failure_rates: FailureRates = MappingProxyType({}),
        distances: Distances = MappingProxyType({}),
    ) -> Iterator[TrialSpec]:
        """Every trial whose configuration the results determine, sorted by phase, then index, then condition.

        The failure rates decide between scores that are equal up to `TIE`. The late distances of confirm trials decide
        which conditions get further groups of fresh seeds; they are needed only if the study allows such groups.
        """
        counts_of = {condition.name: counts(self.study, condition) for condition in self.study.conditions}
        for phase in PHASES:
            for index in range(max(trials.get(phase, 0) for trials in counts_of.values())):
                for condition in self.study.conditions:
                    if index >= counts_of[condition.name].get(phase, 0):
                        continue
                    if phase == "confirm" and not self._is_issued(condition, index, scores, distances):
                        continue
                    spec = self._trial(condition, phase, index, scores, failure_rates)
                    if spec is not None:
                        yield spec

    def _trial(
        self,
        condition: Condition,
        phase: Phase,
        index: int,
        scores: Scores,
        failure_rates: FailureRates = MappingProxyType({}),
    ) -> TrialSpec | None:
        known = self._specs[condition.name, phase]
        while len(known) <= index:  # in this order, since a trial's place in a pack follows from those before it
            configuration = self._configuration(condition, phase, len(known), scores, failure_rates)
            if configuration is None:
                return None
            known.append(self._spec(condition, phase, len(known), configuration))
        return known[index]

    def _configuration(
        self, condition: Condition, phase: Phase, index: int, scores: Scores, failure_rates: FailureRates
    ) -> Configuration | None:
        search = self.study.search
        if phase == "explore":
            return explore_configuration(search, condition, index)
        if phase == "exploit":
            return self._suggestion(condition, index, scores)
        if phase == "authors":
            return condition.authors_configuration()
        ended = self._ended(condition, search.explore_trials, search.exploit.trials, scores)
        if ended is None:
            return None
        found = best_of(ended, 1, scores, failure_rates)[0].configuration
        if phase == "profile":
            path, value = profile_settings(condition, search.profile)[index]
            return {**found, path: value}
        if phase in ("path_choice", "path"):
            return self._on_path(AuthorsPath(condition, found), phase, index, scores, failure_rates)
        place = 0 if search.confirm.groups > 1 else index
        return best_of(ended, place + 1, scores, failure_rates)[place].configuration

    def _is_issued(self, condition: Condition, index: int, scores: Scores, distances: Distances) -> bool:
        """True for a confirm trial with other fresh seeds only if the results so far need it."""
        if most_groups(self.study) == 1:
            return True
        undecided = self._undecided_after(index, scores, distances)
        return undecided is not None and condition.name in undecided

    def _undecided_after(self, groups: int, scores: Scores, distances: Distances) -> frozenset[str] | None:
        """Conditions in a pair that is undecided after this number of groups; None if one of these has not ended.

        A condition takes part as long as its groups have results.
        """
        if groups not in self._undecided:
            names = self._undecided_after(groups - 1, scores, distances)
            if names is None:
                return None
            last = [self._specs[name, "confirm"][groups - 1 : groups] for name in names]
            if not all(trial and trial[0].key in scores for trial in last):
                return None
            self._undecided[groups] = self._undecided_pairs(groups, distances)
        return self._undecided[groups]

    def _undecided_pairs(self, groups: int, distances: Distances) -> frozenset[str]:
        """Conditions in a pair that is undecided after this number of groups of both.

        A pair of which every seed of both failed gets no more: further failures would not tell them apart.
        """
        search, taking_part = self.study.search, {}
        for condition in self.study.conditions:
            trials = self._specs[condition.name, "confirm"][:groups]
            values = [distances[trial.key] for trial in trials if trial.key in distances]
            if values:
                taking_part[condition.name] = values
        tests = pair_tests(taking_part, stages=search.confirm.groups, seed=search.seed)
        return frozenset(
            name
            for test in tests
            for name in (test.first, test.second)
            if not test.decided and not test.all_failed and test.stage == groups
        )

    def _on_path(
        self, path: AuthorsPath, phase: Phase, index: int, scores: Scores, failure_rates: FailureRates
    ) -> Configuration | None:
        """Configuration of a trial of the path; None while a change before it has not been chosen.

        path         trial i has i changes, besides that of everything that is not searched
        path_choice  the candidates of one step after the other: one more change than the step before ended with
        """
        changes = possible_changes(path.condition)
        step, position = (index, 0) if phase == "path" else step_of(index, len(changes))
        order = self._path_order(path, step, scores, failure_rates)
        if order is None:
            return None
        candidate = [] if phase == "path" else [_left(changes, order)[position]]
        return path.configuration([*order, *candidate])

    def _path_order(
        self, path: AuthorsPath, steps: int, scores: Scores, failure_rates: FailureRates
    ) -> list[Change] | None:
        """The first `steps` changes of the path, in the order in which they are made; None if a choice has not ended.

        In each step the change that gives the best setting, see `best_of`, is made. Those to an equal value come last.

        Source: Fawcett & Hoos 2016, doi:10.1007/s10732-014-9275-9, ablation with greedy choices.
        """
        changes = possible_changes(path.condition)
        order: list[Change] = []
        for step in range(steps):
            left = _left(changes, order)
            first = first_of_step(step, len(changes))
            trials = {
                change: self._trial(path.condition, "path_choice", first + position, scores, failure_rates)
                for position, change in enumerate(left)
            }
            ended = {change: trial for change, trial in trials.items() if trial is not None and trial.key in scores}
            if len(ended) < len(left):
                return None
            real = {change: trial for change, trial in ended.items() if path.values(change)} or ended
            (best,) = best_of(list(real.values()), 1, scores, failure_rates)
            order.append(next(change for change, trial in real.items() if trial is best))
        return order

    def _ended(self, condition: Condition, explore: int, exploit: int, scores: Scores) -> list[TrialSpec] | None:
        """The first `explore` explore trials and `exploit` exploit trials; None if one of them has not ended."""
        trials = [self._trial(condition, "explore", i, scores) for i in range(explore)]
        trials += [self._trial(condition, "exploit", j, scores) for j in range(exploit)]
        known = [trial for trial in trials if trial is not None and trial.key in scores]
        return known if len(known) == len(trials) else None

    def _suggestion(self, condition: Condition, index: int, scores: Scores) -> Configuration | None:
        """Configuration that Optuna suggests for exploit trial `index`; None if a trial that it needs has not ended.

        Optuna gets the scores of the explore trials and of the exploit trials of earlier batches. The earlier exploit
        trials of the same batch count as running, even if they have ended.
        """
        search = self.study.search
        first = index - index % search.exploit.batch
        ended = self._ended(condition, search.explore_trials, first, scores)
        if ended is None:
            return None
        running = [self._trial(condition, "exploit", j, scores) for j in range(first, index)]
        return suggest(
            condition.hyperparameters,
            ended=[(trial.configuration, scores[trial.key]) for trial in ended],
            running=[trial.configuration for trial in running if trial is not None],
            fixed=start_values(search.start, condition, index),
            sampler=search.sampler,
            seed=sampler_seed(search.seed, condition.name, index),
        )

    def _spec(self, condition: Condition, phase: Phase, index: int, configuration: Configuration) -> TrialSpec:
        setting = condition.authors_setting() if phase == "authors" else condition.setting(configuration)
        place = self.packs.place(condition, phase, index, setting)
        return self.spec(condition, phase, index, configuration, setting.table(), place)

    def spec(
        self,
        condition: Condition,
        phase: Phase,
        index: int,
        configuration: Configuration,
        setting: Mapping[str, Any],
        place: Place | None,
    ) -> TrialSpec:
        """The trial of a condition with this phase, index, configuration and place in a pack.

        setting  the table of its setting
        """
        tables = self._tables
        trained = {**setting, "data": addressed_data(tables["data"])}
        identity = {
            **trained,
            "budget": tables["budget"],
            "seeds": seeds_of(self.study, condition, phase, index),
            "provenance": self.provenance.of_training(trained),
        }
        if place is not None:
            identity["pack"] = place.addressed()
        evaluation, address_of_evaluation = self._evaluations[split_of(phase)]
        return TrialSpec(
            condition=condition.name,
            phase=phase,
            index=index,
            configuration=configuration,
            identity=identity,
            address=content_address(identity),
            evaluation=evaluation,
            evaluation_address=address_of_evaluation,
            place=place,
        )

    @cached_property
    def _evaluations(self) -> Mapping[Split, tuple[dict[str, Any], str]]:
        """The evaluation on each split and its address."""
        settings = addressed_evaluation(self._tables["evaluation"])
        shared = {"settings": settings, "provenance": self.provenance.of_evaluation(settings)}
        evaluations = {split: {"split": split, **shared} for split in get_args(Split)}
        return {split: (evaluation, evaluation_address(evaluation)) for split, evaluation in evaluations.items()}

    @cached_property
    def _tables(self) -> dict[str, Any]:
        return self.study.table()


def best_of(
    trials: Sequence[TrialSpec], count: int, scores: Scores, failure_rates: FailureRates = MappingProxyType({})
) -> list[TrialSpec]:
    """The `count` best trials, the best one first.

    Repeatedly, among the remaining trials whose score is within `TIE` of the largest, that with the lowest failure rate
    is taken; of several that with the larger score, then the earlier trial.
    """
    left = sorted(trials, key=lambda trial: -scores[trial.key])
    best = []
    for _ in range(count):
        least = scores[left[0].key] - TIE
        equal = [trial for trial in left if scores[trial.key] >= least]
        best.append(min(equal, key=lambda trial: failure_rates.get(trial.key, 0.0)))
        left.remove(best[-1])
    return best


def _left(changes: Sequence[Change], order: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change not in order]


def split_of(phase: Phase) -> Split:
    """Split that the trials of a phase are measured on."""
    return "test" if phase in CONFIRMING else "validation"


def seeds_of(study: Study, condition: Condition, phase: Phase, index: int) -> list[int]:
    """Seeds of a trial's members."""
    count = study.search.confirm.seeds if phase in CONFIRMING else study.seeds
    before = 0 if phase in EQUAL_SEEDS else index * count
    first = FIRST_SEED[phase] + condition.replicate * SEEDS_PER_REPLICATE + before
    return list(range(first, first + count))
