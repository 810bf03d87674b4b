"""Caveat on profiles of which trials are missing."""

from collections.abc import Iterator

from studies.analysis.comparison import Comparison
from studies.design import profile_settings
from studies.reporting.text.phrases import MAX_NAMES, join_words
from studies.reporting.text.without_result import ends_without_result
from studies.tables.columns import ENDED


def incomplete_profiles(comparison: Comparison) -> Iterator[str]:
    """Sentence on the hyperparameters without a stable range because values along their range were not trained yet."""
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
        names = [f"{study.short_names[path]} of {condition}" for condition, path in missing]
        yield (
            f"The profiles are incomplete: {ended} of their {len(planned)} trials have ended. A hyperparameter has a "
            "stable range once all values along its range are trained; there is none yet for "
            f"{join_words(names, most=MAX_NAMES)}."
        )
