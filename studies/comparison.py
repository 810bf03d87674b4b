"""Intervals and the ranking: what the members of a study can say about its conditions."""

import warnings

import numpy as np
import pandas as pd
from jaxtyping import Float, Real

RANKING: dict[str, str] = {
    "rank": "int64",
    "condition": "str",
    "trial": "int64",
    "distance": "float64",
    "distance_low": "float64",
    "distance_high": "float64",
    "failure_rate": "float64",
    "failure_low": "float64",
    "failure_high": "float64",
    "members": "int64",
}


def wilson(failures: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share, failures out of n: its ends lie in [0, 1] and it has width at 0 and n.

    Errors: `ValueError` unless 0 <= failures <= n and n >= 1.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953, without continuity correction.
    """
    from scipy.stats import binomtest

    if not 0 <= failures <= n or n < 1:
        raise ValueError(f"failures of n: must hold 0 <= failures <= n and n >= 1, but they are {failures} of {n}")
    interval = binomtest(int(failures), int(n)).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def interquartile_mean(distances: Real[np.ndarray, "members"]) -> float:
    """Mean of the middle half: floor(n/4) distances are cut at each end, the rest averaged with equal weights.

    Failed members are passed as +inf and so rank last. The result is +inf, "failed", if one of them is left after
    the cut: from n = 4 on it takes more than floor(n/4) failures. Below 4 members nothing is cut, and one suffices.

    Errors: `ValueError` for no distances at all, and for NaN or -inf, which rank nowhere.

    Source: `scipy.stats.trim_mean(distances, 0.25)`; Agarwal et al. 2021, arXiv:2108.13264.
    """
    return float(_interquartile_mean(_ranked(distances)))


def bootstrap_interval(
    distances: Real[np.ndarray, "members"], *, seed: int, resamples: int = 10_000, confidence: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap of the interquartile mean; an end is +inf where the resamples there hold "failed".

    The ends are values that some resample took (inverted distribution function): an interpolation would form
    inf - inf. They depend on the distances' values alone, not on their order. One distance gives itself twice: it
    shows no spread. At .95 it covers .89 / .93 / .95 / .95 with 5 / 10 / 20 / 40 normal distances (2000 simulations
    each, 1000 resamples), so below 10 it is indicative.

    Errors: `ValueError` as for `interquartile_mean`.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    ranked = _ranked(distances)
    if len(ranked) == 1:  # scipy wants two
        return float(ranked[0]), float(ranked[0])
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # scipy also interpolates an interval of its own and a standard error, NaN where failed; neither is read
        warnings.simplefilter("ignore", DegenerateDataWarning)
        means = bootstrap(
            (ranked,),
            _interquartile_mean,
            n_resamples=resamples,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def rank(members: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The headline ranking, from confirm alone: a row per condition, the best first, columns as in `RANKING`.

    Of each condition only the confirm trial with the lowest number counts: the configuration ranked first before
    confirm, so that nothing is chosen and judged on the same noise. A member fails unless its outcome is `stable`
    (a missing outcome is a failure too).

    distance       interquartile mean of the late distances, failed members ranked as +inf; empty where "failed"
    distance_low   ends of its bootstrap interval; an empty upper end reaches into "failed", an empty lower end too
    distance_high  (then no resample in the lower tail succeeded)
    failure_rate   failed / members, with its Wilson interval `failure_low`, `failure_high`

    Order: distance; failed conditions last; ties by failure rate, then by name. Every condition is resampled from the
    same seed: its row does not depend on which others there are.

    Errors: `ValueError` for a stable member without a late distance.
    """
    confirm = members[members["phase"] == "confirm"]
    first = confirm[confirm["trial"] == confirm.groupby("condition", observed=True)["trial"].transform("min")]
    rows = [
        {"rank": 0, "condition": condition, "trial": group["trial"].iloc[0], **_row(group, seed)}
        for condition, group in first.groupby("condition", observed=True)
    ]
    table = pd.DataFrame(rows, columns=list(RANKING)).astype(RANKING)
    table = table.sort_values(["distance", "failure_rate", "condition"], na_position="last", ignore_index=True)
    return table.assign(rank=np.arange(1, len(table) + 1, dtype=np.int64))


def _row(group: pd.DataFrame, seed: int) -> dict[str, float]:
    stable = (group["outcome"] == "stable").to_numpy(dtype=bool, na_value=False)
    distances = np.where(stable, group["late_distance"].to_numpy(dtype=np.float64, na_value=np.nan), np.inf)
    low, high = bootstrap_interval(distances, seed=seed)
    failures = int((~stable).sum())
    failure_low, failure_high = wilson(failures, len(stable))
    return {
        "distance": _empty_if_failed(interquartile_mean(distances)),
        "distance_low": _empty_if_failed(low),
        "distance_high": _empty_if_failed(high),
        "failure_rate": failures / len(stable),
        "failure_low": failure_low,
        "failure_high": failure_high,
        "members": len(stable),
    }


def _empty_if_failed(distance: float) -> float:
    return np.nan if np.isinf(distance) else distance


def _ranked(distances: Real[np.ndarray, "members"]) -> Float[np.ndarray, "members"]:
    ranked = np.sort(np.asarray(distances, dtype=np.float64))
    if not len(ranked) or not (ranked > -np.inf).all():
        raise ValueError(f"distances: must be one or more numbers, or +inf for failed, but are {ranked.tolist()}")
    return ranked


def _interquartile_mean(
    distances: Float[np.ndarray, "*resamples members"], axis: int = -1
) -> Float[np.ndarray, "*resamples"] | np.floating:
    from scipy.stats import trim_mean

    return trim_mean(distances, 0.25, axis=axis)
