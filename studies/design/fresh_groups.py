"""FreshGroups: the conditions that get further groups of fresh seeds in the confirm phase."""

from collections.abc import Callable, Sequence

from studies.design.ended_trials import EndedTrials
from studies.design.specification import TrialSpec
from studies.design.trial_counts import most_groups
from studies.file.study import Study
from studies.statistics.group_sequential import pair_tests
from studies.statistics.permutation import RANDOM_SPLITS

ConfirmTrials = Callable[[str], Sequence[TrialSpec]]
"""The known confirm trials of a condition, a trial for each group of fresh seeds, in order."""


class FreshGroups:
    """The conditions that get further groups of fresh seeds: those in a pair that the groups so far do not decide.

    trials_of  the known confirm trials of a condition
    splits     number of random splits that each test tries
    """

    def __init__(self, study: Study, trials_of: ConfirmTrials, *, splits: int = RANDOM_SPLITS):
        self._study, self._trials_of, self._splits = study, trials_of, splits
        self._undecided: dict[int, frozenset[str]] = {0: frozenset(condition.name for condition in study.conditions)}

    def includes(self, condition: str, group: int, ended: EndedTrials) -> bool:
        """True if the results so far show that the condition needs its group of this index, counted from 0."""
        if most_groups(self._study) == 1:
            return True
        undecided = self._undecided_after(group, ended)
        return undecided is not None and condition in undecided

    def _undecided_after(self, groups: int, ended: EndedTrials) -> frozenset[str] | None:
        """Conditions in a pair that is undecided after this number of groups; None if one of these has not ended.

        A condition takes part as long as its groups have results.
        """
        if groups not in self._undecided:
            names = self._undecided_after(groups - 1, ended)
            if names is None:
                return None
            last = [self._trials_of(name)[groups - 1 : groups] for name in names]
            if not all(trials and trials[0] in ended for trials in last):
                return None
            self._undecided[groups] = self._undecided_pairs(groups, ended)
        return self._undecided[groups]

    def _undecided_pairs(self, groups: int, ended: EndedTrials) -> frozenset[str]:
        """Conditions in a pair that is undecided after this number of groups of both.

        A pair of which every seed of both failed gets no more: further failures would not tell them apart.
        """
        search, taking_part = self._study.search, {}
        for condition in self._study.conditions:
            trials = self._trials_of(condition.name)[:groups]
            values = [ended.distances[trial.key] for trial in trials if trial.key in ended.distances]
            if values:
                taking_part[condition.name] = values
        tests = pair_tests(taking_part, stages=search.confirm.groups, seed=search.seed, splits=self._splits)
        return frozenset(
            name
            for test in tests
            for name in (test.first, test.second)
            if not test.decided and not test.all_failed and test.stage == groups
        )
