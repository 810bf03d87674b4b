"""Orderings that papers have established, and whether a study's own numbers agree with them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import log10
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from studies.comparison import Comparison
from studies.comparison.explored import Explored
from studies.comparison.intervals import difference_interval, newcombe, wilson
from studies.comparison.pairs import LEVEL, holm, permutation_test
from studies.condition import Condition
from studies.sentences import counted, knob_name
from studies.space import Grid
from studies.verdict.explored import share, told
from studies.verdict.modes import covered
from studies.verdict.phrases import MOST, few, listed, p_value

Opinion = Literal["agrees", "disagrees", "undecided"]
OPINIONS: tuple[Opinion, ...] = ("agrees", "disagrees", "undecided")


class Arm(NamedTuple):
    """One condition of one of the studies."""

    compared: Comparison
    condition: Condition

    @property
    def objective(self) -> str:
        return str(self.condition.table["objective"]["kind"])

    @property
    def constraint(self) -> str:
        return str(self.condition.table["constraint"]["kind"])

    @property
    def name(self) -> str:
        return self.condition.name


Pair = tuple[Arm, Arm]


class Found(NamedTuple):
    """What one pair of conditions says about an ordering, with the numbers behind it."""

    opinion: Opinion
    numbers: str


@dataclass(frozen=True)
class Ordering:
    """A claim about two kinds of conditions.

    claim   as a sentence without its full stop
    source  the paper
    about   what the conditions differ in
    are     whether two conditions, everything else being equal, are what the claim is about
    look    what pairs of them say; nothing of a pair that has no numbers yet
    """

    claim: str
    source: str
    about: Literal["objective", "constraint"]
    are: Callable[[Arm, Arm], bool]
    look: Callable[[Sequence[Pair]], Iterator[Found]]


def literature(compared: Sequence[Comparison]) -> Iterator[str]:
    """A sentence for each ordering that these studies hold a pair for; of several studies pairs across them alone."""
    yield from few((sentence for one in ORDERINGS if (sentence := _told(one, compared))), "pairs")


def _told(ordering: Ordering, compared: Sequence[Comparison]) -> str:
    arms = [Arm(one, condition) for one in compared for condition in one.results.study.conditions]
    across = len(compared) > 1
    pairs = [
        (one, other)
        for one, other in product(arms, arms)
        if (one.compared is not other.compared) == across and _comparable(one, other) and ordering.are(one, other)
    ]
    alike = [pair for pair in pairs if ordering.about == "objective" or _equal(pair, "objective")]
    found = list(ordering.look(alike or pairs)) if pairs else []
    if not found:
        return ""
    by = {opinion: [one.numbers for one in found if one.opinion == opinion] for opinion in OPINIONS}
    parts = [f"{opinion} ({_first(numbers)})" for opinion, numbers in by.items() if numbers]
    besides = "" if alike else ", though they differ in their objective too"
    return f"{ordering.claim} ({ordering.source}): {', '.join(parts)}{besides}."


def _first(numbers: Sequence[str]) -> str:
    more = len(numbers) - MOST
    return "; ".join(numbers) if more <= 0 else f"{'; '.join(numbers[:MOST])}; and {counted(more, 'further pair')}"


def _comparable(one: Arm, other: Arm) -> bool:
    """Whether nothing but objective and constraint can have made the difference."""
    first, second = (arm.compared.results.study.table() for arm in (one, other))
    equal = all(_equal((one, other), part) for part in ("networks", "training"))
    return equal and all(first.get(part) == second.get(part) for part in _SHARED)


def _equal(pair: Pair, part: str) -> bool:
    return pair[0].condition.table[part] == pair[1].condition.table[part]


_SHARED = ("data", "budget", "measures", "stability", "seeds")


# -- what the claims are held against ----------------------------------------------------------------------------------


def _narrower(pairs: Sequence[Pair]) -> Iterator[Found]:
    """The first works over fewer decades of its own knob than the other: share of settings x decades that they span.

    Listed values are counted as if they were drawn, each for its part of the span.
    """
    for one, other in pairs:
        rows, decades = _at_one_distance(one, other), [_decades(arm) for arm in (one, other)]
        if rows is None or not all(decades):
            continue
        widths = [_width(row, span) for row, span in zip(rows, decades, strict=True)]
        numbers = [
            f"{arm.name} works at {share(row)} {_settings(arm)} over {span:.2g} decades of {knob_name(_own_knob(arm))}"
            for arm, row, span in zip((one, other), rows, decades, strict=True)
        ]
        yield Found(_opinion(*difference_interval(widths[1], widths[0])), listed(numbers))


def _at_one_distance(one: Arm, other: Arm) -> tuple[pd.Series, pd.Series] | None:
    """Their volumes at the distance that the study is told at; of two studies at the smallest that both reach."""
    own = [arm.compared.volumes[arm.compared.volumes["condition"] == arm.name] for arm in (one, other)]
    if one.compared is other.compared:
        own = [told(one.compared, frame) for frame in own]
    both = own[0].merge(own[1], on="tau", suffixes=("", "_other"))
    if both.empty:
        return None
    shared = both[(both["reached"] > 0) & (both["reached_other"] > 0)]["tau"]
    tau = shared.min() if len(shared) else both["tau"].max()
    first, second = (frame[frame["tau"] == tau].iloc[0] for frame in own)
    return first, second


def _own_knob(arm: Arm) -> str:
    return "constraint.clip_value" if arm.constraint == "weight_clipping" else "constraint.gp_weight"


def _decades(arm: Arm) -> float:
    """How many decades its own knob was tried over; 0 where it includes 0, to which there are endlessly many."""
    values = [float(value) for value in arm.condition.knobs[_own_knob(arm)].extremes()]
    return log10(max(values) / min(values)) if min(values) > 0 else 0.0


def _width(row: pd.Series, decades: float) -> tuple[float, float, float]:
    """The stable width, with its interval."""
    low, high = wilson(int(row["reached"]), int(row["configurations"]))
    return row["volume"] * decades, low * decades, high * decades


def _settings(arm: Arm) -> str:
    listed_values = any(isinstance(knob, Grid) for knob in arm.condition.knobs.values())
    return "listed settings" if listed_values else "settings drawn"


def _fails(pairs: Sequence[Pair]) -> Iterator[Found]:
    """More of the first fails: of its settings where they differ, else of its fresh seeds."""
    for one, other in pairs:
        counts = [_failed(arm) for arm in (one, other)]
        if any(count[1] == 0 for count in counts):
            continue
        of = "settings" if one.condition.knobs else "fresh seeds"
        numbers = [
            f"{lost} of {every} {of} of {arm.name}" for (lost, every), arm in zip(counts, (one, other), strict=True)
        ]
        yield Found(_opinion(*newcombe(counts[0], counts[1])), f"{' against '.join(numbers)} failed")


def _failed(arm: Arm) -> tuple[int, int]:
    """How many failed, of how many."""
    if arm.condition.knobs:
        (own,) = [one for one in arm.compared.explored if one.condition == arm.name]
        return len(own.configurations) - _stable(own), len(own.configurations)
    row = arm.compared.ranking[arm.compared.ranking["condition"] == arm.name]
    return (
        (0, 0) if row.empty else (round(row["failure_rate"].iloc[0] * row["members"].iloc[0]), row["members"].iloc[0])
    )


def _stable(own: Explored) -> int:
    return int(own.reaching(np.finfo(np.float64).max).sum())


def _covers(pairs: Sequence[Pair]) -> Iterator[Found]:
    """The first covers more of the known modes than the other."""
    counts = {id(arm.compared): covered(arm.compared) for pair in pairs for arm in pair}
    own = [[counts[id(arm.compared)].get(arm.name) for arm in pair] for pair in pairs]
    ready = [(pair, values) for pair, values in zip(pairs, own, strict=True) if all(one is not None for one in values)]
    tests = [permutation_test(-np.array(first), -np.array(second), seed=0)[0] for _, (first, second) in ready]
    for ((one, other), (first, second)), p in zip(ready, holm(np.array(tests)), strict=True):
        ahead = np.mean(first) > np.mean(second)
        opinion: Opinion = "undecided" if not p < LEVEL else "agrees" if ahead else "disagrees"
        numbers = f"{one.name} {_span(first)}, {other.name} {_span(second)} modes"
        yield Found(opinion, numbers if np.isnan(p) else f"{numbers}, p = {p_value(p)}")


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _opinion(low: float, high: float) -> Opinion:
    """What an interval of the claimed difference says."""
    return "agrees" if low > 0 else "disagrees" if high < 0 else "undecided"


# -- the claims --------------------------------------------------------------------------------------------------------

ORDERINGS = (
    Ordering(
        "Weight clipping is more sensitive to its clip value than a gradient penalty to its weight",
        "Gulrajani et al. 2017, arXiv:1704.00028",
        "constraint",
        lambda one, other: (
            (one.constraint, other.constraint) == ("weight_clipping", "gradient_penalty")
            and one.objective == other.objective == "wasserstein"
            and "constraint.clip_value" in one.condition.knobs
            and "constraint.gp_weight" in other.condition.knobs
        ),
        _narrower,
    ),
    Ordering(
        "The minimax game fails more often than the non-saturating one",
        "Goodfellow et al. 2014, arXiv:1406.2661",
        "objective",
        lambda one, other: (
            (one.objective, other.objective) == ("minimax", "non_saturating")
            and _equal((one, other), "constraint")
            and one.condition.knobs == other.condition.knobs
        ),
        _fails,
    ),
    Ordering(
        "A gradient penalty covers more modes than no constraint",
        "Kodali et al. 2017, arXiv:1705.07215",
        "constraint",
        lambda one, other: (one.constraint, other.constraint) == ("gradient_penalty", "none"),
        _covers,
    ),
)
