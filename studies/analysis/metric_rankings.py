"""Ranking of the settings found under several metrics, beside real data and a Gaussian."""

from collections.abc import Iterator, Mapping
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
    "larger": "bool",
    "rank": "Int64",
}
REAL, GAUSSIAN = "other real samples", "a Gaussian"
"""Names of the controls, which no condition can have: the Gaussian has the mean and covariance of the real data."""


@dataclass(frozen=True, kw_only=True)
class QualityMeasure:
    """A number that says how good the samples of a member are: a metric, or the harmonic mean of two shares.

    name     of the measure
    metrics  that it is computed from
    largest  largest value of each of two metrics, by which it is divided to give a share; 1 for a metric that is one
    larger   True if a larger value is better
    """

    name: str
    metrics: tuple[str, ...]
    largest: tuple[float, ...]
    larger: bool

    @property
    def worst(self) -> float:
        """The value that a failed seed counts with: 0 for a share, else infinite, with the sign of worse values."""
        if len(self.metrics) > 1:
            return 0.0
        return -np.inf if self.larger else np.inf

    def value(self, *columns: pd.Series) -> pd.Series:
        """The measure from the values of its metrics."""
        if len(columns) == 1:
            return columns[0]
        first, second = (column / largest for column, largest in zip(columns, self.largest, strict=True))
        return (2 * first * second / (first + second)).fillna(0.0)


PRECISION_AND_COVERAGE, MODES_AND_QUALITY = "precision and coverage", "covered modes and high quality"
OF_TWO = {PRECISION_AND_COVERAGE: ("precision", "coverage"), MODES_AND_QUALITY: ("modes_covered", "high_quality")}
"""Metrics of each measure that is the harmonic mean of two shares, by its name."""
DISTANCES = ("frechet_distance", "sliced_wasserstein", "jensen_shannon")
"""Distances and divergences that rank the settings beside the one that decides, if they were measured."""


FurtherValues = Mapping[QualityMeasure, Mapping[str, Float[np.ndarray, "seeds"]]]
"""Values of every fresh seed of each setting found, by measure and condition."""


def metric_rankings(results: Results, further: FurtherValues) -> pd.DataFrame:
    """A row per measure and setting found, best first, then a row per control; columns as in `METRIC_RANKINGS`.

    metric   the distance that decides, with the values and ranks of the ranking; then, if they were measured, the
             harmonic mean of precision and coverage, that of the share of covered modes and `high_quality`, other
             distances and divergences (Frechet, sliced Wasserstein, Jensen-Shannon), and the users' metrics of quality
    control  True for the rows `REAL` and `GAUSSIAN`, which have no rank
    value    interquartile mean over the fresh seeds of the medians over the late window; a failed seed has the worst
             value, and the number is empty if one is left in the middle half. In a harmonic mean a failed seed counts 0
    larger   True if a larger value is better
    rank     place among the settings found, those without a value last; except in the ranking, equal values share a
             place. Empty, as in the ranking, for a setting without a distance

    No rows before a setting is confirmed, and for data with a single measure.
    """
    rows = [*_of_ranking(results)] if further else []
    for measure, of_settings in further.items():
        rows += _rows(results, measure, of_settings)
    return table_of(rows, METRIC_RANKINGS)


