"""The statistics of which a study has results, for the template of the methods."""

from typing import Any

import pandas as pd

from studies.analysis import ablation, search_comparison, volumes
from studies.analysis.comparison import Comparison
from studies.numbers import format_distance
from studies.reporting.paper.found_tables import equal_critic_steps_table
from studies.reporting.paper.latex_text import listed, scientific
from studies.statistics.area_share import area_interval
from studies.statistics.best_of_draws import RANDOM_SWAPS, expected_best, search_test
from studies.statistics.group_sequential import SPENDING_POWER, pair_tests, sequential_p_values, spent_share
from studies.statistics.importance import RESAMPLES
from studies.statistics.intervals import bootstrap_interval, interquartile_mean, mean_interval, newcombe, wilson
from studies.statistics.ped_anova import divergences
from studies.statistics.permutation import LEVEL, RANDOM_SPLITS, brunner_munzel, holm, permutation_test
from studies.statistics.stable_range import range_end

FUNCTIONS = {
    function.__name__: function
    for function in (
        area_interval,
        expected_best,
        search_test,
        bootstrap_interval,
        interquartile_mean,
        mean_interval,
        newcombe,
        wilson,
        brunner_munzel,
        holm,
        permutation_test,
        sequential_p_values,
        pair_tests,
        spent_share,
        range_end,
        divergences,
        ablation.path_table,
        search_comparison.tuning_curves,
    )
}
"""Functions whose sources the template cites, by name."""


def statistics_used(compared: Comparison) -> dict[str, Any]:
    """Facts of each table of the comparison that has rows, and the functions that computed them."""
    ranking, shares = compared.ranking, random_shares(compared)
    used = {
        "ranking": None if ranking.empty else {"fewest": int(ranking["members"].min())},
        "unequal_critic_steps": bool(equal_critic_steps_table(compared).rows),
        "pairs": _tests(compared.pairs, RANDOM_SPLITS, "splits"),
        "metric_pairs": _tests(compared.metric_pairs, RANDOM_SPLITS, "splits"),
        "tuning": _tests(compared.tuning, RANDOM_SPLITS, "splits"),
        "paths": _tests(compared.paths, RANDOM_SPLITS, "splits"),
        "search_pairs": _search(compared.search_pairs),
        "bands": not compared.tuning_curves["score_low"].dropna().empty,
        "volumes": None if shares.empty else {"targets": _distances(shares["tau"])},
        "volume_differences": _tests(compared.volume_differences, 0, ""),
        "stable_ranges": not compared.stable_ranges.empty,
        "importances": not compared.importances.empty,
        "stable_areas": not compared.stable_areas.empty,
    }
    return {
        **FUNCTIONS,
        "volume_differences_test": volumes.volume_differences,
        "level": LEVEL,
        "confirm": compared.results.study.search.confirm,
        "spending_power": SPENDING_POWER,
        "resamples": RESAMPLES,
        **used,
        "has_statistics": any(used.values()),
    }


def random_shares(compared: Comparison) -> pd.DataFrame:
    """The rows of the stable volumes of conditions whose configurations were drawn at random, with an interval."""
    searched = [condition.name for condition in compared.results.study.conditions if condition.hyperparameters]
    shares = compared.volumes
    return shares[shares["condition"].isin(searched) & shares["volume_low"].notna()]


def _tests(table: pd.DataFrame, resamples: int, unit: str) -> dict[str, Any] | None:
    """Number of tests in a table and the permutations that they tried; None without a test."""
    tested = table[table["p_value"].notna()]
    if tested.empty:
        return None
    exact = "exact" not in tested or bool(tested["exact"].all())
    return {"tests": len(tested), "exact": f"all {unit}" if exact else f"{resamples:,} random {unit}"}


def _search(table: pd.DataFrame) -> dict[str, Any] | None:
    facts = _tests(table, RANDOM_SWAPS, "swaps")
    return facts and {**facts, "n": _range(table["n"]), "draws": _range(table["configurations"])}


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _distances(targets: pd.Series) -> str:
    return listed([scientific(format_distance(tau)) for tau in dict.fromkeys(targets)])
