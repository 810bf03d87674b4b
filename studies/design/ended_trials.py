"""EndedTrials: the results of the trials that ended, by which further trials are chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from studies.design.specification import TrialSpec

TIE = 0.02
"""Search scores that differ by at most this much are equal for the choice of the best configurations."""


@dataclass(frozen=True, kw_only=True)
class EndedTrials:
    """The results of the trials that ended, by key.

    scores         search score of each trial
    failure_rates  share of its failed members; 0 for a trial that is missing here
    distances      late distances of the members of each trial that finished; +inf for a failed member
    """

    scores: Mapping[str, float]
    failure_rates: Mapping[str, float] = field(default_factory=dict)
    distances: Mapping[str, Float[np.ndarray, "members"]] = field(default_factory=dict)

    def __contains__(self, trial: TrialSpec) -> bool:
        """True if the trial has ended."""
        return trial.key in self.scores

    def best(self, trials: Sequence[TrialSpec], count: int) -> list[TrialSpec]:
        """The `count` best of `trials`, all of which have ended, the best one first.

        Repeatedly, among the remaining trials whose score is within `TIE` of the largest, that with the lowest failure
        rate is taken; of several that with the larger score, then the earlier trial.
        """
        left = sorted(trials, key=lambda trial: -self.scores[trial.key])
        best = []
        for _ in range(count):
            least = self.scores[left[0].key] - TIE
            equal = [trial for trial in left if self.scores[trial.key] >= least]
            best.append(min(equal, key=lambda trial: self.failure_rates.get(trial.key, 0.0)))
            left.remove(best[-1])
        return best
