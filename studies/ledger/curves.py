"""Curves of a trial's members as arrays.

Thousands of trials are evaluated with the same metrics at the same steps; these share one `CurveIndex`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class CurveIndex:
    """Member, step and metric of every row of a trial's curves, without the values and the seeds.

    member   index into the trial's seeds, smallest seed first
    step     in the budget's unit
    metric   index into `metrics`
    metrics  names of the metrics, in alphabetical order
    """

    member: Int[np.ndarray, "rows"]
    step: Int[np.ndarray, "rows"]
    metric: Int[np.ndarray, "rows"]
    metrics: tuple[str, ...]

    @cached_property
    def steps(self) -> Int[np.ndarray, "steps"]:
        """The steps that occur, in increasing order."""
        return np.unique(self.step)

    @cached_property
    def rows(self) -> dict[str, Int[np.ndarray, "seeds steps"]]:
        """Row number of the value of each member at each step, by name of the metric; -1 for a missing value."""
        rows = np.full((len(self.metrics), self.member.max(initial=-1) + 1, len(self.steps)), -1)
        rows[self.metric, self.member, np.searchsorted(self.steps, self.step)] = np.arange(len(self.step))
        return dict(zip(self.metrics, rows, strict=True))


@dataclass(frozen=True, eq=False)
class TrialCurves:
    """Curves of one trial.

    seeds  seeds of the members, in increasing order
    index  member, step and metric of every row
    value  value of every row
    """

    seeds: Int[np.ndarray, "seeds"]
    index: CurveIndex
    value: Float[np.ndarray, "rows"]

    @classmethod
    def from_columns(
        cls,
        seed: Int[np.ndarray, "rows"],
        step: Int[np.ndarray, "rows"],
        metric: Int[np.ndarray, "rows"],
        metrics: Sequence[str],
        value: Float[np.ndarray, "rows"],
    ) -> "TrialCurves":
        """Curves from the columns of a table; `metric` holds indices into `metrics`."""
        seeds, member = np.unique(seed, return_inverse=True)
        names = sorted({metrics[position] for position in np.unique(metric)})
        positions = np.array([names.index(name) if name in names else -1 for name in metrics], dtype=np.int64)
        return cls(seeds, curve_index(member, step, positions[metric], names), value)

    def frame(self) -> pd.DataFrame:
        """A table with the columns seed, step, metric and value, in the order of the index."""
        metric = pd.Categorical.from_codes(self.index.metric, pd.Index(self.index.metrics, dtype="str"))
        seed = self.seeds[self.index.member]
        return pd.DataFrame({"seed": seed, "step": self.index.step, "metric": metric, "value": self.value})

    def values(self, metric: str) -> Float[np.ndarray, "seeds steps"] | None:
        """Values of a metric, NaN where one is missing; None for a metric that the trial does not have."""
        rows = self.index.rows.get(metric)
        return None if rows is None else np.where(rows < 0, np.nan, self.value[rows])


def curve_index(
    member: Int[np.ndarray, "rows"],
    step: Int[np.ndarray, "rows"],
    metric: Int[np.ndarray, "rows"],
    metrics: Sequence[str],
) -> CurveIndex:
    """The index with these columns; equal columns give the same object, so its properties are computed once."""

    def to_bytes(column: np.ndarray) -> bytes:
        return np.asarray(column, dtype=np.int64).tobytes()

    return _cached_index(to_bytes(member), to_bytes(step), to_bytes(metric), tuple(metrics))


@lru_cache(maxsize=256)
def _cached_index(member: bytes, step: bytes, metric: bytes, metrics: tuple[str, ...]) -> CurveIndex:
    member_column, step_column, metric_column = (np.frombuffer(data, dtype=np.int64) for data in (member, step, metric))
    return CurveIndex(member_column, step_column, metric_column, metrics)
