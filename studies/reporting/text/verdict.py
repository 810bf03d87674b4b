"""The verdict on a study: findings by topic, all of them computed from the tables of its comparison."""

from dataclasses import dataclass

from studies.analysis.comparison import Comparison
from studies.reporting.text.answer import answer
from studies.reporting.text.caveats import caveats
from studies.reporting.text.decisive_changes import path_findings
from studies.reporting.text.differences import pair_findings, robustness_findings, tuning_findings
from studies.reporting.text.failures import failure_findings
from studies.reporting.text.finding import Finding
from studies.reporting.text.literature import literature_findings
from studies.reporting.text.map_findings import map_findings
from studies.reporting.text.method_comparison import method_findings
from studies.reporting.text.most_important import importance_findings
from studies.reporting.text.sentences import sentences
from studies.reporting.text.stable_settings import share_findings
from studies.reporting.text.working_ranges import range_findings

ANSWER = "Answer"


@dataclass(frozen=True)
class Topic:
    """The findings about one topic."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences that state the findings."""
        return sentences(self.findings)


def verdict(comparison: Comparison) -> tuple[Topic, ...]:
    """The topics of a study, the answer first; topics without a finding are left out."""
    findings = {
        ANSWER: answer(comparison),
        "Stability maps": map_findings(comparison),
        "Methods under search": method_findings(comparison),
        "Differences between conditions": pair_findings(comparison),
        "Share of settings that work": share_findings(comparison),
        "Ranges of hyperparameters": range_findings(comparison),
        "Importance of hyperparameters": importance_findings(comparison),
        "Failures": failure_findings(comparison),
        "Effect of tuning": (*tuning_findings(comparison), *path_findings(comparison)),
        "Sensitivity to the rules": robustness_findings(comparison),
        "Agreement with the literature": literature_findings([comparison]),
        "Caveats": caveats(comparison),
    }
    topics = (Topic(title, tuple(content)) for title, content in findings.items())
    return tuple(topic for topic in topics if topic.findings)
