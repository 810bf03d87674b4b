"""Findings on the limits of what the data of a study support."""

from collections.abc import Iterator
from dataclasses import dataclass

from studies.analysis.comparison import Comparison
from studies.reporting.text.confirm_caveats import confirm_caveats
from studies.reporting.text.explore_caveats import explore_caveats
from studies.reporting.text.finding import Finding


@dataclass(frozen=True, kw_only=True)
class FurtherEvaluation(Finding):
    """Distances and sample metrics are those of a further evaluation with these changes."""

    changes: str


@dataclass(frozen=True, kw_only=True)
class OutcomesOfOwnEvaluation(Finding):
    """Generators were not kept at every evaluation."""


def caveats(comparison: Comparison) -> Iterator[Finding]:
    """A finding for each result that is missing, and for each that holds only under a condition."""
    if comparison.results.further is not None:
        yield FurtherEvaluation(changes=comparison.results.evaluation_changes)
        if not comparison.results.whole:
            yield OutcomesOfOwnEvaluation()
    yield from explore_caveats(comparison)
    yield from confirm_caveats(comparison)
