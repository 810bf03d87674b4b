"""Permutation test of every pair of conditions, on the late distances of the members of their confirm trials."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Real

from studies.analysis.adjusted_tests import adjusted
from studies.statistics.group_sequential import MORE_SEEDS, Groups, pair_tests
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
    "looks": "int64",
    "decided": "bool",
    "needed": "Int64",
}


def pairs(distances: Mapping[str, Groups], *, seed: int, stages: int = 1) -> pd.DataFrame:
    """A row per pair of conditions; columns as in `PAIRS`.

    `distances` holds the late distances of each condition's members, +inf for a failed member, one array for each group
    of fresh seeds; `stages` is the largest number of groups.

    effect         estimated chance that a member of `condition` ends at a smaller distance than one of `other`, plus
                   half the chance of a tie; failed members tie with each other and rank behind all others
    p_value        two-sided, from `permutation_test`; empty if either condition has fewer than two members. With
                   several stages the sequential p-value of `pair_tests`: the smallest level at which a test so far
                   would have decided the pair
    p_adjusted     adjusted by Holm's method over all pairs: if nothing differs, the chance of any `decided` pair is at
                   most `LEVEL`
    exact          True if all splits of the members of both conditions into two groups were tried
    members        number of members of `condition` on which the row rests: of the groups that both conditions have, up
                   to the one that decided the pair
    other_members  the same of `other`
    looks          number of tests of the pair so far, one after each group; a decided pair is not tested again
    decided        p_adjusted < `LEVEL`
    needed         number of confirm seeds of each condition needed to detect this effect with a power of 80 %, see
                   `sample_size_for_effect`, with several stages `MORE_SEEDS` times as many; empty if the effect is
                   exactly 1/2

    Source: Brunner & Munzel 2000 (doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U) for the
    statistic, Neubert & Brunner 2007 (doi:10.1016/j.csda.2006.05.024) for its permutation; Holm 1979.
    """
    if stages > 1:
        return table_of(_tested_in_stages(distances, stages, seed), PAIRS)
    names = list(combinations(distances, 2))
    rows = []
    for first, second in names:
        values, other_values = np.concatenate(distances[first]), np.concatenate(distances[second])
        p_value, exact = permutation_test(values, other_values, seed=seed)
        sizes = _sizes(values, other_values, comparisons=len(names))
        rows.append({"condition": first, "other": second, "p_value": p_value, "exact": exact, "looks": 1, **sizes})
    return table_of(adjusted(rows), PAIRS)


def _tested_in_stages(distances: Mapping[str, Groups], stages: int, seed: int) -> Iterator[dict[str, Any]]:
    tests = pair_tests(distances, stages=stages, seed=seed)
    for test in tests:
        values, other_values = (np.concatenate(distances[name][: test.stage]) for name in (test.first, test.second))
        yield {
            "condition": test.first,
            "other": test.second,
            "p_value": test.p_value,
            "p_adjusted": test.p_adjusted,
            "exact": False,
            "looks": test.stage,
            "decided": test.decided,
            **_sizes(values, other_values, comparisons=len(tests), more=MORE_SEEDS),
        }


def _sizes(
    values: Real[np.ndarray, "members"], other_values: Real[np.ndarray, "others"], *, comparisons: int, more: float = 1
) -> dict[str, Any]:
    """Effect and numbers of members of a pair, and `more` times the number that one test needs for this effect."""
    observed_effect = effect(values, other_values)
    needed = sample_size_for_effect(observed_effect, comparisons=comparisons)
    return {
        "effect": observed_effect,
        "members": len(values),
        "other_members": len(other_values),
        "needed": None if needed is None else ceil(more * needed),
    }
