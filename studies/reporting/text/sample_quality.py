"""Precision, coverage and memorisation of the samples of the first setting in the ranking, and their features."""

from collections.abc import Iterator

from gan_core.metrics import FrechetDistance, KernelDistance
from studies.analysis.comparison import Comparison
from studies.analysis.late_quality import late_quality
from studies.numbers import format_share
from studies.reporting.figures.wording import metric_label
from studies.reporting.text.phrases import found_for
from studies.tables.results import Results

MUCH = 0.2
"""Memorisation above that of real samples from which a setting is said to repeat training samples."""


def quality_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the setting that ranks first: median precision and coverage of its samples, and their references.

    Further sentences name the features, unless they are pixels, and a setting that repeats training samples. No
    sentence if precision was not measured. A member with a nonfinite sample in the late window counts as 0.
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
    yield from _features(results)
    yield from _memorisation(results, best)


def _features(results: Results) -> Iterator[str]:
    features = results.features
    if features.get("name", "pixels") == "pixels":
        return
    accuracy = features.get("accuracy")
    named = "" if accuracy is None else f", which names the class of {format_share(accuracy)} of the validation images"
    measured = "Precision and coverage"
    if results.study.distance in (FrechetDistance.name, KernelDistance.name):
        measured = f"Precision, coverage and the {metric_label(results.study.distance)}, which decides,"
    yield f"{measured} are measured in the features {features['name']} {features['hash']}{named}."


def _memorisation(results: Results, best: str) -> Iterator[str]:
    curves = results.ranked(results.curves)
    values = curves[(curves["metric"] == "memorisation") & (curves["condition"] == best)]
    last = values[values["step"] == values["step"].max()]["value"]
    usual = results.real_values.get("memorisation", 0.0)
    if not last.empty and last.median() > usual + MUCH:
        yield (
            f"The setting found for {best} repeats training samples: {format_share(last.median())} more of its samples "
            f"than by chance are nearest to a training sample (memorisation; other real samples {format_share(usual)})."
        )
