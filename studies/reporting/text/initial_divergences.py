"""Divergences before training, for studies of two parallel segments whose distance is a listed hyperparameter."""

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance

_THETA = "networks.generator.theta"
_DIVERGENCES = {"jensen_shannon": "the Jensen-Shannon divergence", "wasserstein_1": "the earth mover's distance"}


def initial_divergence_clause(comparison: Comparison) -> str:
    """Clause on how both divergences change with theta before training.

    Empty unless every condition searches theta and explore evaluated at least two values of theta above 0.
    """
    study, results = comparison.results.study, comparison.results
    if not all(_THETA in condition.hyperparameters for condition in study.conditions):
        return ""
    trials = results.trials.loc[results.trials["phase"] == "explore", ["condition", "trial", _THETA]]
    curves = results.curves[(results.curves["phase"] == "explore") & (results.curves["step"] == 0)]
    initial = curves.astype({"metric": "str"}).merge(trials, on=["condition", "trial"])
    parts = []
    for metric, name in _DIVERGENCES.items():
        by_theta = initial[initial["metric"] == metric].groupby(_THETA)["value"].mean()
        by_theta = by_theta[by_theta.index > 0]
        if len(by_theta) < 2:
            return ""
        parts.append(f"{name} {_change(by_theta)}")
    low, high = by_theta.index.min(), by_theta.index.max()
    return (
        f"before training, as the distance theta of the segments decreases from {high:g} to {low:g}, "
        f"{' and '.join(parts)}"
    )


def _change(values: pd.Series) -> str:
    """In words: the change of a divergence as theta decreases from its largest value to its smallest."""
    near, far = values.iloc[0], values.iloc[-1]
    if values.max() - values.min() < 0.01 * values.max():
        return f"stays at {format_distance(values.mean())}"
    verb = "falls" if (values.diff().dropna() > 0).all() else "goes"
    return f"{verb} from {format_distance(far)} to {format_distance(near)}"
