"""Ranking of the settings found under several metrics, beside real data and a Gaussian."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from studies.analysis.late_quality import late_medians
from studies.statistics.intervals import interquartile_mean
from studies.tables.columns import table_of
from studies.tables.ranking import is_stable
from studies.tables.results import Results

METRIC_RANKINGS: dict[str, str] = {
    "metric": "str",
    "condition": "str",
    "control": "bool",
    "value": "float64",
    "rank": "Int64",
}
REAL, GAUSSIAN = "other real samples", "a Gaussian"
"""Names of the controls, which no condition can have: the Gaussian has the mean and covariance of the real data."""


@dataclass(frozen=True, kw_only=True)
class QualityMeasure:
    """A number that says how good the samples of a member are, from one or several metrics.

    name     of the measure
    metrics  that it is computed from
    larger   True if a larger value is better
    value    the measure from the values of the metrics
    """

    name: str
    metrics: tuple[str, ...]
    larger: bool
    value: Callable[..., pd.Series]


def _harmonic(first: pd.Series, second: pd.Series) -> pd.Series:
    return (2 * first * second / (first + second)).fillna(0.0)


def _same(values: pd.Series) -> pd.Series:
    return values


PRECISION_AND_COVERAGE = QualityMeasure(
    name="precision and coverage", metrics=("precision", "coverage"), larger=True, value=_harmonic
)
DISTANCES = ("frechet_distance", "sliced_wasserstein")
"""Distances that rank the settings beside the one that decides, if they were measured."""


FurtherValues = Mapping[QualityMeasure, Mapping[str, Float[np.ndarray, "seeds"]]]
"""Values of every fresh seed of each setting found, by measure and condition."""


def metric_rankings(results: Results, further: FurtherValues) -> pd.DataFrame:
    """A row per measure and setting found, best first, then a row per control; columns as in `METRIC_RANKINGS`.

    metric   the distance that decides, with the values and ranks of the ranking; the harmonic mean of precision and
             coverage; other distances that were measured: Frechet, sliced Wasserstein
    control  True for the rows `REAL` and `GAUSSIAN`, which have no rank
    value    interquartile mean over the fresh seeds of the medians over the late window; a failed seed counts as
             infinitely far, and the distance is empty if one is left in the middle half. For precision and coverage a
             failed seed counts 0
    rank     place among the settings found, those without a value last; except in the ranking, equal values share a
             place. Empty, as in the ranking, for a setting of which every fresh seed failed

    No rows before a setting is confirmed, and for data with a single measure.
    """
    rows = [*_of_ranking(results)] if further else []
    for measure, of_settings in further.items():
        rows += _rows(results, measure, of_settings)
    return table_of(rows, METRIC_RANKINGS)


def further_values(results: Results) -> FurtherValues:
    """Values of every fresh seed of each setting found, under each measure beside the distance that decides.

    Each is the median over the late window; a failed seed has the worst value, 0 or +inf. Empty before a setting is
    confirmed.
    """
    measures = [] if results.ranking.empty else _further_measures(results)
    if not measures:
        return {}
    late = late_medians(results, sorted({name for measure in measures for name in measure.metrics}))
    return {
        measure: {name: _values(results, late, measure, name) for name in results.ranking["condition"]}
        for measure in measures
    }


def _further_measures(results: Results) -> list[QualityMeasure]:
    """The measures beside the distance that decides."""
    measured = set(results.ranked(results.curves)["metric"].unique())
    pair = [PRECISION_AND_COVERAGE] if set(PRECISION_AND_COVERAGE.metrics) <= measured else []
    distances = [name for name in DISTANCES if name in measured and name != results.study.distance]
    return [*pair, *(QualityMeasure(name=name, metrics=(name,), larger=False, value=_same) for name in distances)]


def _of_ranking(results: Results) -> Iterator[dict]:
    """The rows of the distance that decides; that of a metric that grows with quality is turned round."""
    metric = results.study.distance
    for row in results.ranking.to_dict("records"):
        yield _row(metric, row["condition"], row["distance"], row["rank"])
    for name, key in ((REAL, "real"), (GAUSSIAN, "gaussian")):
        if (reference := results.reference_distances.get(key)) is not None:
            yield _control(metric, name, reference)


def _row(metric: str, name: str, value: float, rank: Any) -> dict:
    return {"metric": metric, "condition": name, "control": False, "value": value, "rank": rank}


def _control(metric: str, name: str, value: float) -> dict:
    return {"metric": metric, "condition": name, "control": True, "value": value, "rank": pd.NA}


def _rows(
    results: Results, measure: QualityMeasure, of_settings: Mapping[str, Float[np.ndarray, "seeds"]]
) -> Iterator[dict]:
    means = {name: interquartile_mean(values) for name, values in of_settings.items()}
    values = {name: mean if np.isfinite(mean) else np.nan for name, mean in means.items()}
    order = pd.Series(values, dtype="float64").rank(method="min", ascending=not measure.larger, na_option="bottom")
    unranked = set(results.ranking.loc[results.ranking["rank"].isna(), "condition"])
    for name in sorted(values, key=lambda name: (name in unranked, order[name])):
        yield _row(measure.name, name, values[name], pd.NA if name in unranked else int(order[name]))
    for name, references in ((REAL, results.real_values), (GAUSSIAN, results.gaussian_values)):
        if all(references.get(metric) is not None for metric in measure.metrics):
            yield _control(measure.name, name, _of_references(measure, references))


def _values(
    results: Results, late: pd.DataFrame, measure: QualityMeasure, condition: str
) -> Float[np.ndarray, "seeds"]:
    members = results.ranked(results.members)
    members = members[members["condition"] == condition]
    own = late[late["condition"] == condition].set_index("seed")
    worst = 0.0 if measure.larger else np.inf
    columns = [own[metric].reindex(members["seed"]) for metric in measure.metrics]
    values = np.where(is_stable(members), measure.value(*columns).to_numpy(np.float64), worst)
    return np.where(np.isnan(values), worst, values)


def _of_references(measure: QualityMeasure, references: Mapping[str, float]) -> float:
    return float(measure.value(*(pd.Series([references[metric]]) for metric in measure.metrics)).iloc[0])


def leaders(rankings: pd.DataFrame) -> dict[str, list[str]]:
    """The settings with rank 1 under each measure; none for a measure under which all settings failed."""
    first = rankings[(rankings["rank"] == 1) & rankings["value"].notna() & (rankings["value"] != 0)]
    return {str(metric): rows["condition"].tolist() for metric, rows in first.groupby("metric", sort=False)}


def behind_gaussian(rankings: pd.DataFrame, metric: str) -> bool:
    """True if no setting found has a better value than the Gaussian under a measure that has it as a control."""
    rows = rankings[rankings["metric"] == metric]
    gaussian = rows.loc[rows["control"] & (rows["condition"] == GAUSSIAN), "value"]
    own = rows.loc[~rows["control"], "value"].dropna()
    if gaussian.empty or own.empty:
        return False
    larger = metric == PRECISION_AND_COVERAGE.name
    return bool(own.max() <= gaussian.iloc[0] if larger else own.min() >= gaussian.iloc[0])
