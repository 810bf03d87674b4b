"""Variation of a setting's distance with the sample of real data that it is measured against."""

from dataclasses import replace
from math import hypot
from statistics import NormalDist

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gan_core.data import evaluation_labels
from gan_core.evaluation import applicable_metrics
from gan_core.metrics import METRICS, AnyMetric, Fakes, RealSamples
from studies.errors import InputError
from studies.tables.columns import table_of
from studies.tables.ranking import is_stable, winners
from studies.tables.results import Results

HALVES = 40
"""Number of random halves of the real samples."""
NEVER_NEGATIVE = (
    "sliced_wasserstein",
    "class_sliced_wasserstein",
    "worst_class_distance",
    "wasserstein_1",
    "frechet_distance",
    "distance_to_equilibrium",
)
"""Distances that are at least 0, so that progress is largest at 0."""
REFERENCE_INTERVALS: dict[str, str] = {
    "condition": "str",
    "distance": "float64",
    "low": "float64",
    "high": "float64",
}


def reference_intervals(results: Results, ranking: pd.DataFrame) -> pd.DataFrame:
    """A row per row of the ranking that has a distance; columns as in `REFERENCE_INTERVALS`.

    low, high  ends of the interval of the ranking, which is over fresh seeds, widened by the variation with other real
               samples, as many as those of the test split; an end at +inf is empty

    No row for a setting whose generators are not kept, and none if a metric of the study's own decides. All settings
    are measured against the same real samples, so the intervals say nothing about the order of the settings.
    """
    floor = 0.0 if results.study.distance in NEVER_NEGATIVE else -np.inf
    rows = []
    for row in ranking[ranking["distance"].notna()].to_dict("records"):
        if (deviation := reference_deviation(results, row["condition"])) is not None:
            low, high = with_references(row["distance_low"], row["distance"], row["distance_high"], deviation)
            rows.append({**row, "low": max(low, floor), "high": high})
    return table_of(rows, REFERENCE_INTERVALS)


def reference_deviation(results: Results, condition: str) -> float | None:
    """Standard deviation of a setting's distance over real samples as many as those of the test split.

    It is estimated from random halves of the test split, with the last generator of the stable seed of median late
    distance. All settings found are measured against the same real samples, so it concerns the distance of one of
    them, not their order.

    None for a metric of the study's own, without a stable seed, if its generators are not kept, and if the file of a
    network for features is missing.
    """
    name = results.study.distance
    if name not in METRICS:
        return None
    data, settings = results.data, replace(results.study.evaluation, metrics=())  # a record has no users' classes
    conditional = results.study.condition(condition).classes > 0
    metric = applicable_metrics(settings, data, conditional=conditional).get(name)
    fakes = None if metric is None else _fakes(results, condition)
    if metric is None or fakes is None:
        return None
    real = RealSamples(data, "test", settings)
    try:
        _ = real.features
    except ValueError:  # the file of the network is not on this machine
        return None
    labels = torch.from_numpy(evaluation_labels(len(fakes), data, "test")) if conditional else None
    measured = Fakes(real.tensor(fakes)[None], labels)
    return deviation_over_references(metric, real, measured, seed=results.study.search.seed)


def deviation_over_references(metric: AnyMetric, real: RealSamples, fakes: Fakes, *, seed: int) -> float:
    """Standard deviation of a metric of some fakes over real samples as many as these.

    It is the jackknife that deletes half of the n samples: the deviation over random halves estimates that over samples
    of size n. The bootstrap would repeat samples, and is two to three times too large for a Frechet distance in as many
    features as samples.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 11.7, delete-d jackknife with d = n / 2.
    """
    rng, count = np.random.default_rng(seed), len(real.samples)
    halves = [torch.from_numpy(rng.permutation(count)[: count // 2]) for _ in range(HALVES)]
    values = [float(metric.measure(real.part(half), fakes)[0]) for half in halves]
    return float(np.std(values, ddof=1))


def with_references(low: float, distance: float, high: float, deviation: float) -> tuple[float, float]:
    """Ends of an interval of a distance over fresh seeds, widened by the variation with the real samples.

    Both variations are independent, so their half widths add in squares. A missing end stays missing.
    """
    half = NormalDist().inv_cdf(0.975) * deviation
    return distance - hypot(distance - low, half), distance + hypot(high - distance, half)


def _fakes(results: Results, condition: str) -> Float[np.ndarray, "samples dim"] | None:
    """Fakes of the stable seed of median late distance, as many as an evaluation takes."""
    try:
        trained = results.best(condition)
    except InputError:
        return None
    # the authors' trial has the same seeds
    rows = winners(results.members)
    rows = rows[rows["condition"] == condition]
    stable = rows[is_stable(rows)].sort_values("late_distance")
    if stable.empty:
        return None
    seed = int(stable["seed"].iloc[(len(stable) - 1) // 2])
    count = results.study.evaluation.samples
    labels = evaluation_labels(count, results.data, "test").tolist() if trained.classes is not None else None
    fakes = trained.generator(trained.seeds.index(seed))(count, labels=labels)
    return fakes.reshape(len(fakes), -1)
