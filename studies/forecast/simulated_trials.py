"""The trials of a study as a run would find them, with random results in place of those that are not known yet."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from studies.design import PHASES, Design, TrialSpec, most_groups
from studies.progress.pending import SEARCHING

Pack = tuple[TrialSpec, ...]


@dataclass(frozen=True)
class Result:
    """Result of a trial that further ones depend on: search score, share of failed members, members' late distances."""

    score: float
    failure_rate: float
    distances: Float[np.ndarray, "members"]


ResultsOf = Callable[[Iterable[str]], Mapping[str, Result]]
"""The results of those of the keys whose trials have ended."""


class SimulatedTrials:
    """The trials of a design, some of which have ended; the others get random results when they end.

    A random result has a uniform search score, so that every explore trial is as likely the best.

    results     results of the trials that have ended
    undecided   True: with random late distances, so that most pairs of conditions get all fresh seeds that the study
                allows; False: without, so that none gets more than it has

    known       every trial whose configuration is determined so far
    """

    def __init__(self, design: Design, results: ResultsOf, random: np.random.Generator, *, undecided: bool):
        self._design, self._results_of, self._random, self._undecided = design, results, random, undecided
        self._results: dict[str, Result] = {}
        self._unended = Counter[tuple[str, ...]]()
        self._packed: set[str] = set()
        self._names: set[str] = set()
        self.known: list[TrialSpec] = []

    def first(self) -> list[Pack]:
        """Packs that can start at once."""
        return self._extend()

    def end(self, pack: Pack) -> list[Pack]:
        """Packs that can start since this one has ended."""
        for trial in pack:
            self._results[trial.key] = self._result(trial)
        ended = [_together(trial) for trial in pack if self._determines(trial)]
        self._unended.subtract(ended)
        return self._extend() if any(self._unended[group] <= 0 for group in ended) else []

    def _result(self, trial: TrialSpec) -> Result:
        distances = self._random.uniform(1, 2, len(trial.seeds)) if self._undecided else np.empty(0)
        return Result(float(self._random.uniform()), 0.0, distances)

    def _determines(self, trial: TrialSpec) -> bool:
        """True if further trials depend on how this one ends."""
        return trial.phase in SEARCHING or (trial.phase == "confirm" and most_groups(self._design.study) > 1)

    def _extend(self) -> list[Pack]:
        new: list[TrialSpec] = []
        while True:  # trials that have ended may determine further ones
            scores = {key: result.score for key, result in self._results.items()}
            rates = {key: result.failure_rate for key, result in self._results.items()}
            distances = {key: result.distances for key, result in self._results.items() if len(result.distances)}
            self.known = list(self._design.trials(scores, rates, distances))
            added = [trial for trial in self.known if trial.name not in self._names]
            self._names |= {trial.name for trial in added}
            self._results |= self._results_of([trial.key for trial in added if trial.key not in self._results])
            new += [trial for trial in added if trial.key not in self._results]
            if not any(trial.key in self._results for trial in added):
                break
        unended = [trial for trial in self.known if self._determines(trial) and trial.key not in self._results]
        self._unended = Counter(map(_together, unended))
        return list(self._packs(new))

    def _packs(self, trials: Sequence[TrialSpec]) -> Iterator[Pack]:
        """Packs in the order in which a run starts them: by phase, each next one from the condition with fewest."""
        packs: dict[str, list[TrialSpec]] = {}
        for trial in trials:
            if trial.key not in self._packed:  # conditions that train the same have trials of one key
                self._packed.add(trial.key)
                packs.setdefault(trial.pack, []).append(trial)
        before = Counter[tuple[str, str]]()
        ordered = []
        for pack in packs.values():
            condition, phase = pack[0].condition, pack[0].phase
            ordered.append((PHASES.index(phase), before[condition, phase], tuple(pack)))
            before[condition, phase] += len(pack)
        yield from (pack for *_, pack in sorted(ordered, key=lambda item: item[:2]))


def _together(trial: TrialSpec) -> tuple[str, ...]:
    """The trials that all end before further ones are determined."""
    return ("confirm",) if trial.phase == "confirm" else ("search", trial.condition)
