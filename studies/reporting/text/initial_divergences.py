"""Divergences before training, for studies of two parallel segments whose distance is a listed hyperparameter."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding

_THETA = "networks.generator.theta"
_DIVERGENCES = ("jensen_shannon", "wasserstein_1")


class Change(NamedTuple):
    """A divergence between the real segment and the untrained generator's, at two distances theta of the segments.

    kind  "stays" if it changes by less than 1 %: both values are then its mean; "falls" if it falls with theta between
          all neighbouring distances; "goes" otherwise
    far   its value at the largest theta
    near  its value at the smallest theta
    """

    divergence: str
    kind: Literal["stays", "falls", "goes"]
    far: float
    near: float


@dataclass(frozen=True, kw_only=True)
class InitialDivergences(Finding):
    """The change of both divergences before training as theta decreases from `largest` to `smallest`."""

    largest: float
    smallest: float
    changes: tuple[Change, ...]


def initial_divergences(comparison: Comparison) -> Iterator[Finding]:
    """The change of both divergences with theta before training.

    None unless every condition searches theta and explore evaluated at least two values of theta above 0.
    """
    study, results = comparison.results.study, comparison.results
    if not all(_THETA in condition.hyperparameters for condition in study.conditions):
        return
    trials = results.trials.loc[results.trials["phase"] == "explore", ["condition", "trial", _THETA]]
    curves = results.curves[(results.curves["phase"] == "explore") & (results.curves["step"] == 0)]
    initial = curves.astype({"metric": "str"}).merge(trials, on=["condition", "trial"])
    changes = []
    for metric in _DIVERGENCES:
        by_theta = initial[initial["metric"] == metric].groupby(_THETA)["value"].mean()
        by_theta = by_theta[by_theta.index > 0]
        if len(by_theta) < 2:
            return
        changes.append(_change(metric, by_theta))
    yield InitialDivergences(
        largest=float(by_theta.index.max()), smallest=float(by_theta.index.min()), changes=tuple(changes)
    )


def _change(divergence: str, values: pd.Series) -> Change:
    """The divergence at the largest and at the smallest theta.

    values  the divergence by theta
    """
    if values.max() - values.min() < 0.01 * values.max():
        return Change(divergence, "stays", values.mean(), values.mean())
    kind: Literal["falls", "goes"] = "falls" if (values.diff().dropna() > 0).all() else "goes"
    return Change(divergence, kind, far=values.iloc[-1], near=values.iloc[0])
