"""Profiles: how the setting found works if one hyperparameter at a time is moved along its range."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from studies.analysis.explore_trials import Target
from studies.design import profile_settings
from studies.file.condition import Condition
from studies.file.distributions import Choice, Grid, IntLogUniform, LogUniform, Range, as_number
from studies.ledger.unfinished import ENDED
from studies.statistics.stable_range import RangeEnd, range_end
from studies.tables.columns import table_of
from studies.tables.ranking import FIRST, failed_as_infinity
from studies.tables.results import Results

PROFILES: dict[str, str] = {
    "condition": "str",
    "hyperparameter": "str",
    "value": "float64",
    "seed": "int64",
    "outcome": "str",
    "late_distance": "float64",
}
STABLE_RANGES: dict[str, str] = {
    "condition": "str",
    "hyperparameter": "str",
    "tau": "float64",
    "unit": "str",
    "found": "float64",
    "works": "bool",
    "lower": "float64",
    "lower_low": "float64",
    "lower_high": "float64",
    "upper": "float64",
    "upper_low": "float64",
    "upper_high": "float64",
    "width": "float64",
    "width_low": "float64",
    "width_high": "float64",
    "border_low": "bool",
    "border_high": "bool",
    "values": "int64",
    "seeds": "int64",
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The profile trials of one hyperparameter of a condition, all of them ended.

    found      value of the hyperparameter in the setting found
    values     the values that were trained, in increasing order
    distances  late distance of every seed at every value, +inf for a failed one
    """

    condition: str
    hyperparameter: str
    distribution: Range
    found: float
    values: Float[np.ndarray, "values"]
    distances: Float[np.ndarray, "values seeds"]

    @property
    def logarithmic(self) -> bool:
        """True for a log-uniform hyperparameter: the ratio of neighbouring values is constant, not their difference."""
        return isinstance(self.distribution, LogUniform | IntLogUniform)

    def width(self, low: float, high: float) -> float:
        """Distance of two values: decades on a logarithmic scale, else their difference."""
        return log10(high / low) if self.logarithmic else high - low

    def between(self, first: float, second: float) -> float:
        """The middle of two values, on the scale of the distribution."""
        return float(np.sqrt(first * second)) if self.logarithmic else (first + second) / 2


def profiles(results: Results) -> list[Profile]:
    """The profiles whose trials have all ended, by condition and hyperparameter; a trial without a result failed."""
    count = results.study.search.profile
    if not count:
        return []
    found = {
        spec.condition: spec.configuration for spec in results.specs if (spec.phase, spec.index) == ("confirm", FIRST)
    }
    conditions = [condition for condition in results.study.conditions if condition.name in found]
    return [
        profile
        for condition in conditions
        for profile in _profiles_of(results, condition, found[condition.name], count)
    ]


def _profiles_of(results: Results, condition: Condition, found: Any, count: int) -> Iterator[Profile]:
    trials = results.trials[(results.trials["phase"] == "profile") & (results.trials["condition"] == condition.name)]
    ended = set(trials.loc[trials["state"].isin(ENDED), "trial"])
    members = results.members
    members = members[(members["phase"] == "profile") & (members["condition"] == condition.name)]
    distances = pd.Series(failed_as_infinity(members)).groupby(members["trial"].to_numpy()).agg(list).to_dict()
    configurations = {
        spec.index: spec.configuration
        for spec in results.specs
        if (spec.phase, spec.condition) == ("profile", condition.name)
    }
    paths = [path for path, _ in profile_settings(condition, count)]
    for path in dict.fromkeys(paths):
        indices = [index for index, moved in enumerate(paths) if moved == path]
        if not configurations.keys() >= set(indices):
            continue
        own = [(index, as_number(configurations[index][path])) for index in indices]
        law = condition.hyperparameters[path]
        if isinstance(law, Choice | Grid) or not ended.issuperset(index for index, _ in own):
            continue
        failed = [np.inf] * results.study.seeds
        yield Profile(
            condition=condition.name,
            hyperparameter=path,
            distribution=law,
            found=as_number(found[path]),
            values=np.array([value for _, value in own]),
            distances=np.array([distances.get(index, failed) for index, _ in own], dtype=np.float64),
        )


