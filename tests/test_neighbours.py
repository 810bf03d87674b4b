"""Precision and coverage: by balls that can be drawn by hand, by another implementation, and by their exact mean."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
import torch
from games import SMALL_MEASURES, blob
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from gan_core.data import Digits
from gan_core.metrics import Balls, Measures, Ruler, neighbour_measures
from gan_core.metrics.neighbours import ROWS

CPU = torch.device("cpu")
IMAGES = (1, 8, 8)


def on_line(*places):
    return torch.tensor(places, dtype=torch.float64)[:, None]


def shares(real, fake, neighbours):
    """Precision and coverage of one seed."""
    measured = neighbour_measures(Balls.around(real, neighbours), fake[None])
    return measured["precision"].item(), measured["coverage"].item()


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- exact


@pytest.mark.parametrize(
    ("neighbours", "radii"), [(1, [1, 1, 2, 6]), (2, [3, 2, 3, 8]), (3, [9, 8, 6, 9])], ids=["one", "two", "three"]
)
def test_balls_on_a_line_reach_to_the_neighbour_that_was_asked_for(neighbours, radii):
    """0, 1, 3 and 9: every radius can be read off the line."""
    assert Balls.around(on_line(0, 1, 3, 9), neighbours).squared_radii.sqrt().tolist() == radii


def test_shares_on_a_line_are_those_that_were_counted_by_hand():
    """The balls of 0, 1, 3 and 9 are [-1, 1], [0, 2], [1, 5] and [3, 15].

    Of -2, 2, 2.5, 20 and 21 two lie in any; 2 in those of 1 and 3, 2.5 in that of 3 alone.
    """
    assert shares(on_line(0, 1, 3, 9), on_line(-2, 2, 2.5, 20, 21), 1) == (2 / 5, 2 / 4)


@pytest.mark.parametrize(("place", "expected"), [(15, (1, 1 / 4)), (15.001, (0, 0)), (-1, (1, 1 / 4))])
def test_a_ball_holds_its_surface(place, expected):
    assert shares(on_line(0, 1, 3, 9), on_line(place), 1) == expected


def test_real_samples_against_themselves_are_all_precise_and_all_covered():
    real = normal(50, 4)
    for neighbours in (1, 5, 49):
        assert shares(real, real, neighbours) == (1, 1)


@pytest.mark.parametrize(
    ("away", "dtype"), [(1e3, torch.float32), (-3e38, torch.float32), (3e38, torch.float32), (1e308, torch.float64)]
)
def test_what_is_far_away_is_neither_precise_nor_covers(away, dtype):
    """Even where its square is beyond the largest number."""
    fakes = away * (1 + normal(30, 4, seed=1).abs() / 100).to(dtype)
    assert fakes.isfinite().all()
    assert shares(normal(50, 4), fakes, 5) == (0, 0)


def test_shares_in_single_precision_are_those_in_double():
    real, fake = normal(200, 64).float(), normal(300, 64, seed=1).float()
    assert shares(real, fake, 5) == shares(real, fake.double(), 5)


@pytest.mark.parametrize("covered", [1, 3, 4])
def test_fakes_of_some_modes_cover_the_share_of_these_modes(covered):
    """Four heaps of 10 far from each other: no ball of 3 neighbours leaves its heap."""
    heaps = normal(4, 10, 2) + 1e4 * torch.arange(4.0)[:, None, None]
    assert shares(heaps.flatten(0, 1), heaps[:covered].flatten(0, 1), 3) == (1, covered / 4)


def test_one_real_sample_repeated_is_precise_and_covers_its_neighbourhood_alone():
    """Of points on a line that doubles its steps the last one lies in its own ball and in that of no other."""
    real = on_line(*(2.0**k for k in range(20)))
    assert shares(real, real[-1:].repeat(100, 1), 1) == (1, 1 / 20)


def test_the_mean_of_coverage_on_one_distribution_is_exact_whatever_the_distribution():
    """1 - C(m-1, k) / C(n+m-1, k), the chance that no fake is among a real sample's k nearest of all others."""
    m, n, k = 20, 30, 3
    rng = np.random.default_rng(0)
    for draw in (rng.standard_normal, rng.standard_cauchy, rng.standard_exponential):
        found = [shares(torch.from_numpy(draw((m, 2))), torch.from_numpy(draw((n, 2))), k)[1] for _ in range(300)]
        error = np.std(found) / 300**0.5
        assert np.mean(found) == pytest.approx(1 - comb(m - 1, k) / comb(n + m - 1, k), abs=4 * error)
        assert error < 0.005


# --- another implementation


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize(("dim", "width"), [(2, 1.0), (64, 1.0), (64, 0.7), (5, 3.0)])
def test_shares_are_those_of_nearest_neighbours_found_by_scikit_learn(dim, width, neighbours):
    real, fake = normal(120, dim), width * normal(90, dim, seed=1)
    found = NearestNeighbors(n_neighbors=neighbours).fit(real.numpy())
    radii = found.kneighbors()[0][:, -1]  # without points it leaves each one's own out
    apart = np.linalg.norm(fake.numpy()[:, None] - real.numpy(), axis=-1)
    assert shares(real, fake, neighbours) == ((apart <= radii).any(1).mean(), (apart <= radii).any(0).mean())


