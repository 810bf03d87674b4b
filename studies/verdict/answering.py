"""The answer itself: one sentence that answers, then the numbers behind it."""

from collections.abc import Iterator

import pandas as pd

from studies.comparison import Comparison
from studies.verdict.headline import besides, headline
from studies.verdict.modes import modes_sure
from studies.verdict.phrases import distance, goal, listed
from studies.verdict.quality import quality


def answering(compared: Comparison) -> Iterator[str]:
    """The sentence, what of it is not known yet, and how near the best one comes to what."""
    yield headline(compared)
    ranking, study = compared.ranking, compared.results.study
    if not study.search.confirm.best:
        yield "There is no ranking, since the study confirms nothing."
    elif 0 < len(ranking) < len(study.conditions):
        ranked = set(ranking["condition"])
        yield f"Not confirmed yet: {', '.join(one.name for one in study.conditions if one.name not in ranked)}."
    yield from modes_sure(compared)
    yield from besides(compared)
    if len(ranking) and ranking["distance"].notna().any():
        yield _nearest(compared)
        lost = ranking.loc[ranking["failure_rate"] == 1, "condition"].tolist()
        if lost:
            yield f"For {listed(lost)} every fresh seed failed."
        yield from _beside_data(compared)
        yield from quality(compared)


def _nearest(compared: Comparison) -> str:
    ranking = compared.ranking
    best = ranking.iloc[0]
    tied = ranking.loc[ranking["distance"] == best["distance"], "condition"].tolist()
    at = f"ends at a distance of {distance(best['distance'])} from {goal(compared)}"
    if len(tied) > 1:
        opening = f"The settings found for {listed(tied)} come equally close to {goal(compared)}: distance "
        opening += distance(best["distance"])
    elif len(ranking) == 1 or _decided(compared):
        opening = f"The setting found for {best['condition']} {at}"
    else:
        opening = f"On these seeds the setting found for {best['condition']} is the closest: it {at}"
    if best["members"] == 1:
        return f"{opening} with one fresh seed, too few for an interval."
    between = f"{distance(best['distance_low'])} to {distance(best['distance_high'])}"
    return f"{opening}, 95% interval {between}, over {best['members']} fresh seeds, {_failed(best)}."


def _decided(compared: Comparison) -> bool:
    """Whether the first of the ranking is decidedly closer than anyone."""
    first, pairs = compared.ranking["condition"].iloc[0], compared.pairs
    return bool(pairs.loc[(pairs["condition"] == first) | (pairs["other"] == first), "decided"].any())


def _failed(row: pd.Series) -> str:
    lost = round(row["failure_rate"] * row["members"])
    return f"of which {lost or 'none'} failed (interval {row['failure_low']:.0%} to {row['failure_high']:.0%})"


def _beside_data(compared: Comparison) -> Iterator[str]:
    """What its distance is to be held against."""
    best, lines = compared.ranking.iloc[0], compared.results.lines
    floor, gaussian = lines.get("floor"), lines.get("gaussian")
    if not floor:
        return
    if gaussian is None:
        yield f"Real data are {distance(floor)} from each other."
        return
    if best["members"] == 1:
        which = ""
    elif best["distance_low"] > gaussian:
        which = f", which {best['condition']} does not reach"
    elif best["distance_high"] < gaussian:
        which = f", which {best['condition']} outdoes"
    else:
        which = f", from which {best['condition']} cannot be told"
    yield (
        f"For comparison: real data are {distance(floor)} from each other, and a Gaussian with their mean and "
        f"covariance is {distance(gaussian)} from them{which}."
    )
