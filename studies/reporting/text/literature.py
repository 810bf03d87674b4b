"""Agreement of a study's results with orderings of methods that papers report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.file.condition import Condition
from studies.reporting.text.finding import Finding, Interval, Part, failed_seeds
from studies.reporting.text.mode_coverage import modes_covered
from studies.reporting.text.target_distance import rows_at_target
from studies.statistics.intervals import difference_interval, newcombe
from studies.statistics.permutation import LEVEL, holm, permutation_test

Opinion = Literal["agrees", "disagrees", "undecided"]


class StudyCondition(NamedTuple):
    """One condition of one study."""

    comparison: Comparison
    condition: Condition

    @property
    def objective(self) -> str:
        return self.condition.kind("objective")

    @property
    def constraint(self) -> str:
        return self.condition.kind("constraint")

    @property
    def name(self) -> str:
        return self.condition.name


Pair = tuple[StudyCondition, StudyCondition]


class StableWidths(NamedTuple):
    """Stable ranges of the constraint's hyperparameter of both conditions: names, width in decades, its interval."""

    ranges: tuple[tuple[str, str, float, Interval], ...]


class Failures(NamedTuple):
    """Failed settings or fresh seeds of both conditions; `unit` is their noun."""

    unit: str
    failed: tuple[tuple[Part, str], ...]


class Modes(NamedTuple):
    """Smallest and largest number of modes that the seeds of both conditions cover, and the p-value of the test."""

    covered: tuple[tuple[float, float, str], tuple[float, float, str]]
    p: float | None


class Evidence(NamedTuple):
    """Opinion on an ordering that follows from one pair of conditions, and the numbers."""

    opinion: Opinion
    numbers: StableWidths | Failures | Modes


@dataclass(frozen=True, kw_only=True)
class ClaimOfPaper(Finding):
    """A claim of a paper, and the evidence on it, by opinion.

    studies               number of studies
    pairs                 number of pairs of conditions with results
    also_objective        True if the two conditions of each pair also differ in their objective
    """

    source: str
    claim: str
    studies: int
    pairs: int
    evidence: tuple[tuple[Opinion, tuple[StableWidths | Failures | Modes, ...]], ...]
    also_objective: bool


@dataclass(frozen=True)
class Ordering:
    """A claim of a paper that orders two kinds of conditions.

    claim     the claim, as a clause
    source    the paper
    differs   the part in which the two kinds differ
    applies   returns True if the two conditions are of these kinds, in this order
    evaluate  returns the evidence of each pair of conditions that has results
    """

    claim: str
    source: str
    differs: Literal["objective", "constraint"]
    applies: Callable[[StudyCondition, StudyCondition], bool]
    evaluate: Callable[[Sequence[Pair]], Iterator[Evidence]]


def literature_findings(comparisons: Sequence[Comparison]) -> Iterator[ClaimOfPaper]:
    """The claim and the evidence on it, for each ordering for which a pair of conditions has results.

    The two conditions of a pair are from the same study if there is only one study, else from two different studies.
    """
    yield from (finding for ordering in ORDERINGS if (finding := _claim(ordering, comparisons)))


def _claim(ordering: Ordering, comparisons: Sequence[Comparison]) -> ClaimOfPaper | None:
    conditions = [
        StudyCondition(comparison, condition)
        for comparison in comparisons
        for condition in comparison.results.study.conditions
        if not condition.own_loop
    ]
    is_across = len(comparisons) > 1
    pairs = [
        (first, second)
        for first, second in product(conditions, conditions)
        if (first.comparison is not second.comparison) == is_across
        and _otherwise_equal(first, second)
        and ordering.applies(first, second)
    ]
    same_objective = [pair for pair in pairs if ordering.differs == "objective" or _equal(pair, "objective")]
    evidence = list(ordering.evaluate(same_objective or pairs)) if pairs else []
    if not evidence:
        return None
    opinions: tuple[Opinion, ...] = ("agrees", "disagrees", "undecided")
    by_opinion = ((each, tuple(pair.numbers for pair in evidence if pair.opinion == each)) for each in opinions)
    return ClaimOfPaper(
        source=ordering.source,
        claim=ordering.claim,
        studies=len(comparisons),
        pairs=len(evidence),
        evidence=tuple((opinion, numbers) for opinion, numbers in by_opinion if numbers),
        also_objective=not same_objective,
    )


_SHARED = ("data", "budget", "evaluation", "outcomes", "seeds")


def _otherwise_equal(first: StudyCondition, second: StudyCondition) -> bool:
    """True if the conditions have equal networks and training, and their studies equal `_SHARED` parts."""
    tables = [condition.comparison.results.study.table() for condition in (first, second)]
    equal = all(_equal((first, second), part) for part in ("networks", "training"))
    return equal and all(tables[0].get(part) == tables[1].get(part) for part in _SHARED)


def _equal(pair: Pair, part: str) -> bool:
    return pair[0].condition.table[part] == pair[1].condition.table[part]


# -- evidence ----------------------------------------------------------------------------------------------------------


