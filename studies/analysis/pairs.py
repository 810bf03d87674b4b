"""Permutation test of every pair of conditions, on the late distances of the members of their confirm trials."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Real

from studies.analysis.adjusted_tests import adjusted
from studies.statistics.permutation import effect, permutation_test
from studies.statistics.power import sample_size_for_effect
from studies.tables.columns import table_of

PAIRS: dict[str, str] = {
    "condition": "str",
    "other": "str",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "exact": "bool",
    "members": "int64",
    "other_members": "int64",
    "decided": "bool",
    "needed": "Int64",
}


def pairs(distances: Mapping[str, Real[np.ndarray, "members"]], *, seed: int) -> pd.DataFrame:
    """A row per pair of conditions; columns as in `PAIRS`.

    `distances` holds the late distances of each condition's members, +inf for a failed member.

    effect         estimated chance that a member of `condition` ends at a smaller distance than one of `other`, plus
                   half the chance of a tie; failed members tie with each other and rank behind all others
    p_value        two-sided, from `permutation_test`; empty if either condition has fewer than two members
    p_adjusted     adjusted by Holm's method over all pairs: if nothing differs, the chance of any `decided` pair is at
                   most `LEVEL`
    exact          True if all splits of the members of both conditions into two groups were tried
    members        number of members of `condition`
    other_members  number of members of `other`
    decided        p_adjusted < `LEVEL`
    needed         number of confirm seeds of each condition needed to detect this effect with a power of 80 %, see
                   `sample_size_for_effect`; empty if the effect is exactly 1/2

    Source: Brunner & Munzel 2000 (doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U) for the
    statistic, Neubert & Brunner 2007 (doi:10.1016/j.csda.2006.05.024) for its permutation; Holm 1979.
    """
    names = list(combinations(distances, 2))
    rows = []
    for first, second in names:
        p_value, exact = permutation_test(distances[first], distances[second], seed=seed)
        observed_effect = effect(distances[first], distances[second])
        rows.append(
            {
                "condition": first,
                "other": second,
                "effect": observed_effect,
                "p_value": p_value,
                "exact": exact,
                "members": len(distances[first]),
                "other_members": len(distances[second]),
                "needed": sample_size_for_effect(observed_effect, comparisons=len(names)),
            }
        )
    return table_of(adjusted(rows), PAIRS)
