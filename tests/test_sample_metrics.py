"""Sample metrics: which metrics apply to which data, one value per seed, cells and spread, settings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_gans import SMALL_EVALUATION, blob, measure
from small_gans import real_samples as metrics_on
from torch.testing import assert_close

from gan_core.data import Digits, Grid, Ring, Segments, SwissRoll, TwoMoons
from gan_core.evaluation import EvaluationSettings, Evaluator
from gan_core.features import AutoFeatures
from gan_core.metrics import Balls, cell_centers, neighbour_metrics, real_cells, wasserstein_1
from gan_core.networks import MLPGenerator

pytestmark = pytest.mark.shapes

PLANAR = EvaluationSettings(samples=400, directions=16, cells=4, exact_points=60, resolution=20)
ALWAYS = ["sliced_wasserstein", "cells", "spread"]
OF_PLANE = ["wasserstein_1", "jensen_shannon"]
OF_MODES = ["modes_covered", "high_quality", "mode_kl"]
OF_IMAGES = [
    *("frechet_distance", "kernel_distance", "memorisation"),
    *("precision", "density", "recall", "coverage"),
]
IMAGES = (1, 8, 8)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(data, *shape, seed=0):
    """New samples of the true distribution, (seeds, samples, 2)."""
    points = data.draw(int(np.prod(shape)), np.random.default_rng([1, seed]))
    return torch.from_numpy(points.reshape(*shape, 2))


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


@pytest.fixture(scope="module")
def on_digits(digits):
    return metrics_on(digits, EvaluationSettings(), dtype=torch.float32)


def images():
    return replace(blob(dim=64), shape=IMAGES)


KINDS = {
    "ring": (Ring().load(), PLANAR, OF_PLANE + OF_MODES),
    "segments": (Segments().load(), PLANAR, OF_PLANE),
    "images": (images(), SMALL_EVALUATION, OF_IMAGES),
    "vectors": (blob(), SMALL_EVALUATION, []),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def fakes_for(kind, seeds=3):
    """Standard normal samples for data of this kind."""
    data, settings, _ = KINDS[kind]
    return normal(seeds, settings.samples, data.sample_shape.dim)


# --- names, shapes, seeds


@pytest.mark.parametrize(
    ("data", "settings", "further"),
    [
        *((data.load(), PLANAR, OF_PLANE + OF_MODES) for data in (Ring(), Grid())),
        *((data.load(), PLANAR, OF_PLANE) for data in (TwoMoons(), SwissRoll(), Segments())),
        (images(), SMALL_EVALUATION, OF_IMAGES),
        (blob(dim=64), SMALL_EVALUATION, []),
        (blob(), SMALL_EVALUATION, []),
    ],
    ids=["ring", "grid", "two_moons", "swiss_roll", "segments", "images", "vectors_64", "vectors_3"],
)
def test_metrics_are_those_that_apply_to_the_data_with_one_value_per_seed(data, settings, further):
    values = measure(metrics_on(data, settings), 0.3 * normal(2, settings.samples, data.sample_shape.dim))
    assert set(values) == {*ALWAYS, *further}
    assert all(value.shape == (2,) for value in values.values())


@every_kind
def test_a_seed_alone_has_the_same_values_as_among_others(kind):
    data, settings, _ = KINDS[kind]
    metrics = metrics_on(data, settings)
    fakes = fakes_for(kind, 4) * torch.tensor([0.01, 0.5, 1.0, 30.0])[:, None, None]
    together = measure(metrics, fakes)
    assert len(set(together["sliced_wasserstein"].tolist())) == 4
    for seed in range(4):
        for name, value in measure(metrics, fakes[seed : seed + 1]).items():
            assert value.item() == pytest.approx(together[name][seed].item(), rel=1e-13), name


@every_kind
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_nonfinite_fake_makes_the_metrics_of_its_seed_nan_and_of_no_other(kind, bad):
    data, settings, _ = KINDS[kind]
    metrics, clean = metrics_on(data, settings), fakes_for(kind)
    poisoned = clean.clone()
    poisoned[1, 5, 0] = bad
    before, after = measure(metrics, clean), measure(metrics, poisoned)
    for name in before:
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]]), name
        assert name == "cells" or not after[name][1].isfinite(), name
        assert name in ALWAYS or after[name][1].isnan(), name


@every_kind
@pytest.mark.parametrize("size", [1e30, 1e200, -1e307])
def test_huge_finite_fakes_raise_no_exception_and_change_no_other_seed(kind, size):
    data, settings, _ = KINDS[kind]
    metrics, clean = metrics_on(data, settings), fakes_for(kind)
    huge = clean.clone()
    huge[1] = size * (1 + clean[1].abs() / 100)
    assert huge.isfinite().all()
    before, after = measure(metrics, clean), measure(metrics, huge)
    for name in before:
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]]), name
    assert after["sliced_wasserstein"][1] > 1e28


@every_kind
def test_two_instances_give_the_same_bits(kind):
    data, settings, _ = KINDS[kind]
    fakes = fakes_for(kind, 2)
    first, second = (measure(metrics_on(data, settings), fakes) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_instances_on_digits_give_the_same_bits(digits):
    fakes, settings = 0.5 * normal(2, 100, 64).float(), EvaluationSettings(samples=100, directions=32)
    first, second = (metrics_on(digits, settings, dtype=torch.float32) for _ in range(2))
    for name, value in measure(first, fakes).items():
        assert torch.equal(measure(second, fakes)[name], value), name
    assert real_cells(first) == real_cells(second)


def test_validation_and_test_compare_with_different_samples():
    fakes = 0.3 * normal(1, 64, 3)
    splits = (metrics_on(blob(), split=split) for split in ("validation", "test"))
    validation, test = (measured(metrics, "sliced_wasserstein", fakes).item() for metrics in splits)
    assert validation != test
    assert validation == pytest.approx(test, rel=0.3)


def test_float32_and_float64_agree_to_five_digits():
    fakes = 0.3 * normal(2, 64, 3)
    single = measured(metrics_on(blob(), dtype=torch.float32), "sliced_wasserstein", fakes.float())
    double = measured(metrics_on(blob()), "sliced_wasserstein", fakes)
    assert_close(single.double(), double, rtol=1e-5, atol=0)


# --- cells and spread


def measured(metrics, name, fakes):
    """The values of one metric."""
    return measure(metrics, fakes)[name]


def test_a_collapsed_generator_occupies_one_cell_and_has_no_spread(digits, on_digits):
    fakes = torch.from_numpy(digits.train[3]).expand(1, 200, 64)
    assert measured(on_digits, "cells", fakes).item() == 1
    assert measured(on_digits, "spread", fakes).item() == pytest.approx(0, abs=1e-6)


def test_real_digits_occupy_every_cell_and_have_a_spread_of_one(digits, on_digits):
    train = torch.from_numpy(digits.train)[None]
    assert measured(on_digits, "cells", train).item() == real_cells(on_digits) == 20
    assert measured(on_digits, "spread", train).item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("scale", [0.1, 0.5, 3.0])
def test_spread_of_scaled_training_data_is_the_scale(scale):
    train = torch.from_numpy(blob().train).double()[None]
    scaled = scale * train + torch.tensor([5.0, -2.0, 0.5])
    assert measured(metrics_on(blob()), "spread", scaled).item() == pytest.approx(scale, rel=1e-6)


def test_a_cell_is_occupied_from_a_tenth_of_its_fair_share():
    """80 samples and 4 cells: a fair share is 20, a tenth of it 2."""
    metrics = metrics_on(blob())
    centers = torch.from_numpy(cell_centers(metrics)).double()
    for few, occupied in ((1, 1), (2, 2), (3, 2)):
        fakes = torch.cat([centers[:1].expand(80 - few, 3), centers[1:2].expand(few, 3)])
        assert measured(metrics, "cells", fakes[None]).item() == occupied


def test_cells_are_counted_for_each_seed():
    metrics = metrics_on(blob())
    centers = torch.from_numpy(cell_centers(metrics)).double()
    fakes = torch.stack([centers[[0] * 64], centers[[0, 1] * 32], centers[[0, 1, 2, 3] * 16]])
    assert measured(metrics, "cells", fakes).tolist() == [1, 2, 4]


def test_k_means_centers_are_as_many_as_the_settings_say_and_always_the_same(digits):
    first, second = (cell_centers(metrics_on(digits, EvaluationSettings(cells=7))) for _ in range(2))
    assert first.shape == (7, 64)
    assert np.array_equal(first, second)


def test_cells_of_a_mixture_are_its_modes():
    metrics = metrics_on(Grid().load(), PLANAR)
    assert np.array_equal(cell_centers(metrics), Grid().known_modes.centers)
    assert real_cells(metrics) == 25
    assert real_cells(metrics_on(TwoMoons().load(), PLANAR)) == 4  # as many k-means cells as the settings say


# --- planar data and images


def test_exact_distance_is_the_length_of_a_translation_and_the_sliced_one_is_smaller():
    """A projection shortens every vector: by 2/pi on average for a translation in the plane."""
    real = normal(60, 2).numpy()
    metrics = metrics_on(replace(Grid().load(), validation=real), replace(PLANAR, directions=400))
    translated = torch.from_numpy(real + np.array([3.0, -1.0]))[None]
    exact, sliced = (measured(metrics, name, translated).item() for name in ("wasserstein_1", "sliced_wasserstein"))
    assert exact == pytest.approx(10**0.5, rel=1e-9)
    # the mean of |cos| over 400 directions is known to .31/sqrt(400)
    assert sliced == pytest.approx(10**0.5 * 2 / np.pi, rel=4 * 0.31 / 20 / (2 / np.pi))


def test_exact_distance_uses_the_first_exact_points_samples():
    data = Ring().load()
    fakes = drawn(Ring(), 1, 400)
    expected = wasserstein_1(data.validation[:60].astype(np.float64), fakes[0, :60].numpy())
    assert measured(metrics_on(data, PLANAR), "wasserstein_1", fakes).item() == pytest.approx(expected, rel=1e-12)


def test_pixels_are_the_features_of_precision_and_coverage(digits):
    """Values of `neighbour_metrics` on pixels, with the number of neighbours in the settings."""
    fakes = torch.from_numpy(digits.train[:800])[None]
    values = measure(metrics_on(digits, EvaluationSettings(), split="test", dtype=torch.float32), fakes)
    for neighbours in (3, 5):
        expected = neighbour_metrics(Balls.around(torch.from_numpy(digits.test), neighbours), fakes)
        equal = all(torch.equal(values[name], expected[name]) for name in expected)
        assert equal == (neighbours == 5)


def test_neighbours_must_be_fewer_than_the_real_samples_of_the_split():
    with pytest.raises(ValueError, match=r"^neighbours: must be < 80, the number of real samples, but is 80$"):
        Evaluator(MLPGenerator(), images(), settings=EvaluationSettings(neighbours=80))


# --- settings


def test_default_settings_have_the_numbers_of_the_specification():
    numbers = {"samples": 800, "cells": 20, "exact_points": 512, "resolution": 50, "neighbours": 5}
    numbers |= {"measurements": 20, "health_batch": 128}
    words = {"directions": "auto", "exact": "last", "distance": "default"}
    assert vars(EvaluationSettings()) == {**numbers, **words, "metrics": (), "features": AutoFeatures()}


@pytest.mark.parametrize(
    ("field", "least"),
    [("samples", 50), ("directions", 1), ("cells", 2), ("exact_points", 2), ("resolution", 2), ("neighbours", 1)],
)
def test_settings_below_their_minimum_raise_an_error(field, least):
    assert getattr(EvaluationSettings(**{field: least}), field) == least
    with pytest.raises(ValueError, match=f"^{field}: must be >= {least}, but is {least - 1}$"):
        EvaluationSettings(**{field: least - 1})