def _narrower(pairs: Sequence[Pair]) -> Iterator[Evidence]:
    """Evidence that the first condition is stable over fewer decades of its constraint's hyperparameter.

    These are the stable ranges around the settings found, where both conditions have one.
    """
    for pair in pairs:
        rows = [row for row in map(_stable_range, pair) if row is not None]
        if len(rows) < len(pair):
            continue
        names = (condition.comparison.results.study.short_names[_weight_path(condition)] for condition in pair)
        first, second = ((row["width"], row["width_low"], row["width_high"]) for row in rows)
        ranges = (
            (condition.name, name, width, (low, high))
            for condition, name, (width, low, high) in zip(pair, names, (first, second), strict=True)
        )
        yield Evidence(_opinion(*difference_interval(second, first)), StableWidths(tuple(ranges)))


def _stable_range(condition: StudyCondition) -> "pd.Series[Any] | None":
    """The stable range of the constraint's hyperparameter in decades, at the target of the text; None without one."""
    rows = rows_at_target(condition.comparison, condition.comparison.stable_ranges)
    rows = rows[(rows["condition"] == condition.name) & (rows["hyperparameter"] == _weight_path(condition))]
    if rows.empty or not rows["works"].iloc[0] or rows["unit"].iloc[0] != "decades":
        return None
    return rows.iloc[0]


def _weight_path(condition: StudyCondition) -> str:
    return "constraint.clip_value" if condition.constraint == "weight_clipping" else "constraint.gp_weight"


def _fails(pairs: Sequence[Pair]) -> Iterator[Evidence]:
    """Evidence that the first condition fails more often, in explore settings or, if none are searched, fresh seeds."""
    for first, second in pairs:
        counts = [_failed(condition) for condition in (first, second)]
        if any(part.of == 0 for part in counts):
            continue
        unit = "settings" if first.condition.hyperparameters else "fresh seeds"
        failed = zip(counts, (first.name, second.name), strict=True)
        yield Evidence(_opinion(*newcombe(counts[0], counts[1])), Failures(unit, tuple(failed)))


def _failed(condition: StudyCondition) -> Part:
    """Numbers of failed and of all explore settings or, if no hyperparameter is searched, of fresh seeds.

    Settings whose training ended without a result have not failed numerically and are not counted.
    """
    if condition.condition.hyperparameters:
        (explored,) = [trials for trials in condition.comparison.explored if trials.condition == condition.name]
        members = condition.comparison.results.members
        of_condition = members[(members["condition"] == condition.name) & (members["phase"] == "explore")]
        trained = of_condition.loc[of_condition["trial"] < len(explored.configurations), "trial"].nunique()
        return Part(trained - _stable(explored), trained)
    rows = condition.comparison.ranking
    rows = rows[rows["condition"] == condition.name]
    if rows.empty:
        return Part(0, 0)
    return failed_seeds(rows.iloc[0])


def _stable(explored: ExploreTrials) -> int:
    return int(explored.reaching(np.finfo(np.float64).max).sum())


def _covers(pairs: Sequence[Pair]) -> Iterator[Evidence]:
    """Evidence that the first condition covers more of the known modes than the second, from permutation tests."""
    by_study = {id(condition.comparison): modes_covered(condition.comparison) for pair in pairs for condition in pair}
    modes = [[by_study[id(condition.comparison)].get(condition.name) for condition in pair] for pair in pairs]
    ready = [
        (pair, values)
        for pair, values in zip(pairs, modes, strict=True)
        if all(counts is not None for counts in values)
    ]
    tests = [permutation_test(-np.array(first), -np.array(second), seed=0)[0] for _, (first, second) in ready]
    for (pair, (first, second)), p in zip(ready, holm(np.array(tests)), strict=True):
        more = np.mean(first) > np.mean(second)
        opinion: Opinion = "undecided" if not p < LEVEL else "agrees" if more else "disagrees"
        one, other = ((min(modes), max(modes), each.name) for modes, each in zip((first, second), pair, strict=True))
        yield Evidence(opinion, Modes((one, other), None if np.isnan(p) else float(p)))


def _opinion(low: float, high: float) -> Opinion:
    """The opinion on the claim that a difference is positive, from the ends of its interval."""
    return "agrees" if low > 0 else "disagrees" if high < 0 else "undecided"


# -- claims ------------------------------------------------------------------------------------------------------------

ORDERINGS = (
    Ordering(
        "weight clipping is more sensitive to its clip value than a gradient penalty to its weight",
        "Gulrajani et al. 2017 (arXiv:1704.00028)",
        "constraint",
        lambda first, second: (
            (first.constraint, second.constraint) == ("weight_clipping", "gradient_penalty")
            and first.objective == second.objective == "wasserstein"
            and "constraint.clip_value" in first.condition.hyperparameters
            and "constraint.gp_weight" in second.condition.hyperparameters
        ),
        _narrower,
    ),
    Ordering(
        "the minimax loss fails more often than the non-saturating loss",
        "Goodfellow et al. 2014 (arXiv:1406.2661)",
        "objective",
        lambda first, second: (
            (first.objective, second.objective) == ("minimax", "non_saturating")
            and _equal((first, second), "constraint")
            and first.condition.hyperparameters == second.condition.hyperparameters
        ),
        _fails,
    ),
    Ordering(
        "a gradient penalty covers more modes than no constraint",
        "Kodali et al. 2017 (arXiv:1705.07215)",
        "constraint",
        lambda first, second: (first.constraint, second.constraint) == ("gradient_penalty", "none"),
        _covers,
    ),
)
