"""Memorisation: copies are told apart from new samples, in every kind of features."""

import numpy as np
import pytest
import torch
from small_gans import real_samples
from striped import stripes

from gan_core.evaluation import EvaluationSettings, reference_values
from gan_core.features import ClassifierFeatures, PixelFeatures, RandomConvFeatures
from gan_core.metrics import Fakes, Memorisation
from gan_core.metrics.memorisation import memorised, nearest

pytestmark = pytest.mark.shapes

KINDS = [PixelFeatures(), RandomConvFeatures(width=4), ClassifierFeatures(steps=60)]


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def on_line(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_it_is_the_excess_over_chance():
    """Three of four fakes are nearest to a training sample, chance is 2/3: (3/4 - 2/3)/(1/3) = 1/4."""
    train, held_out = on_line(0, 10, 20, 30), on_line(5, 15)
    assert memorised(train, held_out, on_line(0.1, 9, 21, 14)).item() == pytest.approx(0.25)
    assert memorised(train, held_out, on_line(5, 15)).item() == pytest.approx(-2)
    assert memorised(train, held_out, train).item() == 1


def test_new_samples_have_0_on_average():
    values = [
        memorised(normal(90, 4, seed=s), normal(30, 4, seed=s + 300), normal(40, 4, seed=s + 600)).item()
        for s in range(300)
    ]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / 300**0.5)


@pytest.mark.parametrize("features", KINDS, ids=lambda kind: kind.kind)
def test_a_memorising_generator_is_told_apart_from_one_that_makes_new_samples(features):
    """Copies of training images with faint noise, against new images of the same distribution."""
    data = stripes()
    settings = EvaluationSettings(samples=120, features=features)
    real = real_samples(data, settings)
    copies = real.tensor(data.train[:120])
    copies = copies + 0.01 * normal(*copies.shape)
    new = real.tensor(stripes(seed=1).train[:120])
    memorising, good = Memorisation().measure(real, Fakes(torch.stack([copies, new]))).tolist()
    usual = reference_values([Memorisation()], real)["memorisation"].real
    assert memorising > 0.9
    assert abs(good) < 0.5
    assert abs(usual) < 0.5


def test_its_reference_is_the_other_held_out_split():
    data = stripes()
    settings = EvaluationSettings(samples=60, features=PixelFeatures())
    for split, other in (("validation", data.test), ("test", data.validation)):
        real = real_samples(data, settings, split)
        expected = memorised(real.tensor(data.train), real.samples, real.tensor(other)).item()
        assert reference_values([Memorisation()], real)["memorisation"].real == expected


def test_a_training_sample_in_the_held_out_split_too_says_nothing():
    """Where both splits hold a fake's copy, neither is nearer."""
    shared = normal(20, 3)
    assert memorised(shared, shared, shared).item() == 0


def test_blocks_of_fakes_do_not_change_it(monkeypatch):
    samples, fakes = normal(50, 4), normal(40, 4, seed=1)
    expected = torch.cdist(fakes, samples).square().amin(1)
    monkeypatch.setattr("gan_core.metrics.memorisation.ROWS", 7)
    assert torch.allclose(nearest(samples, fakes), expected, rtol=1e-9)
