"""Metrics of classes: shares of known probabilities, dropped classes, members."""

import numpy as np
import pytest
import torch
from small_gans import real_samples
from striped import stripes

from gan_core.evaluation import EvaluationSettings, applicable_metrics, reference_values
from gan_core.features import ClassifierFeatures
from gan_core.metrics import Fakes
from gan_core.metrics.classes import ClassDistance, ClassesCovered, Recognised, class_shares

pytestmark = pytest.mark.shapes

SETTINGS = EvaluationSettings(samples=90, directions=16, cells=4, features=ClassifierFeatures(steps=60))


def values_of(*fakes):
    real = real_samples(stripes(), SETTINGS)
    fake = Fakes(torch.stack([real.tensor(samples) for samples in fakes]))
    return {name: metric.measure(real, fake) for name, metric in applicable_metrics(SETTINGS, stripes()).items()}


def test_the_class_of_a_sample_is_the_most_probable_one():
    probabilities = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0.0, 0.0, 1.0]])
    assert class_shares(probabilities).tolist() == [0.5, 0.25, 0.25]


def test_a_dropped_class_shows_in_classes_distance_recall_and_coverage():
    """All three classes, two of them, one of them: a class of three is a third of total variation."""
    new = stripes(600, seed=1)
    of = [new.train[np.isin(new.labels["train"], kept)][:90] for kept in ((0, 1, 2), (0, 1), (0,))]
    values = {name: value.tolist() for name, value in values_of(*of).items()}
    assert values["classes_covered"] == [3, 2, 1]
    assert values["class_distance"] == pytest.approx([0, 1 / 3, 2 / 3], abs=0.08)
    assert values["recognised"][0] > 0.8
    for name in ("coverage", "recall"):
        assert values[name][0] > 1.2 * values[name][1] > 1.2 * values[name][2]
    every, two, one = values["frechet_distance"]
    assert one > 2 * two > 4 * every


def test_a_class_is_covered_by_a_tenth_of_its_equal_share():
    """3 of 90 fakes are the tenth of a third; 2 are fewer."""
    new = stripes(600, seed=1)
    first, second = (new.train[new.labels["train"] == label] for label in (0, 1))
    mapped = real_samples(stripes(), SETTINGS).feature_map
    assert mapped.probabilities is not None
    named = [mapped.probabilities(mapped.extract(torch.from_numpy(samples))).argmax(1) for samples in (first, second)]
    sure = [first[named[0].numpy() == 0], second[named[1].numpy() == 1]]
    fakes = [np.concatenate([sure[0][: 90 - count], sure[1][:count]]) for count in (2, 3)]
    assert values_of(*fakes)["classes_covered"].tolist() == [1, 2]


def test_a_nonfinite_fake_gives_nan():
    new = stripes(seed=1).train[:90]
    bad = new.copy()
    bad[3, 5] = np.nan
    for name in ("classes_covered", "class_distance", "recognised"):
        value = values_of(new, bad)[name]
        assert value[0].isfinite()
        assert value[1].isnan()


def test_reference_values_are_those_of_three_classes_and_of_one_image():
    real = real_samples(stripes(), SETTINGS)
    references = reference_values([ClassesCovered(), ClassDistance(), Recognised()], real)
    assert references["classes_covered"].real == 3
    assert references["classes_covered"].constant == 1
    assert references["class_distance"].real < 0.1 < 0.5 < references["class_distance"].constant
    assert references["recognised"].real > 0.8
