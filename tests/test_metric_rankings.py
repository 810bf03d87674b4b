"""The settings found under several metrics: values, ranks and controls, and the findings about them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate

from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import (
    GAUSSIAN,
    MODES_AND_QUALITY,
    REAL,
    behind_gaussian,
    further_values,
    leaders,
    metric_rankings,
)
from studies.reporting.text.answer import answer
from studies.reporting.text.headline import headline
from studies.reporting.text.metric_agreement import (
    AgreeingMetrics,
    DisagreeingMetrics,
    GaussianAsGood,
    _reversed_pairs,
    agreeing_metrics,
    disagreeing_metrics,
    gaussian_as_good,
    measures_in_words,
)
from studies.reporting.text.sentences import sentence
from studies.tables.results import Results

PAIR = "precision and coverage"
RING = f'data.kind = "ring"\n{STUDY}'
SEEDS = STUDY.replace("seeds = 4}", "seeds = 8}")
THIRD = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'
PROGRESS = {"wgan": 0.95, "gan": 0.9, "lsgan": 0.85}
Quality = Mapping[str, tuple[float, float]]


def results_of(
    folder: Path,
    quality: Quality,
    *,
    failing: Callable[[str, int], bool] = lambda condition, seed: False,
    text: str = STUDY,
    names: tuple[str, str] = ("precision", "coverage"),
) -> Results:
    """Results in which wgan is nearest to real data and lsgan farthest, with two further metrics of each."""

    def progress_of(trial, seed):
        failed = trial.phase == "confirm" and failing(trial.condition, seed % 4)
        return (0, -0.2) if failed else (*RISING, PROGRESS[trial.condition])

    def metrics(trial, seed):
        return dict(zip(names, quality[trial.condition], strict=True)) if quality else {}

    results = simulate(folder, progress_of, text=text + THIRD, metrics=metrics)
    results.real_values = {"precision": 0.96, "coverage": 0.99}
    results.gaussian_values = {"precision": 0.4, "coverage": 0.3}
    results.reference_distances = {"real": 1.0, "constant": 3.0, "gaussian": 1.15}
    return results


AGREEING = {"wgan": (0.9, 0.9), "gan": (0.5, 0.6), "lsgan": (0.3, 0.2)}
DIFFERING = {"wgan": (0.5, 0.4), "gan": (0.9, 0.8), "lsgan": (0.3, 0.2)}


def rows(results: Results, metric: str) -> pd.DataFrame:
    table = metric_rankings(results, further_values(results))
    return table[table["metric"] == metric].set_index("condition")


def test_every_setting_has_a_value_and_a_rank_and_the_controls_have_values(tmp_path: Path) -> None:
    results = results_of(tmp_path, DIFFERING)
    distances, pairs = rows(results, "sliced_wasserstein"), rows(results, PAIR)
    assert distances["rank"].dropna().to_dict() == {"wgan": 1, "gan": 2, "lsgan": 3}
    np.testing.assert_allclose(distances.loc[["wgan", "gan"], "value"], results.ranking["distance"][:2])
    assert (distances.loc[REAL, "value"], distances.loc[GAUSSIAN, "value"]) == (1.0, 1.15)
    assert pairs["rank"].dropna().to_dict() == {"gan": 1, "wgan": 2, "lsgan": 3}
    assert pairs.loc["gan", "value"] == pytest.approx(2 * 0.9 * 0.8 / 1.7)
    assert pairs.loc[GAUSSIAN, "value"] == pytest.approx(2 * 0.4 * 0.3 / 0.7)
    assert pairs["control"].to_dict() == {"gan": False, "wgan": False, "lsgan": False, REAL: True, GAUSSIAN: True}


def test_known_modes_give_a_measure_of_covered_modes_and_quality(tmp_path: Path) -> None:
    """Eight modes on a ring, of which the settings cover 8 with 60 % of high quality, 6 with 90 % and 8 with 80 %."""
    modes = {"wgan": (8, 0.6), "gan": (6, 0.9), "lsgan": (8, 0.8)}
    results = results_of(tmp_path, modes, names=("modes_covered", "high_quality"), text=RING)
    results.real_values = {"modes_covered": 8.0, "high_quality": 0.98889}
    results.gaussian_values = {"modes_covered": 8.0, "high_quality": 0.1}
    table = rows(results, MODES_AND_QUALITY)
    assert table["rank"].dropna().to_dict() == {"lsgan": 1, "gan": 2, "wgan": 3}
    assert table.loc["wgan", "value"] == pytest.approx(2 * 0.6 / 1.6)
    assert table.loc["gan", "value"] == pytest.approx(2 * 0.75 * 0.9 / 1.65)
    assert table.loc[GAUSSIAN, "value"] == pytest.approx(2 * 0.1 / 1.1)
    comparison = Comparison(results)
    assert not behind_gaussian(comparison.metric_rankings, MODES_AND_QUALITY)
    assert measures_in_words(comparison.metric_rankings) == (
        "Covered modes and high quality: their harmonic mean, larger is better. "
        "Of the others a smaller value is better."
    )


def test_failed_seeds_are_the_worst_under_every_metric(tmp_path: Path) -> None:
    few = results_of(tmp_path, AGREEING, failing=lambda condition, seed: condition == "wgan" and seed == 0)
    assert rows(few, PAIR).loc["wgan", "value"] == pytest.approx(0.9)
    (tmp_path / "half").mkdir()
    half = results_of(tmp_path / "half", AGREEING, failing=lambda condition, seed: condition == "wgan" and seed < 2)
    assert rows(half, PAIR).loc["wgan", "value"] == pytest.approx(0.45)
    assert np.isnan(rows(half, "sliced_wasserstein").loc["wgan", "value"])
    assert [rows(half, metric).loc["wgan", "rank"] for metric in ("sliced_wasserstein", PAIR)] == [pd.NA, pd.NA]


def test_with_a_single_metric_there_is_no_table(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, {}))
    assert comparison.metric_rankings.empty
    assert list(disagreeing_metrics(comparison)) == []
    assert list(agreeing_metrics(comparison)) == []


def test_a_ranking_that_depends_on_the_metric_is_the_first_finding(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, DIFFERING, text=SEEDS))
    assert leaders(comparison.metric_rankings) == {"sliced_wasserstein": ["wgan"], PAIR: ["gan"]}
    pair = comparison.metric_pairs.set_index(["condition", "other"]).loc[("wgan", "gan")]
    assert (pair["metric"], pair["effect"], pair["decided"]) == (PAIR, 0.0, True)
    distance = comparison.pairs.set_index(["condition", "other"]).loc[("wgan", "gan")]
    p_value = max(pair["p_adjusted"], distance["p_adjusted"])
    assert next(answer(comparison)) == DisagreeingMetrics(
        leaders=((("wgan",), ("sliced_wasserstein",)), (("gan",), (PAIR,))), reversed=(("wgan", "gan"),), p=p_value
    )


def test_a_pair_that_differs_by_two_metrics_is_named_once(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, DIFFERING, text=SEEDS))
    first = {"sliced_wasserstein": ["wgan"], PAIR: ["gan"]}
    for order in (first, dict(reversed(first.items())), {**first, "sliced_wasserstein": ["wgan", "wgan"]}):
        assert len(_reversed_pairs(comparison, order)) == 1
    three = {"sliced_wasserstein": ["wgan", "gan"], PAIR: ["gan", "wgan"]}
    assert len(_reversed_pairs(comparison, three)) == 1


def test_without_decided_tests_the_ranking_may_depend_on_the_metric(tmp_path: Path) -> None:
    results = results_of(tmp_path, {"wgan": (0.8, 0.8), "gan": (0.8, 0.8), "lsgan": (0.3, 0.2)})
    better = (results.curves["condition"] == "gan") & (results.curves["metric"] == "precision")
    results.curves.loc[better & (results.curves["seed"] % 2 == 0), "value"] = 0.9
    comparison = Comparison(results)
    assert leaders(comparison.metric_rankings)[PAIR] == ["gan"]
    assert not comparison.metric_pairs.set_index(["condition", "other"]).loc[("wgan", "gan"), "decided"]
    first = next(answer(comparison))
    assert isinstance(first, DisagreeingMetrics)
    assert (first.reversed, first.p) == ((), None)


def test_pairs_under_further_metrics_are_adjusted_together(tmp_path: Path) -> None:
    tests = Comparison(results_of(tmp_path, DIFFERING)).metric_pairs
    assert len(tests) == 3
    np.testing.assert_allclose(tests["p_adjusted"], np.minimum(3 * tests["p_value"], 1))
    assert tests.set_index(["condition", "other"])["effect"].to_dict() == {
        ("wgan", "gan"): 0.0,
        ("wgan", "lsgan"): 1.0,
        ("gan", "lsgan"): 1.0,
    }


def test_metrics_that_agree_are_named(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, AGREEING))
    assert list(disagreeing_metrics(comparison)) == []
    metrics = ("sliced_wasserstein", PAIR)
    assert list(agreeing_metrics(comparison)) == [
        AgreeingMetrics(conditions=("wgan",), metrics=metrics, undecided=metrics)
    ]
    decided = comparison.pairs.assign(p_adjusted=0.01)
    with patch.object(comparison, "pairs", decided):
        (finding,) = agreeing_metrics(comparison)
    assert isinstance(finding, AgreeingMetrics)
    assert finding.undecided == (PAIR,)
    text = sentence(finding)
    assert text.endswith("; by precision and coverage the lead over at least one other setting may be due to chance.")


def test_a_gaussian_that_no_setting_beats_is_named(tmp_path: Path) -> None:
    results = results_of(tmp_path, AGREEING)
    results.reference_distances = {"real": 1.0, "constant": 3.0, "gaussian": 1.05}
    comparison = Comparison(results)
    assert behind_gaussian(comparison.metric_rankings, "sliced_wasserstein")
    assert not behind_gaussian(comparison.metric_rankings, PAIR)
    named = GaussianAsGood(metrics=("sliced_wasserstein",))
    assert list(gaussian_as_good(comparison)) == [named]
    first, _ = headline(comparison)
    assert first[0] == named, "no winner is called before"


def test_a_gaussian_that_is_as_good_by_a_further_metric_alone_is_not_in_the_headline(tmp_path: Path) -> None:
    results = results_of(tmp_path, AGREEING)
    results.gaussian_values.update(precision=0.99, coverage=0.99)
    first, others = headline(Comparison(results))
    named = GaussianAsGood(metrics=(PAIR,))
    assert named in others
    assert named not in first


def test_settings_that_share_the_first_place_by_one_metric_do_not_disagree(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, {**AGREEING, "gan": AGREEING["wgan"]}))
    assert leaders(comparison.metric_rankings)[PAIR] == ["wgan", "gan"]
    assert list(disagreeing_metrics(comparison)) == []
    (agreeing,) = agreeing_metrics(comparison)
    assert isinstance(agreeing, AgreeingMetrics)
    assert agreeing.conditions == ("wgan",)


def test_a_measure_by_which_every_setting_failed_has_no_leader(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, AGREEING, failing=lambda condition, seed: True))
    assert leaders(comparison.metric_rankings) == {}
    assert list(disagreeing_metrics(comparison)) == []
    assert list(agreeing_metrics(comparison)) == []
