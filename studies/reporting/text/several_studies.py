"""Sentences about several studies together."""

from collections.abc import Iterator, Sequence

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.cross_study import cross_study_ranking, performance_profile
from studies.reporting.text.literature import literature_sentences
from studies.reporting.text.phrases import budget_in_words, join_words


def several_studies(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Sentences on their data and budgets, on claims of papers, and on the conditions that all of the studies rank."""
    return tuple(_sentences(comparisons))


def _sentences(comparisons: Sequence[Comparison]) -> Iterator[str]:
    yield from _data(comparisons)
    yield from _budgets(comparisons)
    yield from literature_sentences(comparisons)
    names = {comparison.results.study.name: len(comparison.ranking) > 0 for comparison in comparisons}
    unconfirmed = [name for name, ranked in names.items() if not ranked]
    if unconfirmed:
        yield (
            f"No setting is confirmed in {join_words(unconfirmed)}, which "
            f"{'is' if len(unconfirmed) == 1 else 'are'} therefore left out of the following sentences."
        )
    if sum(names.values()) < 2:
        yield "Fewer than two studies have a ranking, so no rankings are compared."
        return
    profile = performance_profile(cross_study_ranking(comparisons))
    if profile.empty:
        yield "No condition is ranked in every study, so there is no performance profile."
        return
    conditions = list(dict.fromkeys(profile["condition"]))
    yield (
        f"{_all(sum(names.values()))} rank {join_words(conditions)}; conditions are matched by name, so their fixed "
        "settings and their ranges may differ between the studies."
    )
    if len(conditions) > 1:
        yield (
            "The performance profile (Dolan & More 2002) gives, for each condition and ratio, the share of the studies "
            "in which the distance of its setting is at most that ratio times the smallest distance of these "
            "conditions; a setting that failed never counts."
        )
        yield from _profile(profile)


def _all(studies: int) -> str:
    return "Both studies" if studies == 2 else f"All {studies} studies"


def _data(comparisons: Sequence[Comparison]) -> Iterator[str]:
    studies = [comparison.results.study for comparison in comparisons]
    kinds = list(dict.fromkeys(study.data.kind for study in studies))
    if all(study.table()["data"] == studies[0].table()["data"] for study in studies):
        yield f"{_all(len(studies))} use the same data ({kinds[0]})."
    elif len(kinds) == 1:
        yield f"The studies use {kinds[0]} with different settings, so their distances cannot be compared directly."
    else:
        each = join_words([f"{study.data.kind} in {study.name}" for study in studies])
        yield (
            f"The studies use different data ({each}), so their distances cannot be compared directly: compare ratios "
            "to the smallest distance, and progress, the share of the way from the constant to real data."
        )


def _budgets(comparisons: Sequence[Comparison]) -> Iterator[str]:
    studies = [comparison.results.study for comparison in comparisons]
    budgets = {study.name: budget_in_words(study) for study in studies}
    if len(set(budgets.values())) > 1:
        yield f"Their budgets differ: {join_words([f'{budget} in {name}' for name, budget in budgets.items()])}."


def _profile(profile: pd.DataFrame) -> Iterator[str]:
    """Sentences on the number of studies in which each condition is best, and on the ratio it keeps in all."""
    studies = int(profile["studies"].iloc[0])
    smallest = profile[(profile["ratio"] == 1.0) & (profile["share"] > 0)]
    if len(smallest):
        counts = [f"for {row.condition} in {round(row.share * studies)}" for row in smallest.itertuples()]
        yield f"The setting with the smallest distance was found {join_words(counts)} of {studies} studies."
    always = profile[profile["share"] == 1].groupby("condition", sort=False)["ratio"].min()
    if len(always):
        bounds = [
            f"{'' if ratio == 1 else f'{ratio:g} times '}the smallest for {name}" for name, ratio in always.items()
        ]
        yield f"In every study the distance is at most {join_words(bounds)}."
    else:
        yield f"No condition stays within {profile['ratio'].max():g} times the smallest distance in every study."
