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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from gan_core.data import Split
from studies.design.ended_trials import EndedTrials
from studies.design.fresh_groups import FreshGroups
from studies.design.map_cells import explore_configuration
from studies.design.path_order import choice_configuration, path_configuration
from studies.design.places import Packs
from studies.design.profile_settings import profile_settings
from studies.design.provenance import Provenance
from studies.design.specification import (
    PHASES,
    Configuration,
    Phase,
    Place,
    TrialSpec,
    content_address,
    evaluation_address,
)
from studies.design.suggestions import sampler_seed, start_values, suggest
from studies.design.trial_counts import counts
from studies.design.trial_seeds import seeds_of, split_of
from studies.file.authors_path import AuthorsPath
from studies.file.compared_features import addressed_evaluation
from studies.file.condition import Condition
from studies.file.data_table import addressed_data
from studies.file.search import Sampler
from studies.file.study import Study
from studies.statistics.permutation import RANDOM_SPLITS


class Design:
    """The trials of a study, computed from the study, its provenance and the results of the trials that ended.

    splits  number of random splits of each test that decides about further groups of fresh seeds
    """

    def __init__(self, study: Study, provenance: Provenance, *, splits: int = RANDOM_SPLITS):
        self.study, self.provenance, self._splits = study, provenance, splits
        self.packs = Packs(study, provenance.device)
        self._specs: dict[tuple[str, Phase], list[TrialSpec]] = defaultdict(list)
        self._fresh_groups = FreshGroups(study, lambda condition: self._specs[condition, "confirm"], splits=splits)

    def copy(self, *, sampler: Sampler | None = None, splits: int | None = None) -> "Design":
        """A design that knows the trials that this one knows, and computes the others from other results.

        sampler  of the further exploit trials; None: that of the study
        splits   of its tests; None: those of this design
        """
        search = self.study.search if sampler is None else replace(self.study.search, sampler=sampler)
        study = replace(self.study, search=search)
        copied = Design(study, self.provenance, splits=self._splits if splits is None else splits)
        copied.packs = self.packs.copy()
        copied._specs.update({key: list(specs) for key, specs in self._specs.items()})
        return copied

    def trials(
        self,
        scores: Mapping[str, float],
        failure_rates: Mapping[str, float] = MappingProxyType({}),
        distances: Mapping[str, Float[np.ndarray, "members"]] = MappingProxyType({}),
    ) -> Iterator[TrialSpec]:
        """Every trial whose configuration the results determine, sorted by phase, then index, then condition.

        The results are those of the trials that ended, by key, see `EndedTrials`. The failure rates decide between
        scores that are equal up to `TIE`. The late distances of confirm trials decide which conditions get further
        groups of fresh seeds; they are needed only if the study allows such groups.
        """
        ended = EndedTrials(scores=scores, failure_rates=failure_rates, distances=distances)
        counts_of = {condition.name: counts(self.study, condition) for condition in self.study.conditions}
        for phase in PHASES:
            for index in range(max(trials.get(phase, 0) for trials in counts_of.values())):
                for condition in self.study.conditions:
                    if index >= counts_of[condition.name].get(phase, 0):
                        continue
                    if phase == "confirm" and not self._fresh_groups.includes(condition.name, index, ended):
                        continue
                    spec = self._trial(condition, phase, index, ended)
                    if spec is not None:
                        yield spec

    def _trial(self, condition: Condition, phase: Phase, index: int, ended: EndedTrials) -> TrialSpec | None:
        known = self._specs[condition.name, phase]
        while len(known) <= index:  # in this order, since a trial's place in a pack follows from those before it
            configuration = self._configuration(condition, phase, len(known), ended)
            if configuration is None:
                return None
            known.append(self._spec(condition, phase, len(known), configuration))
        return known[index]

    def _configuration(
        self, condition: Condition, phase: Phase, index: int, ended: EndedTrials
    ) -> Configuration | None:
        search = self.study.search
        if phase == "explore":
            return explore_configuration(search, condition, index)
        if phase == "exploit":
            return self._suggestion(condition, index, ended)
        if phase == "authors":
            return condition.authors_configuration()
        searched = self._searched(condition, search.explore_trials, search.exploit.trials, ended)
        if searched is None:
            return None
        if phase == "confirm":
            place = 0 if search.confirm.groups > 1 else index
            return ended.best(searched, place + 1)[place].configuration
        found = ended.best(searched, 1)[0].configuration
        if phase == "profile":
            path, value = profile_settings(condition, search.profile)[index]
            return {**found, path: value}
        return self._on_path(AuthorsPath(condition, found), phase, index, ended)

    def _on_path(self, path: AuthorsPath, phase: Phase, index: int, ended: EndedTrials) -> Configuration | None:
        def choice(number: int) -> TrialSpec | None:
            return self._trial(path.condition, "path_choice", number, ended)

        if phase == "path":
            return path_configuration(index, path, choice, ended)
        return choice_configuration(index, path, choice, ended)

    def _searched(self, condition: Condition, explore: int, exploit: int, ended: EndedTrials) -> list[TrialSpec] | None:
        """The first `explore` explore trials and `exploit` exploit trials; None if one of them has not ended."""
        trials = [self._trial(condition, "explore", i, ended) for i in range(explore)]
        trials += [self._trial(condition, "exploit", j, ended) for j in range(exploit)]
        known = [trial for trial in trials if trial is not None and trial in ended]
        return known if len(known) == len(trials) else None

    def _suggestion(self, condition: Condition, index: int, ended: EndedTrials) -> Configuration | None:
        """Configuration that Optuna suggests for exploit trial `index`; None if a trial that it needs has not ended.

        Optuna gets the scores of the explore trials and of the exploit trials of earlier batches. The earlier exploit
        trials of the same batch count as running, even if they have ended.
        """
        search = self.study.search
        first = index - index % search.exploit.batch
        searched = self._searched(condition, search.explore_trials, first, ended)
        if searched is None:
            return None
        running = [self._trial(condition, "exploit", j, ended) for j in range(first, index)]
        return suggest(
            condition.hyperparameters,
            ended=[(trial.configuration, ended.scores[trial.key]) for trial in searched],
            running=[trial.configuration for trial in running if trial is not None],
            fixed=start_values(search.start, condition, index),
            sampler=search.sampler,
            seed=sampler_seed(search.seed, condition.name, index),
        )

    def _spec(self, condition: Condition, phase: Phase, index: int, configuration: Configuration) -> TrialSpec:
        if condition.own_loop:
            return self.spec(condition, phase, index, configuration, condition.trained(configuration), None)
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

        setting  the table of its setting, or of the user's loop that trains it
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
