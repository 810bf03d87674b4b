"""Medians of metrics of the confirmed members at the end of training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_core.outcomes import late_steps
from studies.tables.results import Results

QUALITY = ("precision", "coverage")


def late_quality(results: Results) -> pd.DataFrame:
    """A row per member of each setting found: condition, seed, outcome and `QUALITY`.

    precision  share of the fakes that lie near real samples
    coverage   share of the real samples that have fakes near them

    Both are `late_medians`. The table has no rows if the trials did not measure precision and coverage, which exist for
    images only.
    """
    late, members = late_medians(results, QUALITY), results.ranked(results.members)
    if late.empty:
        return pd.DataFrame(columns=["condition", "seed", "outcome", *QUALITY])
    keys = ["condition", "seed"]
    return members[[*keys, "outcome"]].merge(late, on=keys)[[*keys, "outcome", *QUALITY]]


def late_medians(results: Results, metrics: Sequence[str]) -> pd.DataFrame:
    """A row per member of each setting found, with condition, seed and a column per metric.

    Each number is the median over the late window, like the late distance; empty if a sample was not finite. No rows if
    none of the metrics was measured.
    """
    curves = results.ranked(results.curves)
    windows = [
        of_condition[of_condition["step"].isin(late_steps(np.unique(of_condition["step"]), results.study.outcomes))]
        for _, of_condition in curves.groupby("condition", observed=True)
    ]
    measured = pd.concat([curves.iloc[:0], *windows])
    measured = measured[measured["metric"].isin(metrics)]
    if measured.empty:
        return pd.DataFrame(columns=["condition", "seed", *metrics])
    return (
        measured.groupby(["condition", "seed", "metric"], observed=True)["value"]
        .agg(lambda values: np.median(values.to_numpy(np.float64)))
        .unstack("metric")
        .reset_index()
    )
