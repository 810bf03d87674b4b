"""What the divergences say before the first step, where a listed knob sets the distance of two parallel segments."""

import pandas as pd

from studies.comparison import Comparison
from studies.verdict.phrases import distance

_SEGMENT = "networks.generator.theta"
_MEASURES = {"jensen_shannon": "the Jensen-Shannon divergence", "wasserstein_1": "the earth mover's distance"}


def start(compared: Comparison) -> str:
    """The clause; empty for other data, and before two distances were measured."""
    study, results = compared.results.study, compared.results
    if study.data.kind != "segments" or not all(_SEGMENT in one.knobs for one in study.conditions):
        return ""
    trials = results.trials.loc[results.trials["phase"] == "explore", ["condition", "trial", _SEGMENT]]
    curves = results.curves[(results.curves["phase"] == "explore") & (results.curves["step"] == 0)]
    first = curves.astype({"metric": "str"}).merge(trials, on=["condition", "trial"])
    said = []
    for metric, name in _MEASURES.items():
        by_theta = first[first["metric"] == metric].groupby(_SEGMENT)["value"].mean()
        by_theta = by_theta[by_theta.index > 0]
        if len(by_theta) < 2:
            return ""
        said.append(f"{name} {_course(by_theta)}")
    low, high = by_theta.index.min(), by_theta.index.max()
    return f"as theta goes from {high:g} to {low:g}, before any training {' and '.join(said)}"


def _course(values: pd.Series) -> str:
    """Whether it stays, or where it goes as the segments approach."""
    near, far = values.iloc[0], values.iloc[-1]
    if values.max() - values.min() < 0.01 * values.max():
        return f"stays at {distance(values.mean())}"
    verb = "falls" if (values.diff().dropna() > 0).all() else "goes"
    return f"{verb} from {distance(far)} to {distance(near)}"
