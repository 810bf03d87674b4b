"""The answer itself: who comes closest, how sure that is, and who needs the least tuning."""

from collections.abc import Iterator

import pandas as pd

from studies.comparison import Comparison
from studies.comparison.power import pair_power
from studies.sentences import counted
from studies.verdict.explored import leading
from studies.verdict.phrases import distance, goal, listed, p_value
from studies.verdict.quality import quality


def answering(compared: Comparison) -> Iterator[str]:
    """Of what is confirmed who comes closest, else that nothing is; then who needs the least tuning."""
    ranking, study = compared.ranking, compared.results.study
    if ranking.empty:
        yield (
            "Nothing is confirmed yet, so there is no ranking."
            if study.search.confirm.best
            else "There is no ranking, since the study confirms nothing."
        )
    else:
        yield from _confirmed(compared)
    yield from leading(compared)


def _confirmed(compared: Comparison) -> Iterator[str]:
    ranking, conditions = compared.ranking, compared.results.study.conditions
    if len(ranking) < len(conditions):
        are = "is" if len(ranking) == 1 else "are"
        yield f"Only {len(ranking)} of {len(conditions)} conditions {are} confirmed."
    if ranking["distance"].isna().all():
        yield _nobody(ranking)
        return
    if len(ranking) > 1 and not compared.pairs["decided"].any():
        yield _undecided(compared)
    yield _nearest(compared)
    if compared.pairs["decided"].any():
        yield from _against_others(compared)
    lost = ranking.loc[ranking["failure_rate"] == 1, "condition"].tolist()
    if lost:
        yield f"For {listed(lost)} every fresh seed failed."
    yield from _beside_data(compared)
    yield from quality(compared)


def _nobody(ranking: pd.DataFrame) -> str:
    first, *others = (row for _, row in ranking.iterrows())
    if not others:
        return f"The setting found for {first['condition']} is not stable: {failed_of(first)} fresh seeds failed."
    lost = [f"{failed_of(first)} fresh seeds failed for {first['condition']}"]
    lost += [f"{failed_of(row)} for {row['condition']}" for row in others]
    return f"No setting that was found is stable: {listed(lost)}."


def _undecided(compared: Comparison) -> str:
    """Why nobody is called the best."""
    ranking, pairs = compared.ranking, compared.pairs
    seeds = int(ranking["members"].min())
    by = f"{counted(seeds, 'fresh seed')} each"
    if len(pairs) == 1 and pairs["p_value"].notna().all():
        told = f"{' and '.join(ranking['condition'])} cannot be told apart by {by}"
        return f"Undecided: {told} (p = {p_value(pairs['p_adjusted'].iloc[0])})."
    if seeds == 1:
        return "Undecided: one fresh seed each is too few for a test."
    if pair_power(1.0, seeds, comparisons=len(pairs)) == 0:
        return f"Undecided: {by} are too few to tell any of {counted(len(pairs), 'pair')} apart."
    return f"Undecided: no two of the {len(ranking)} conditions can be told apart by {by}."


def _nearest(compared: Comparison) -> str:
    ranking = compared.ranking
    best = ranking.iloc[0]
    tied = ranking.loc[ranking["distance"] == best["distance"], "condition"].tolist()
    at = f": distance {distance(best['distance'])}"
    if len(ranking) == 1:
        opening = f"The setting found for {best['condition']} ends"
        at = f" at a distance of {distance(best['distance'])} from {goal(compared)}"
    elif len(tied) > 1:
        opening = f"The settings found for {listed(tied)} come equally close to {goal(compared)}"
    else:
        on_these = "On these seeds the" if not compared.pairs["decided"].any() else "The"
        opening = f"{on_these} setting found for {best['condition']} comes closest to {goal(compared)}"
    if best["members"] == 1:
        return f"{opening}{at} with one fresh seed, too few for an interval."
    between = f"{distance(best['distance_low'])} to {distance(best['distance_high'])}"
    return f"{opening}{at}, 95% interval {between}, over {best['members']} fresh seeds, {_failed(best)}."


def failed_of(row: pd.Series) -> str:
    """As in "2 of 10"."""
    return f"{round(row['failure_rate'] * row['members'])} of {row['members']}"


def _failed(row: pd.Series) -> str:
    lost = round(row["failure_rate"] * row["members"])
    return f"of which {lost or 'none'} failed (interval {row['failure_low']:.0%} to {row['failure_high']:.0%})"


def _against_others(compared: Comparison) -> Iterator[str]:
    """Whom the first of the ranking is better than, and whom it cannot be told from."""
    names, pairs = compared.ranking["condition"].tolist(), compared.pairs
    mine = pairs[(pairs["condition"] == names[0]) | (pairs["other"] == names[0])]
    decided = mine[mine["decided"]]
    beaten = [one for one in names[1:] if one in {*decided["condition"], *decided["other"]}]
    still = [one for one in names[1:] if one not in beaten]
    if not beaten:
        yield f"It cannot be told from {listed(still)}."
        return
    whom = f"each of the {len(beaten)} others" if len(beaten) > 1 and not still else listed(beaten)
    highest = decided["p_adjusted"].max()
    sure = f"p {'=' if len(decided) == 1 else '<='} {p_value(highest)}"
    corrected = f", corrected for {len(pairs)} pairs" if len(pairs) > 1 else ""
    open_ = f", but cannot be told from {listed(still)}" if still else ""
    yield f"It is better than {whom} ({sure}{corrected}){open_}."


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