def further_values(results: Results) -> FurtherValues:
    """Values of every fresh seed of each setting found, under each measure beside the distance that decides.

    Each is the median over the late window; a failed seed has the worst value: 0 for a share, else infinitely
    bad. Empty before a setting is confirmed.
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
    qualities = {name: own for name, own in results.own_metrics.items() if own.direction != "neither"}
    alone = [name for name in (*DISTANCES, *qualities) if name != results.study.distance]
    metrics = OF_TWO | {name: (name,) for name in alone}
    larger = {*OF_TWO, *(name for name, own in qualities.items() if own.direction == "higher")}
    return [
        QualityMeasure(
            name=name,
            metrics=own,
            largest=tuple(_largest(results, metric) for metric in own),
            larger=name in larger,
        )
        for name, own in metrics.items()
        if set(own) <= measured
    ]


def _largest(results: Results, metric: str) -> float:
    """Largest value of a metric that counts or is a share: the number of known modes, or 1."""
    modes = results.data.modes if metric == "modes_covered" else None
    return 1.0 if modes is None else float(len(modes.centers))


def _of_ranking(results: Results) -> Iterator[dict]:
    """The rows of the distance that decides; that of a metric that grows with quality is turned round."""
    metric = results.study.distance
    for row in results.ranking.to_dict("records"):
        yield _row(metric, row["condition"], row["distance"], row["rank"])
    for name, key in ((REAL, "real"), (GAUSSIAN, "gaussian")):
        if (reference := results.reference_distances.get(key)) is not None:
            yield _row(metric, name, reference, pd.NA, control=True)


def _row(metric: str, name: str, value: float, rank: Any, *, larger: bool = False, control: bool = False) -> dict:
    return {"metric": metric, "condition": name, "control": control, "value": value, "larger": larger, "rank": rank}


def _rows(
    results: Results, measure: QualityMeasure, of_settings: Mapping[str, Float[np.ndarray, "seeds"]]
) -> Iterator[dict]:
    sign = -1 if measure.larger else 1  # failed seeds are +inf for the mean
    means = {name: sign * interquartile_mean(sign * values) + 0.0 for name, values in of_settings.items()}  # no -0
    values = {name: mean if np.isfinite(mean) else np.nan for name, mean in means.items()}
    order = pd.Series(values, dtype="float64").rank(method="min", ascending=not measure.larger, na_option="bottom")
    unranked = set(results.ranking.loc[results.ranking["rank"].isna(), "condition"])
    for name in sorted(values, key=lambda name: (name in unranked, order[name])):
        place = pd.NA if name in unranked else int(order[name])
        yield _row(measure.name, name, values[name], place, larger=measure.larger)
    for name, references in ((REAL, results.real_values), (GAUSSIAN, results.gaussian_values)):
        if all(references.get(metric) is not None for metric in measure.metrics):
            value = _of_references(measure, references)
            yield _row(measure.name, name, value, pd.NA, larger=measure.larger, control=True)


def _values(
    results: Results, late: pd.DataFrame, measure: QualityMeasure, condition: str
) -> Float[np.ndarray, "seeds"]:
    members = results.ranked(results.members)
    members = members[members["condition"] == condition]
    own = late[late["condition"] == condition].set_index("seed")
    columns = [own[metric].reindex(members["seed"]) for metric in measure.metrics]
    values = np.where(is_stable(members), measure.value(*columns).to_numpy(np.float64), measure.worst)
    return np.where(np.isnan(values), measure.worst, values)


def _of_references(measure: QualityMeasure, references: Mapping[str, float]) -> float:
    return float(measure.value(*(pd.Series([references[metric]]) for metric in measure.metrics)).iloc[0])


def leaders(rankings: pd.DataFrame) -> dict[str, list[str]]:
    """The settings with rank 1 under each measure; none for a measure under which all settings failed."""
    no_share = rankings["metric"].isin(OF_TWO) & (rankings["value"] == 0)
    first = rankings[(rankings["rank"] == 1) & rankings["value"].notna() & ~no_share]
    return {str(metric): rows["condition"].tolist() for metric, rows in first.groupby("metric", sort=False)}


def behind_gaussian(rankings: pd.DataFrame, metric: str) -> bool:
    """True if no setting found has a better value than the Gaussian under a measure that has it as a control."""
    rows = rankings[rankings["metric"] == metric]
    gaussian = rows.loc[rows["control"] & (rows["condition"] == GAUSSIAN), "value"]
    own = rows.loc[~rows["control"], "value"].dropna()
    if gaussian.empty or own.empty:
        return False
    return bool(own.max() <= gaussian.iloc[0] if rows["larger"].iloc[0] else own.min() >= gaussian.iloc[0])
