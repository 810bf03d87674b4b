"""Equal methods, each searched for itself: the whole pipeline, from trials to sentences, finds no difference.

The settings found do differ, by the luck of the search, and a test of these settings may rightly tell them apart.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from simulated import RISING, STUDY, simulate
from stated import every

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec
from studies.reporting.text.method_comparison import BestMethod, LargerScore
from studies.reporting.text.stable_settings import LargerShare
from studies.reporting.text.tried_settings import SettingsOfConditions
from studies.reporting.text.verdict import verdict

LR, WEIGHT = "training.critic_optimizer.lr", "constraint.gp_weight"
CONDITION = """
[[conditions]]
name = "{name}"
preset = "wgan-gp"
constraint.gp_weight = {{log_uniform = [0.1, 100.0]}}
training.n_critic = 1
replicate = {replicate}
"""
METHODS = ("one", "other", "third")
TEXT = STUDY[: STUDY.index("[[conditions]]")] + "".join(
    CONDITION.format(name=name, replicate=number) for number, name in enumerate(METHODS)
)
STUDIES = 300
"""Number of simulated studies of the whole test."""
FEW = 6
"""The same of the fast test."""
OVERRIDES = ("seeds=3", "search.explore=16", "search.confirm.seeds=10")


def luck_of(study: int):
    """Progress that depends on the setting, on the seed and on chance: failures, ties at failure, and a heavy tail."""

    def progress_of(trial: TrialSpec, seed: int) -> Sequence[float]:
        rng = np.random.default_rng([study, METHODS.index(trial.condition), seed])
        rate, weight = np.log10(trial.configuration[LR]) + 3.5, np.log10(trial.configuration[WEIGHT]) - 0.5
        off = np.hypot(rate, 0.5 * weight)
        if rng.random() < 1 / (1 + np.exp(-6 * (off - 1.2))):
            return 0, -0.2
        return (*RISING, max(0.5, 0.97 - 0.05 * off**2 - 0.02 * rng.pareto(2.5)))

    return progress_of


def claims(comparison: Comparison) -> dict[str, bool]:
    """True for `methods`, `shares` if a finding says that methods, or their shares of working settings, differ."""
    findings = [finding for topic in verdict(comparison) for finding in topic.findings]
    counted = every(findings, SettingsOfConditions)
    largest = any(finding.largest is not None and finding.largest.is_decided for finding in counted)
    return {
        "methods": bool(every(findings, BestMethod) or every(findings, LargerScore)),
        "shares": bool(every(findings, LargerShare)) or largest,
    }


def test_a_claim_is_recognised(tmp_path: Path) -> None:
    def progress_of(trial: TrialSpec, seed: int) -> Sequence[float]:
        return (*RISING, 0.95) if trial.condition == "one" else (0, -0.2)

    assert claims(Comparison(simulate(tmp_path, progress_of, *OVERRIDES, text=TEXT))) == {
        "methods": True,
        "shares": True,
    }


def test_no_comparison_of_a_few_of_equal_methods_claims_a_difference(tmp_path: Path) -> None:
    for study in range(FEW):
        folder = tmp_path / str(study)
        folder.mkdir()
        comparison = Comparison(simulate(folder, luck_of(study), *OVERRIDES, f"search.seed={study}", text=TEXT))
        assert claims(comparison) == {"methods": False, "shares": False}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_at_most_5_of_100_comparisons_of_equal_methods_claim_a_difference(tmp_path: Path) -> None:
    studies, found = STUDIES, {"methods": 0, "shares": 0, "settings": 0}
    for study in range(studies):
        folder = tmp_path / str(study)
        folder.mkdir()
        comparison = Comparison(simulate(folder, luck_of(study), *OVERRIDES, f"search.seed={study}", text=TEXT))
        for kind, is_claimed in claims(comparison).items():
            found[kind] += is_claimed
        found["settings"] += bool(comparison.pairs["decided"].any())
    print({kind: count / studies for kind, count in found.items()})
    most = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / studies)
    assert found["methods"] / studies <= most
    assert found["shares"] / studies <= most
    assert found["settings"] > found["methods"]  # the settings found are not equal: that is the other question
