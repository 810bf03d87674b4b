"""Curves of a trial's members as one array over metric, seed and step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Curves:
    """Values of every metric of one trial's members at every evaluation.

    metrics   names of the metrics, in alphabetical order
    seeds     seeds of the members, in the order of the trial
    steps     steps of the evaluations in the budget's unit, increasing
    values    in float64; NaN where a value is not a number or was not measured
    measured  True where a metric was measured: an expensive one may be measured at the last step alone
    """

    metrics: tuple[str, ...]
    seeds: Int[np.ndarray, "seeds"]
    steps: Int[np.ndarray, "steps"]
    values: Float[np.ndarray, "metrics seeds steps"]
    measured: Bool[np.ndarray, "metrics steps"]

    @classmethod
    def from_evaluations(
        cls, seeds: Sequence[int], steps: Sequence[int], evaluations: Sequence[Mapping[str, Sequence[float]]]
    ) -> "Curves":
        """Curves from one mapping for each evaluation: from the name of a metric to one value for each seed.

        A metric that an evaluation lacks was not measured there.
        """
        metrics = tuple(sorted({metric for evaluation in evaluations for metric in evaluation}))
        values = np.full((len(metrics), len(seeds), len(steps)), np.nan)
        measured = np.zeros((len(metrics), len(steps)), dtype=bool)
        for at, evaluation in zip(range(len(steps)), evaluations, strict=True):
            for position, metric in enumerate(metrics):
                if metric in evaluation:
                    values[position, :, at] = evaluation[metric]
                    measured[position, at] = True
        return cls(metrics, np.array(seeds, dtype=np.int64), np.array(steps, dtype=np.int64), values, measured)

    def of(self, metric: str) -> Float[np.ndarray, "seeds steps"] | None:
        """Values of a metric; None for a metric that the trial does not have."""
        return self.values[self.metrics.index(metric)] if metric in self.metrics else None

    def positions(self) -> Int[np.ndarray, "3 rows"]:
        """Indices into `seeds`, `steps` and `metrics` of each measured value, sorted by seed, step and metric."""
        return np.stack(np.nonzero(np.broadcast_to(self.measured.T, (len(self.seeds), *self.measured.T.shape))))

    def measured_values(self) -> Float[np.ndarray, "rows"]:
        """The measured values, in the order of `positions`."""
        if self.measured.all():
            return self.values.transpose(1, 2, 0).reshape(-1)
        seed, step, metric = self.positions()
        return self.values[metric, seed, step]

    def frame(self) -> "pd.DataFrame":
        """The measured values as a table: seed, step, metric and value, sorted by seed, step and metric."""
        import pandas as pd

        seed, step, metric = self.positions()
        names = pd.Categorical.from_codes(metric, pd.Index(self.metrics, dtype="str"))
        columns = {"seed": self.seeds[seed], "step": self.steps[step], "metric": names, "value": self.measured_values()}
        return pd.DataFrame(columns).sort_values("seed", kind="stable", ignore_index=True)
