"""Findings that explain the columns of the ranking, and the distances that its distances are read against."""

from collections.abc import Iterator
from dataclasses import dataclass

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec
from studies.reporting.text.finding import Finding, Names


@dataclass(frozen=True, kw_only=True)
class DistanceOfRanking(Finding):
    """The distance is an interquartile mean in which failed seeds count as infinitely far."""


@dataclass(frozen=True, kw_only=True)
class WithoutRank(Finding):
    """Number of conditions without distance and rank: more than a quarter of the seeds failed."""

    count: int


@dataclass(frozen=True, kw_only=True)
class WithoutUpperEnd(Finding):
    """The interval of some distance has no upper end, because of failed seeds."""


@dataclass(frozen=True, kw_only=True)
class EqualSettings(Finding):
    """Conditions whose settings found agree in all hyperparameters that they share, by groups."""

    groups: tuple[Names, ...]


@dataclass(frozen=True, kw_only=True)
class ColumnAtEqualCriticSteps(Finding):
    """A column ranks the settings found with every curve cut at `steps` critic steps, the fewest that any takes."""

    steps: int


@dataclass(frozen=True, kw_only=True)
class ReferenceDistances(Finding):
    """Three distances to read the ranking against: of other real samples, a Gaussian and a constant to the data."""

    real: float
    gaussian: float
    constant: float


def ranking_legend(comparison: Comparison) -> Iterator[Finding]:
    """The meaning of the ranking's columns, as far as they need to be explained."""
    ranking = comparison.ranking
    yield DistanceOfRanking()
    if count := int(ranking["rank"].isna().sum()):
        yield WithoutRank(count=count)
    if (ranking["distance_low"].notna() & ranking["distance_high"].isna()).any():
        yield WithoutUpperEnd()
    if groups := _equal_settings(comparison):
        yield EqualSettings(groups=groups)
    if comparison.critic_steps_differ:
        yield ColumnAtEqualCriticSteps(steps=comparison.fewest_critic_steps)


def _equal_settings(comparison: Comparison) -> tuple[Names, ...]:
    """Groups of conditions whose settings found have equal values of the hyperparameters that they share.

    Values that are drawn from a list may be equal by chance, so at least one must be from a range.
    """
    groups: list[list[TrialSpec]] = []
    found = {spec.condition: spec for spec in comparison.results.specs if spec.phase == "confirm"}
    for spec in (found[name] for name in comparison.ranking["condition"] if name in found):
        for group in groups:
            first = group[0].configuration
            shared = {path: value for path, value in spec.configuration.items() if path in first}
            equal = all(first[path] == value for path, value in shared.items())
            if equal and any(isinstance(value, float) for value in shared.values()):
                group.append(spec)
                break
        else:
            groups.append([spec])
    return tuple(tuple(spec.condition for spec in group) for group in groups if len(group) > 1)


def reference_distances(comparison: Comparison) -> Iterator[Finding]:
    """The reference distances on the samples of the ranking, if the data have them."""
    values = comparison.results.reference_distances
    real, gaussian, constant = (values.get(name) for name in ("real", "gaussian", "constant"))
    if real is not None and gaussian is not None and constant is not None:
        yield ReferenceDistances(real=real, gaussian=gaussian, constant=constant)