def profile_members(results: Results) -> pd.DataFrame:
    """A row per member of a profile trial that has finished; columns as in `PROFILES`.

    hyperparameter  the one that is moved, `value` its value; the others are those of the setting found
    outcome         outcome of the member, and its `late_distance`; empty if it has none
    """
    moved = {
        (condition.name, index): path
        for condition in results.study.conditions
        for index, (path, _) in enumerate(profile_settings(condition, results.study.search.profile))
    }
    configurations = {
        (spec.condition, spec.index): spec.configuration for spec in results.specs if spec.phase == "profile"
    }
    rows = []
    for row in results.members[results.members["phase"] == "profile"].itertuples():
        path = moved[row.condition, row.trial]
        rows.append(
            {
                "condition": row.condition,
                "hyperparameter": path,
                "value": as_number(configurations[row.condition, row.trial][path]),
                "seed": row.seed,
                "outcome": row.outcome,
                "late_distance": row.late_distance,
            }
        )
    return table_of(rows, PROFILES)


def stable_ranges(of_conditions: Sequence[Profile], targets: Sequence[Target]) -> pd.DataFrame:
    """A row per profile and target distance; columns as in `STABLE_RANGES`.

    unit          "decades" for a log-uniform hyperparameter, else "units"
    found         the value of the setting found
    works         True if the nearest of the trained `values` belongs to the range; without that there is no range, and
                  the other numbers are empty
    lower, upper  ends of the stable range around `found`: the values between which at least half of the seeds are
                  expected to be stable and to end within tau, the other hyperparameters as in the setting found. An end
                  lies in the middle between the last value that belongs to the range and the next one, see `range_end`
    *_low, *_high their 95 % intervals, which reach to a trained value or to an end of the searched range
    width         from `lower` to `upper`; the interval is that of the inner and of the outer ends
    border_low    True if the interval of the lower (upper) end reaches the end of the searched range: the stable range
    border_high   may go on beyond
    values        number of values, with `seeds` each

    Unlike the share of random settings that work, a range does not depend on the ranges of other hyperparameters, but
    on the setting found.
    """
    return table_of((_range(profile, target) for profile in of_conditions for target in targets), STABLE_RANGES)


def _range(profile: Profile, target: Target) -> dict[str, Any]:
    successes = (profile.distances <= target.tau).sum(axis=1)
    seeds = profile.distances.shape[1]
    above = profile.values >= profile.found
    upwards = range_end(successes[above], seeds)
    downwards = range_end(successes[~above][::-1], seeds)
    nearest = int(np.argmin([abs(profile.width(profile.found, value)) for value in profile.values.tolist()]))
    works = (upwards if above[nearest] else downwards).inside > 0
    row: dict[str, Any] = {
        "condition": profile.condition,
        "hyperparameter": profile.hyperparameter,
        "tau": target.tau,
        "unit": "decades" if profile.logarithmic else "units",
        "found": profile.found,
        "works": works,
        "border_low": False,
        "border_high": False,
        "values": len(profile.values),
        "seeds": seeds,
    }
    if not works:
        empty = ("lower", "lower_low", "lower_high", "upper", "upper_low", "upper_high")
        return {**row, **dict.fromkeys((*empty, "width", "width_low", "width_high"), np.nan)}
    low, high = (float(end) for end in profile.distribution.extremes())
    upper = _end(profile, profile.values[above], upwards, high)
    lower = _end(profile, profile.values[~above][::-1], downwards, low)
    return {
        **row,
        **dict(zip(("upper", "upper_low", "upper_high"), upper, strict=True)),
        **dict(zip(("lower", "lower_high", "lower_low"), lower, strict=True)),
        "width": profile.width(lower[0], upper[0]),
        "width_low": profile.width(lower[1], upper[1]),
        "width_high": profile.width(lower[2], upper[2]),
        "border_low": downwards.high == (~above).sum(),
        "border_high": upwards.high == above.sum(),
    }


def _end(
    profile: Profile, values: Float[np.ndarray, "values"], end: RangeEnd, border: float
) -> tuple[float, float, float]:
    """One end of a stable range: its estimate, and the ends of its interval, the one nearer to the setting found first.

    values  those on this side of the setting found, the nearest first
    end     how many of them belong to the range
    border  end of the searched range on this side
    """
    at = [profile.found, *values.tolist(), border]
    estimate = border if end.inside == len(values) else profile.between(at[end.inside], at[end.inside + 1])
    return estimate, at[end.low], at[end.high + 1]
