"""Caveat on profiles of which trials are missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from studies.analysis.comparison import Comparison
from studies.design import profile_settings
from studies.ledger.unfinished import ENDED
from studies.reporting.text.finding import Finding, Part
from studies.reporting.text.without_result import ends_without_result


@dataclass(frozen=True, kw_only=True)
class IncompleteProfiles(Finding):
    """The profile trials that have ended, and the hyperparameters, with their condition, without a whole profile."""

    ended: Part
    missing: tuple[tuple[str, str], ...]


def incomplete_profiles(comparison: Comparison) -> Iterator[Finding]:
    """The hyperparameters without a stable range because values along their range were not trained yet."""
    results = comparison.results
    study, trials, never = results.study, results.trials, ends_without_result(comparison)
    complete = {(profile.condition, profile.hyperparameter) for profile in comparison.profiles}
    planned = [
        (condition.name, path)
        for condition in study.conditions
        if condition.name not in never
        for path, _ in profile_settings(condition, study.search.profile)
    ]
    missing = [pair for pair in dict.fromkeys(planned) if pair not in complete]
    if missing:
        ended = int(((trials["phase"] == "profile") & trials["state"].isin(ENDED)).sum())
        yield IncompleteProfiles(
            ended=Part(ended, len(planned)),
            missing=tuple((study.short_names[path], condition) for condition, path in missing),
        )