def test_many_samples_are_held_against_each_other_in_pieces_without_a_trace():
    """More than fit into one piece: three copies of a piece and a bit have the shares of one copy."""
    real, fake = normal(ROWS // 2, 3), 2 * normal(ROWS // 2 + 7, 3, seed=1)
    assert shares(real, fake.repeat(3, 1), 4) == shares(real, fake, 4)
    many = normal(ROWS + 9, 3)
    apart = torch.cdist(many, many, compute_mode="donot_use_mm_for_euclid_dist")
    expected = apart.sort().values[:, 4]
    assert torch.allclose(Balls.around(many, 4).squared_radii.sqrt(), expected, rtol=1e-9)


# --- seeds


def test_a_seed_is_measured_alone_as_among_others():
    balls, fakes = (
        Balls.around(normal(80, 64), 5),
        normal(6, 100, 64, seed=1) * torch.linspace(0.9, 1.4, 6)[:, None, None],
    )
    together = neighbour_measures(balls, fakes)
    assert len(set(together["precision"].tolist())) > 3
    for seed in range(6):
        alone = neighbour_measures(balls, fakes[seed : seed + 1])
        assert all(torch.equal(alone[name][0], together[name][seed]) for name in together)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_fakes_that_are_not_finite_are_nan_for_their_seed_alone(bad):
    balls, clean = Balls.around(normal(80, 3), 5), normal(3, 100, 3, seed=1)
    sick = clean.clone()
    sick[1, 5, 0] = bad
    before, after = neighbour_measures(balls, clean), neighbour_measures(balls, sick)
    for name in ("precision", "coverage"):
        assert after[name][1].isnan()
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]])


# --- the ruler


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


@pytest.fixture(scope="module")
def on_digits(digits):
    return Ruler(digits, "confirm", Measures(), device=CPU, dtype=torch.float32)


def test_images_alone_have_precision_and_coverage():
    samples = 0.3 * normal(2, 64, 64)
    images = replace(blob(dim=64), shape=IMAGES)
    for data, measured in ((images, True), (blob(dim=64), False)):
        ruler = Ruler(data, "search", SMALL_MEASURES, device=CPU, dtype=torch.float64)
        names = list(ruler.measure(samples))
        assert names == list(ruler.floors) == list(ruler.gaussians)
        assert ("precision" in names) == ("coverage" in names) == measured


def test_pixels_are_the_features(digits, on_digits):
    """Of one measurement by the ruler what its parts give, at the study's own number of neighbours."""
    fakes = torch.from_numpy(digits.train[:800])[None]
    measured = on_digits.measure(fakes)
    for neighbours in (3, 5):
        found = shares(torch.from_numpy(digits.confirm), fakes[0], neighbours)
        assert ((measured["precision"].item(), measured["coverage"].item()) == found) == (neighbours == 5)


def test_real_digits_get_their_floors_and_the_mean_that_every_distribution_has(digits, on_digits):
    """At 800 against 400 and 5 neighbours coverage leaves C(399, 5) / C(1199, 5) out."""
    fresh = on_digits.measure(torch.from_numpy(digits.train[:800])[None])
    for name in ("precision", "coverage"):
        assert fresh[name].item() == pytest.approx(on_digits.floors[name], abs=0.02)
    assert on_digits.floors["coverage"] == pytest.approx(1 - comb(399, 5) / comb(1199, 5), abs=0.002)


def test_what_a_distance_in_pixels_does_not_see_is_told_apart(digits, on_digits):
    """The distance puts the Gaussian before real images, where these are repeated or of three classes alone."""
    labels = load_digits().target[np.random.default_rng(0).permutation(1797)][800:]
    rng = np.random.default_rng(1)
    every = digits.every
    fakes = {
        "repeated": np.tile(digits.train[:100], (8, 1)),
        "classes": np.resize(digits.train[labels < 3], (800, 64)),
        "pixels": np.stack([rng.choice(column, 800) for column in every.T], axis=1),
        "constant": np.tile(every.mean(0), (800, 1)),
        "noise": rng.uniform(-1, 1, (800, 64)).astype(np.float32),
    }
    found = {name: on_digits.measure(torch.from_numpy(one)[None]) for name, one in fakes.items()}
    found = {name: {metric: values.item() for metric, values in one.items()} for name, one in found.items()}
    found["gaussian"] = on_digits.gaussians
    for name in ("repeated", "classes"):
        assert found["gaussian"]["sliced_wasserstein"] < found[name]["sliced_wasserstein"]
    expected = {  # as docs/how-to-choose.md has them
        "gaussian": (0.39, 0.36),
        "pixels": (0.03, 0.03),
        "repeated": (0.97, 0.66),
        "classes": (0.94, 0.37),
        "constant": (1, 0.04),
        "noise": (0, 0),
    }
    found["real"], expected["real"] = on_digits.floors, (0.96, 0.99)
    for name, shares_of_it in expected.items():
        assert (found[name]["precision"], found[name]["coverage"]) == pytest.approx(shares_of_it, abs=0.006), name


def test_the_gaussian_is_the_one_of_the_lines(on_digits):
    assert on_digits.gaussians["sliced_wasserstein"] == on_digits.lines.gaussian
    assert on_digits.gaussians["spread"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("neighbours", [1, 79])
def test_as_many_neighbours_as_there_are_others_can_be_asked_for(neighbours):
    balls = Balls.around(normal(80, 3), neighbours)
    assert (balls.squared_radii > 0).all()


def test_more_neighbours_than_others_are_refused():
    images = replace(blob(dim=64), shape=IMAGES)  # whose reference has 80
    with pytest.raises(ValueError, match=r"^neighbours: must be < 80, the real samples they are of, but is 80$"):
        Ruler(images, "search", Measures(neighbours=80), device=CPU, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"^neighbours: must be >= 1, but is 0$"):
        Measures(neighbours=0)
