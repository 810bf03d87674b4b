"""Seconds and memory of packs, from measurements of their parts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any

import numpy as np

from studies.forecast.pack_work import Case, Work

ALONE_SHARE = 0.3
"""Share of a step's seconds that does not grow with its arithmetic, where only another structure was measured."""
UNMEASURED = 0.3
"""Standard deviation of the logarithm of the seconds of a case that was not measured."""


@dataclass(frozen=True, kw_only=True)
class PackCost:
    """Measured seconds of the parts of a pack of one case, and memory of the process.

    critic_step, generator_step, pretraining_step  seconds of one step of all members together; a pre-training step is
                                                   0 if the study has none
    health                                         seconds of the losses, slopes and gradient norms of all members
    evaluation                                     seconds of an evaluation of one member
    last_evaluation                                seconds that the last evaluation of a member takes in addition
    fixed                                          seconds of the start of a pack
    commit                                         seconds of the commit of one trial
    spread                                         standard deviation of the logarithm of repeated measurements
    memory_bytes                                   largest resident memory of the process that measured
    """

    critic_step: float
    generator_step: float
    pretraining_step: float
    health: float
    evaluation: float
    last_evaluation: float
    fixed: float
    commit: float
    spread: float
    memory_bytes: float

    def table(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)

    def scaled(self, factor: float, members: float) -> "PackCost":
        """The cost with the seconds of steps times `factor`, and those of health metrics times `members`."""
        return PackCost(
            **{
                **self.table(),
                "critic_step": self.critic_step * factor,
                "generator_step": self.generator_step * factor,
                "pretraining_step": self.pretraining_step * factor,
                "health": self.health * members,
                "spread": UNMEASURED,
            }
        )


def pack_seconds(work: Work, cost: PackCost) -> float:
    """Seconds of a pack.

    fixed + trials x commit + steps of each kind x their seconds + evaluations x (health + evaluated members x
    evaluation) + evaluated members x last evaluation
    """
    return (
        cost.fixed
        + work.trials * cost.commit
        + work.pretraining_steps * cost.pretraining_step
        + work.critic_steps * cost.critic_step
        + work.generator_steps * cost.generator_step
        + work.evaluations * (cost.health + work.evaluated * cost.evaluation)
        + work.evaluated * cost.last_evaluation
    )


def split_iteration(seconds: Mapping[int, float]) -> tuple[float, float]:
    """Seconds of a critic step and of a generator step, from those of iterations with some numbers of critic steps.

    seconds  seconds of an iteration by its number of critic steps n: n x critic step + generator step

    A line is fitted; neither of the two is negative. With a single number both steps take the same time, which gives
    the right sum for that number of critic steps.
    """
    if len(seconds) == 1:
        ((steps, total),) = seconds.items()
        return total / (steps + 1), total / (steps + 1)
    slope, intercept = np.polyfit(list(seconds), list(seconds.values()), 1)
    if slope <= 0 or intercept < 0:
        share = float(np.mean([total / (steps + (slope <= 0)) for steps, total in seconds.items()]))
        return share, share if slope <= 0 else 0.0
    return float(slope), float(intercept)


class PackCosts:
    """Costs of the cases of a study; those of a case that was not measured are extrapolated.

    measured  costs by case
    """

    def __init__(self, measured: Mapping[Case, PackCost]):
        self._measured = dict(measured)
        self._known: dict[Case, PackCost] = {}

    def is_measured(self, case: Case) -> bool:
        """True if this case was measured."""
        return case in self._measured

    def seconds(self, work: Work) -> float:
        """Seconds of a pack."""
        return pack_seconds(work, self.of(work.case))

    def of(self, case: Case) -> PackCost:
        """The cost of a case.

        One with other numbers of members of its structure is on a line through two that were measured, or in proportion
        to one. For another structure the seconds of a step follow the arithmetic of the most similar case, besides a
        share of `ALONE_SHARE`.
        """
        if case not in self._known:
            self._known[case] = self._measured.get(case) or self._extrapolated(case)
        return self._known[case]

    def _extrapolated(self, case: Case) -> PackCost:
        if not self._measured:
            return _without_measurement(case)
        same = {other.members: cost for other, cost in self._measured.items() if other.structure == case.structure}
        if len(same) > 1:
            return _on_line(same, case.members)
        others = [other for other in self._measured if other.structure == case.structure]
        nearest = min(others or self._measured, key=lambda other: abs(log(other.size / case.size)))
        factor = ALONE_SHARE + (1 - ALONE_SHARE) * case.size / nearest.size
        return self._measured[nearest].scaled(factor, case.members / nearest.members)


def _on_line(costs: Mapping[int, PackCost], members: int) -> PackCost:
    """The cost on the line through the costs of several numbers of members; none of its numbers is negative."""
    tables = [cost.table() for cost in costs.values()]
    fitted: dict[str, Any] = {}
    for name in tables[0]:
        slope, intercept = np.polyfit(list(costs), [table[name] for table in tables], 1)
        fitted[name] = max(0.0, float(slope * members + intercept))
    return PackCost(**fitted)


STEP_SECONDS, SECONDS_PER_OPERATION, EVALUATION_SECONDS = 1e-3, 6e-10, 0.01
"""Rough seconds of a step (besides its arithmetic), of parameters x batch x members, and of a member's evaluation."""


def _without_measurement(case: Case) -> PackCost:
    """A cost with plausible proportions, for a share of the work that is done: its sum may be wrong several times."""
    step = STEP_SECONDS + SECONDS_PER_OPERATION * case.size
    return PackCost(
        critic_step=step,
        generator_step=step,
        pretraining_step=step,
        health=step,
        evaluation=EVALUATION_SECONDS,
        last_evaluation=EVALUATION_SECONDS,
        fixed=0.1,
        commit=0.01,
        spread=log(3),
        memory_bytes=0.5e9,
    )


def noise(spread: float, random: np.random.Generator) -> float:
    """A random factor whose logarithm is normal with this standard deviation and the median 1."""
    return exp(spread * random.standard_normal())
