"""Permutation tests of the settings found under metrics beside the distance that decides."""

from itertools import combinations

import pandas as pd

from studies.analysis.adjusted_tests import adjusted
from studies.analysis.metric_rankings import FurtherValues
from studies.statistics.permutation import effect, permutation_test
from studies.tables.columns import table_of

METRIC_PAIRS: dict[str, str] = {
    "metric": "str",
    "condition": "str",
    "other": "str",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "decided": "bool",
}


def metric_pairs(further: FurtherValues, *, seed: int) -> pd.DataFrame:
    """A row per measure beside the distance that decides, and pair of settings found; columns as in `METRIC_PAIRS`.

    `further` holds the values of the fresh seeds under each measure, see `further_values`.

    effect      estimated chance that a fresh seed of `condition` has a better value than one of `other`, plus half the
                chance of a tie; failed seeds tie with each other and rank behind all others
    p_value     two-sided, from `permutation_test`; empty if either setting has fewer than two fresh seeds
    p_adjusted  adjusted by Holm's method over all rows of the table
    decided     p_adjusted < `LEVEL`

    With `search.confirm.most` the number of fresh seeds follows from tests of the distance that decides, and these
    tests use all of them.
    """
    rows = []
    for measure, of_settings in further.items():
        distances = {name: -values if measure.larger else values for name, values in of_settings.items()}
        for first, second in combinations(distances, 2):
            p_value, _ = permutation_test(distances[first], distances[second], seed=seed)
            chance = effect(distances[first], distances[second])
            rows.append(
                {"metric": measure.name, "condition": first, "other": second, "effect": chance, "p_value": p_value}
            )
    return table_of(adjusted(rows), METRIC_PAIRS)
