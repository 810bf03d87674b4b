"""What tuning buys: the setting that was found for each condition beside that of its preset's authors."""

import numpy as np
import pandas as pd

from studies.comparison.pairs import LEVEL, effect, holm, permutation_test
from studies.comparison.ranking import first_confirmed, intervals, middle
from studies.comparison.schema import table_of

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
    """A row per condition that has both, in the order of the study; columns as in `TUNING`.

    distance, failure_rate, members   of the setting that was found, as in the ranking
    authors_*                         the same of the authors' setting, on the same seeds and reference
    effect                            the chance that a member of the found setting ends nearer than one of the
                                      authors', plus half that of a tie
    p_value, p_adjusted, exact,       as in `pairs`, adjusted for the number of conditions; that both arms have the
    decided                           same seeds is not used, since what they say is hardly correlated
    """
    found = {condition: distances for condition, _, distances in first_confirmed(members)}
    authors = {condition: distances for condition, _, distances in first_confirmed(members, "authors")}
    both = [condition for condition in found if condition in authors]
    tests = [permutation_test(found[condition], authors[condition], seed=seed) for condition in both]
    adjusted = holm(np.array([p_value for p_value, _ in tests]))
    rows = []
    for condition, (p_value, exact), p_adjusted in zip(both, tests, adjusted, strict=True):
        theirs = {**middle(authors[condition]), **intervals(authors[condition], seed)}
        rows.append(
            {
                "condition": condition,
                **middle(found[condition]),
                **{f"authors_{name}": value for name, value in theirs.items()},
                "effect": effect(found[condition], authors[condition]),
                "p_value": p_value,
                "p_adjusted": p_adjusted,
                "exact": exact,
                "decided": p_adjusted < LEVEL,
            }
        )
    return table_of(rows, TUNING)
