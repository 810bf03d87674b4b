"""Findings of a study in tests: the one of a kind, and those of a topic.

Their types are left open, since tests compare fields with `about`, which a type checker takes for another type.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding
from studies.reporting.text.verdict import verdict

about: Any = pytest.approx
"""`pytest.approx`, as a field of a finding."""


def every(findings: Iterable[Finding], kind: type[Finding]) -> list[Any]:
    """The findings of a kind, in their order."""
    return [finding for finding in findings if isinstance(finding, kind)]


def stated(findings: Iterable[Finding], kind: type[Finding]) -> Any:
    """The only finding of a kind."""
    (finding,) = every(findings, kind)
    return finding


def kinds(findings: Iterable[Finding]) -> list[type[Finding]]:
    return [type(finding) for finding in findings]


def topics(comparison: Comparison) -> dict[str, tuple[Any, ...]]:
    """The findings of a study by the title of their topic."""
    return {topic.title: topic.findings for topic in verdict(comparison)}
