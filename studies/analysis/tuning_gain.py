"""Gain from tuning: the setting found for each condition against the setting of its preset's authors."""

import pandas as pd

from studies.analysis.adjusted_tests import adjusted
from studies.statistics.permutation import effect, permutation_test
from studies.tables.columns import table_of
from studies.tables.ranking import first_confirmed, interval_ends, point_estimates

TUNING: dict[str, str] = {
    "condition": "str",
    "distance": "float64",
    "failure_rate": "float64",
    "members": "int64",
    "authors_distance": "float64",
    "authors_distance_low": "float64",
    "authors_distance_high": "float64",
    "authors_failure_rate": "float64",
    "authors_failure_low": "float64",
    "authors_failure_high": "float64",
    "authors_members": "int64",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "exact": "bool",
    "decided": "bool",
}


def tuning(members: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A row per condition for which both settings were trained on fresh seeds; columns as in `TUNING`.

    distance, failure_rate, members   of the setting found, as in the ranking, on its first group of fresh seeds
    authors_*                         the same of the authors' setting, on the same seeds and the same test split
    effect                            estimated chance that a member with the setting found ends at a smaller distance
                                      than one with the authors' setting, plus half the chance of a tie
    p_value, p_adjusted, exact,       as in `pairs`, adjusted for the number of conditions. The test is unpaired
    decided                           although both settings have the same seeds: their results hardly correlate
    """
    tuned, authors = dict(first_confirmed(members)), dict(first_confirmed(members, "authors"))
    conditions = [condition for condition in tuned if condition in authors]
    rows = []
    for condition in conditions:
        p_value, exact = permutation_test(tuned[condition], authors[condition], seed=seed)
        authors_values = {**point_estimates(authors[condition]), **interval_ends(authors[condition], seed)}
        rows.append(
            {
                "condition": condition,
                **point_estimates(tuned[condition]),
                **{f"authors_{name}": value for name, value in authors_values.items()},
                "effect": effect(tuned[condition], authors[condition]),
                "p_value": p_value,
                "exact": exact,
            }
        )
    return table_of(adjusted(rows), TUNING)
