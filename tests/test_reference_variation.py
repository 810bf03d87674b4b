"""Variation of a distance with the sample of real data."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from recorded import TINY, run_pending, write_tiny
from stated import stated
from striped import stripes

from gan_core.data import Ring, TwoMoons
from gan_core.evaluation import EvaluationSettings, applicable_metrics
from gan_core.features import RandomConvFeatures
from gan_core.metrics import Fakes, RealSamples
from studies.analysis.comparison import Comparison
from studies.analysis.reference_variation import deviation_over_references, reference_deviation, with_references
from studies.file.study import Study
from studies.locate import results
from studies.reporting.text.answer import SmallestDistance, answer
from studies.tables.results import Results

CONDITION = """
[[conditions]]
name = "gan-r1"
preset = "gan-r1"
training.critic_optimizer = {kind = "adam", lr = {log_uniform = [2e-3, 5e-3]}}
training.generator_optimizer = {kind = "adam", lr = 2e-3}
"""


@pytest.mark.parametrize("shift", [0.02, 0.3])
@pytest.mark.parametrize("description", [Ring(), TwoMoons()], ids=lambda description: description.kind)
def test_random_halves_give_the_deviation_over_fresh_real_samples(description, shift: float) -> None:
    """Against 60 fresh samples of the real distribution; both standard deviations have an error of about a tenth."""
    data, settings = description.load(), EvaluationSettings()
    metric = applicable_metrics(settings, data)["sliced_wasserstein"]
    real = RealSamples(data, "test", settings)
    rng = np.random.default_rng(0)
    fakes = Fakes(real.tensor(description.draw(800, rng) + shift)[None])
    fresh = [real.replaced(real.tensor(description.draw(len(data.test), rng))) for _ in range(60)]
    expected = np.std([float(metric.measure(other, fakes)[0]) for other in fresh], ddof=1)
    assert deviation_over_references(metric, real, fakes, seed=0) == pytest.approx(expected, rel=0.4)


def test_random_halves_give_the_deviation_of_a_frechet_distance_with_more_features_than_samples() -> None:
    """Against 24 fresh samples; the bootstrap's deviation would be 2 to 3 times as large."""
    many = stripes(train=10, held_out=90 * 24)
    data, settings = stripes(), EvaluationSettings(features=RandomConvFeatures())
    metric = applicable_metrics(settings, data)["frechet_distance"]
    real = RealSamples(data, "test", settings)
    others = real.tensor(many.test).split(90)
    fakes = Fakes((0.7 * real.tensor(many.validation[:300]))[None])
    expected = np.std([float(metric.measure(real.replaced(other), fakes)[0]) for other in others], ddof=1)
    assert len(real.samples) < real.features.shape[1]
    assert deviation_over_references(metric, real, fakes, seed=0) == pytest.approx(expected, rel=0.5)


def deviation_of_median_seed(results: Results) -> float:
    """By the confirm trial's generators alone: the authors' trial has the same seeds."""
    members = results.members[results.members["phase"] == "confirm"]
    stable = members[members["outcome"] == "stable"].sort_values("late_distance")
    settings, trained = results.study.evaluation, results.best("gan-r1")
    member = trained.seeds.index(int(stable["seed"].iloc[(len(stable) - 1) // 2]))
    real = RealSamples(results.data, "test", settings)
    fakes = Fakes(real.tensor(trained.generator(member)(settings.samples))[None])
    metric = applicable_metrics(settings, results.data)["sliced_wasserstein"]
    return deviation_over_references(metric, real, fakes, seed=results.study.search.seed)


def test_independent_variations_add_in_squares() -> None:
    low, high = with_references(0.9, 1.0, 1.2, 0.1 / 1.959964)
    assert low == pytest.approx(1 - 0.1 * sqrt(2))
    assert high == pytest.approx(1 + sqrt(0.2**2 + 0.1**2))
    assert with_references(0.9, 1.0, 1.2, 0.0) == pytest.approx((0.9, 1.2))
    assert np.isnan(with_references(0.9, 1.0, np.nan, 0.1)[1])


def test_the_interval_of_a_trained_setting_is_widened(tmp_path: Path) -> None:
    head = TINY.split("[[conditions]]")[0].replace("steps = 8", "steps = 400")
    text = head.replace('"digits", held_out = 200', '"ring"') + CONDITION
    lenient = [
        "search.confirm.authors=true",
        "outcomes.near=0.0",
        "outcomes.modes=0.0",
        "outcomes.cells=0.0",
        "outcomes.spread=0.0",
    ]
    ledger = f'ledger.root="{tmp_path / "gan-studies"}"'
    run_pending(Study.load(write_tiny(tmp_path, text), overrides=[ledger, *lenient]))
    comparison = Comparison(results("tiny", root=tmp_path / "gan-studies"))
    first = comparison.ranking.iloc[0]
    deviation = reference_deviation(comparison.results, first["condition"])
    assert deviation == deviation_of_median_seed(comparison.results)
    assert 0 < deviation < 0.1 * first["distance"]
    assert comparison.first_with_references is not None
    low, high = comparison.first_with_references
    assert low < first["distance_low"] < first["distance"] < first["distance_high"] < high
    assert stated(answer(comparison), SmallestDistance).with_references == (low, high)
    table = comparison.reference_intervals.set_index("condition")
    assert list(table.index) == comparison.ranking.loc[comparison.ranking["distance"].notna(), "condition"].tolist()
    assert tuple(table.loc[first["condition"], ["low", "high"]]) == (low, high)
    for row in comparison.ranking.itertuples():
        assert table.loc[row.condition, "low"] < row.distance_low
        assert table.loc[row.condition, "high"] > row.distance_high
