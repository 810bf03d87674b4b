"""Precision and coverage of the samples of the first setting in the ranking."""

from collections.abc import Iterator

from studies.analysis.comparison import Comparison
from studies.analysis.late_quality import late_quality
from studies.numbers import format_share
from studies.reporting.text.phrases import found_for


def quality_sentences(comparison: Comparison) -> Iterator[str]:
    """A sentence on the setting that ranks first: median precision and coverage of its samples, and their references.

    No sentence if they were not measured. A member with a nonfinite sample in the late window counts as 0.
    """
    best, results = comparison.ranking.iloc[0]["condition"], comparison.results
    late = late_quality(results)
    members = late[late["condition"] == best]
    real, gaussian = results.real_values, results.gaussian_values
    if members.empty or "precision" not in gaussian:
        return
    precision, coverage = (members[metric].fillna(0).median() for metric in ("precision", "coverage"))
    yield (
        f"For {found_for([best])}, {format_share(precision)} of the generated samples lie close to a real one "
        f"(precision; other real samples {format_share(real['precision'])}, the Gaussian "
        f"{format_share(gaussian['precision'])}), and {format_share(coverage)} of the real samples have a generated "
        f"one close by (coverage; other real samples {format_share(real['coverage'])}, the Gaussian "
        f"{format_share(gaussian['coverage'])})."
    )
