"""What is said about several studies beside each other."""

from collections.abc import Iterator, Sequence

import pandas as pd

from studies.comparison import Comparison, profile, together
from studies.verdict.literature import literature
from studies.verdict.phrases import listed


def several(compared: Sequence[Comparison]) -> tuple[str, ...]:
    """What they learn, which conditions they have in common, and who stays near the best of those everywhere."""
    return tuple(_several(compared))


def _several(compared: Sequence[Comparison]) -> Iterator[str]:
    yield from _data(compared)
    yield from _budgets(compared)
    yield from literature(compared)
    ranked = [one for one in compared if len(one.ranking)]
    left_out = [one.results.study.name for one in compared if one.ranking.empty]
    if left_out:
        yield f"Nothing is confirmed in {listed(left_out)}, which so is left out of what follows."
    if len(ranked) < 2:
        yield "Fewer than two studies have a ranking: there is nothing to hold against each other."
        return
    table = together(compared)
    shared = profile(table)
    if shared.empty:
        yield "No condition is ranked in all of them, so there is no performance profile."
        return
    names = list(dict.fromkeys(shared["condition"]))
    yield (
        f"{_all(len(ranked))} rank {listed(names)}; conditions are matched by name, so what they set and search may "
        "differ."
    )
    if len(names) > 1:
        yield (
            "The performance profile tells on which share of the studies a condition's distance is at most so many "
            "times the smallest of these conditions there; one that failed never is (Dolan & More 2002)."
        )
        yield from _near_everywhere(shared)


def _all(studies: int) -> str:
    return "Both studies" if studies == 2 else f"All {studies} studies"


def _data(compared: Sequence[Comparison]) -> Iterator[str]:
    studies = [one.results.study for one in compared]
    kinds = list(dict.fromkeys(study.data.kind for study in studies))
    if all(study.table()["data"] == studies[0].table()["data"] for study in studies):
        yield f"{_all(len(studies))} learn the same data, {kinds[0]}."
    elif len(kinds) == 1:
        yield f"The studies learn {kinds[0]} with different settings: their distances are not the same measure."
    else:
        each = listed([f"{study.name} learns {study.data.kind}" for study in studies])
        yield (
            f"The studies learn different data ({each}): distances have no common unit, so only ratios and progress "
            "can be compared."
        )


def _budgets(compared: Sequence[Comparison]) -> Iterator[str]:
    budgets = {
        one.results.study.name: f"{one.results.study.budget.steps} {one.results.study.budget.unit.replace('_', ' ')}"
        for one in compared
    }
    if len(set(budgets.values())) > 1:
        yield f"Their budgets differ: {listed([f'{budget} in {name}' for name, budget in budgets.items()])}."


def _near_everywhere(shared: pd.DataFrame) -> Iterator[str]:
    """How often each condition is the best, and within which ratio it stays wherever it is."""
    studies = int(shared["studies"].iloc[0])
    best = shared[shared["ratio"] == 1.0]
    firsts = [f"{row.condition} on {round(row.share * studies)}" for row in best.itertuples() if row.share > 0]
    if firsts:
        yield f"Closest of these conditions: {listed(firsts)} of {studies} studies."
    always = shared[shared["share"] == 1].groupby("condition", sort=False)["ratio"].min()
    if len(always):
        stays = [f"{ratio:g} for {name}" for name, ratio in always.items()]
        yield f"On every study the ratio is at most {listed(stays)}."
    else:
        yield f"For none of them the ratio is at most {shared['ratio'].max():g} on every study."
