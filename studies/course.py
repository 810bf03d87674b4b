"""What the members of one trial measured, as arrays: thousands of trials share the order in which they measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class Layout:
    """The order of a trial's measurements, without their values and without the numbers of its seeds.

    place    which of the trial's seeds, counted from 0 upwards
    step     on the budget's clock
    metric   which of `metrics`
    metrics  their names, in order of the alphabet
    """

    place: Int[np.ndarray, "rows"]
    step: Int[np.ndarray, "rows"]
    metric: Int[np.ndarray, "rows"]
    metrics: tuple[str, ...]

    @cached_property
    def steps(self) -> Int[np.ndarray, "steps"]:
        return np.unique(self.step)

    @cached_property
    def rows(self) -> dict[str, Int[np.ndarray, "seeds steps"]]:
        """Where each metric's values stand; -1 where there is none."""
        rows = np.full((len(self.metrics), self.place.max(initial=-1) + 1, len(self.steps)), -1)
        rows[self.metric, self.place, np.searchsorted(self.steps, self.step)] = np.arange(len(self.step))
        return dict(zip(self.metrics, rows, strict=True))


@dataclass(frozen=True, eq=False)
class Course:
    """One trial's measurements: its seeds, smallest first, and a value for each row of the layout."""

    seeds: Int[np.ndarray, "seeds"]
    layout: Layout
    value: Float[np.ndarray, "rows"]

    @classmethod
    def of(
        cls,
        seed: Int[np.ndarray, "rows"],
        step: Int[np.ndarray, "rows"],
        metric: Int[np.ndarray, "rows"],
        metrics: Sequence[str],
        value: Float[np.ndarray, "rows"],
    ) -> "Course":
        """From columns of numbers; `metric` is which of `metrics`."""
        seeds, place = np.unique(seed, return_inverse=True)
        measured = sorted({metrics[number] for number in np.unique(metric)})
        renumbered = np.array([measured.index(name) if name in measured else -1 for name in metrics], dtype=np.int64)
        return cls(seeds, layout_of(place, step, renumbered[metric], measured), value)

    def frame(self) -> pd.DataFrame:
        """seed, step, metric, value, in the layout's order."""
        metric = pd.Categorical.from_codes(self.layout.metric, pd.Index(self.layout.metrics, dtype="str"))
        seed = self.seeds[self.layout.place]
        return pd.DataFrame({"seed": seed, "step": self.layout.step, "metric": metric, "value": self.value})

    def measured(self, metric: str) -> Float[np.ndarray, "seeds steps"] | None:
        """Each seed's values of a metric, NaN where one is missing; None where the trial did not measure it."""
        rows = self.layout.rows.get(metric)
        return None if rows is None else np.where(rows < 0, np.nan, self.value[rows])


def layout_of(
    place: Int[np.ndarray, "rows"],
    step: Int[np.ndarray, "rows"],
    metric: Int[np.ndarray, "rows"],
    metrics: Sequence[str],
) -> Layout:
    """The one layout of this order: what it takes is computed once for all trials that share it."""

    def content(column: np.ndarray) -> bytes:
        return np.asarray(column, dtype=np.int64).tobytes()

    return _layout(content(place), content(step), content(metric), tuple(metrics))


@lru_cache(maxsize=256)
def _layout(place: bytes, step: bytes, metric: bytes, metrics: tuple[str, ...]) -> Layout:
    def column(content: bytes) -> np.ndarray:
        return np.frombuffer(content, dtype=np.int64)

    return Layout(column(place), column(step), column(metric), metrics)
