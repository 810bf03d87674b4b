"""Measures of points of the plane: the truth is known, so every number is held against its closed form."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch
from games import SMALL_MEASURES, blob
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, wasserstein_distance

from gan_core.constraints import Unconstrained
from gan_core.data import Grid, Ring, Segments, SwissRoll, TwoMoons
from gan_core.metrics import Box, Measures, Ruler, jensen_shannon, mode_measures, transport_plan, wasserstein_1
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair, SegmentGenerator
from gan_core.objectives import Wasserstein
from gan_core.training import Trainer, Training

SMALL = Measures(samples=400, directions=16, cells=4, exact_points=60, resolution=20)
OF_PLANE = ["wasserstein_1", "jensen_shannon"]
OF_MODES = ["modes_covered", "high_quality", "mode_kl"]


def ruler_on(data, measures=SMALL, dtype=torch.float64):
    return Ruler(data, "search", measures, device=torch.device("cpu"), dtype=dtype)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def drawn(data, *shape, seed=0):
    """Fresh samples of the true distribution, for several seeds at once."""
    points = data.draw(int(np.prod(shape)), np.random.default_rng([1, seed]))
    return torch.from_numpy(points.reshape(*shape, 2))


def segment_at(theta, count=400, seed=3):
    along = np.random.default_rng(seed).uniform(size=count)
    return np.stack([np.full(count, theta), along], axis=1)


# --- exact Wasserstein-1 and its plan

numbers = st.floats(-100, 100, allow_subnormal=False)
samples = st.lists(numbers, min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_on_a_line_it_is_the_mean_difference_of_sorted_samples(pairs):
    real, fake = (np.array(points) for points in zip(*pairs, strict=True))
    expected = np.abs(np.sort(real) - np.sort(fake)).mean()
    assert wasserstein_1(real[:, None], fake[:, None]) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(real=samples, fake=samples)
def test_on_a_line_it_is_scipys_at_any_two_sizes(real, fake):
    exact = wasserstein_1(np.array(real)[:, None], np.array(fake)[:, None])
    assert exact == pytest.approx(wasserstein_distance(real, fake), abs=1e-9)


@pytest.mark.parametrize("theta", [-2.0, -0.01, 0.3, 7.0])
def test_parallel_segments_are_as_far_apart_as_they_lie(theta):
    """The same points moved sideways: no plan is cheaper than to move each by theta."""
    assert wasserstein_1(segment_at(0.0), segment_at(theta)) == pytest.approx(abs(theta), rel=1e-9)


def test_parallel_segments_of_other_points_are_nearly_as_far_apart():
    """sqrt(theta^2 + gap^2) >= theta, where two uniform samples of 400 have gaps of about 1/sqrt(400) at most."""
    exact = wasserstein_1(segment_at(0.0), segment_at(0.5, seed=4))
    assert 0.5 <= exact <= (0.5**2 + 0.1**2) ** 0.5


@pytest.mark.parametrize(("m", "n"), [(30, 30), (20, 45), (1, 9)])
def test_plan_moves_every_samples_own_weight_at_the_price_that_it_names(m, n):
    real, fake = normal(m, 2), normal(n, 2, seed=1) + 2
    plan = transport_plan(real, fake)
    assert (plan.mass > 0).all()
    assert np.bincount(plan.real, plan.mass, m) == pytest.approx(np.full(m, 1 / m), rel=1e-9)
    assert np.bincount(plan.fake, plan.mass, n) == pytest.approx(np.full(n, 1 / n), rel=1e-9)
    price = np.linalg.norm(real[plan.real] - fake[plan.fake], axis=1) @ plan.mass
    assert plan.distance == pytest.approx(price, rel=1e-12)


def test_plan_of_equally_many_samples_is_a_pairing_that_no_swap_makes_cheaper():
    real, fake = normal(40, 2), normal(40, 2, seed=1)
    plan = transport_plan(real, fake)
    assert sorted(plan.real) == sorted(plan.fake) == list(range(40))
    cost = np.linalg.norm(real[plan.real][:, None] - fake[plan.fake], axis=-1)
    kept = cost.diagonal()[:, None] + cost.diagonal()
    assert (kept <= cost + cost.T + 1e-12).all()


def test_plan_finds_the_samples_again_that_were_only_shuffled():
    real = normal(50, 2)
    order = np.random.default_rng(5).permutation(50)
    plan = transport_plan(real, real[order])
    assert plan.distance == pytest.approx(0, abs=1e-12)
    assert (order[plan.fake] == plan.real).all()


def test_exact_distance_is_symmetric_and_has_the_unit_of_the_data():
    real, fake = normal(30, 2), normal(20, 2, seed=1)
    exact = wasserstein_1(real, fake)
    assert wasserstein_1(fake, real) == pytest.approx(exact, rel=1e-9)
    for scale in (1e-6, 1e6):
        assert wasserstein_1(scale * real, scale * fake) == pytest.approx(scale * exact, rel=1e-9)


def test_exact_distance_is_never_below_the_sliced_one():
    """Every projection shortens: W1 bounds the mean over directions from above, by pi/2 for a mere translation."""
    real = normal(60, 2)
    ruler = ruler_on(replace(Grid().load(), search=real), replace(SMALL, directions=400))
    moved = torch.from_numpy(real + np.array([3.0, -1.0]))[None]
    exact, sliced = (ruler.measure(moved)[name].item() for name in ("wasserstein_1", "sliced_wasserstein"))
    assert exact == pytest.approx(10**0.5, rel=1e-9)
    # the mean of |cos| over 400 directions is known to .31/sqrt(400)
    assert sliced == pytest.approx(10**0.5 * 2 / np.pi, rel=4 * 0.31 / 20 / (2 / np.pi))


def test_plan_of_samples_that_are_not_finite_is_refused():
    with pytest.raises(ValueError, match=r"^real, fake: must be finite$"):
        transport_plan(normal(3, 2), np.array([[0.0, np.inf]]))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_enormous_and_tiny_fakes_are_measured_too(size):
    far = size * normal(30, 2)
    assert wasserstein_1(np.zeros((30, 2)), far) == pytest.approx(np.linalg.norm(far, axis=1).mean(), rel=1e-9)


# --- Jensen-Shannon in a box


def js(real, fake, resolution=50):
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    box = Box.around(real, resolution=resolution)
    return jensen_shannon(torch.from_numpy(real), torch.from_numpy(fake), box).item()


@pytest.mark.parametrize("theta", [-3.0, -1e-6, 1e-30, 0.01, 1.0, 1e30])
def test_segments_apart_have_log_2_at_any_distance(theta):
    assert js(segment_at(0.0), segment_at(theta)) == pytest.approx(log(2), rel=1e-12)


def test_segments_upon_each_other_have_what_finite_samples_leave():
    """About (cells - 1)(1/n + 1/m)/8 = 49 (2/2500)/8 = .0049: a chi^2 of 49, hence within 4 sqrt(2/49) = 81 %."""
    found = js(segment_at(0.0, 2500), segment_at(0.0, 2500, seed=4))
    assert found == pytest.approx(0.0049, rel=0.81)


def test_the_same_samples_in_another_order_have_nothing():
    real = normal(300, 2)
    assert js(real, real[::-1].copy()) == 0


def test_half_of_the_samples_elsewhere_have_the_entropy_that_this_gives():
    """What is real in p = (1, 0) and q = (1/2, 1/2) of it: JS = H(3/4, 1/4) - H(1/2, 1/2)/2."""
    real, fake = [[0.0, 0.0], [0.1, 0.1]], [[0.0, 0.0], [0.1, 0.1], [9.0, 0.05], [9.0, 0.05]]
    expected = -(0.75 * log(0.75) + 0.25 * log(0.25)) - log(2) / 2
    assert js(real, fake, resolution=2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("side", [(-9.0, 0.5), (9.0, 0.5), (0.5, -9.0), (0.5, 9.0), (-9.0, 9.0), (np.inf, 0.5)])
def test_what_lies_beyond_any_side_of_the_box_is_apart_from_all_real_samples(side):
    real = np.random.default_rng(0).uniform(size=(500, 2))
    fake = np.tile(side, (100, 1))
    box = Box.around(real, resolution=10)
    p, q = (box.shares(torch.from_numpy(points)) for points in (real, fake))
    assert p.sum().item() == pytest.approx(1, rel=1e-12)
    assert q.sum().item() == pytest.approx(1, rel=1e-12)
    assert (p * q).sum().item() == 0
    if np.isfinite(fake).all():
        assert js(real, fake) == pytest.approx(log(2), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), shift=st.floats(0, 3), resolution=st.integers(2, 30))
def test_divergence_lies_between_nothing_and_log_2_and_is_symmetric_in_one_box(seed, shift, resolution):
    real, fake = (torch.from_numpy(normal(50, 2, seed=seed + i) + i * shift) for i in range(2))
    box = Box.around(real.numpy(), resolution=resolution)
    there, back = jensen_shannon(real, fake, box), jensen_shannon(fake, real, box)
    assert 0 <= there <= log(2) + 1e-12
    assert there.item() == pytest.approx(back.item(), rel=1e-12)


# --- the box


def test_box_holds_all_points_within_its_own_cells():
    points = normal(200, 2)
    box = Box.around(points, resolution=7)
    shares = box.shares(torch.from_numpy(points)).reshape(9, 9)
    assert shares[1:-1, 1:-1].sum().item() == pytest.approx(1, rel=1e-12)
    assert (points.min(0) == box.low).all()
    assert (points.max(0) == box.high).all()


def test_margin_is_in_longer_sides_and_on_every_side():
    box = Box.around(np.array([[0.0, 1.0], [0.0, 3.0]]), resolution=4, margin=0.5)
    assert box.low.tolist() == [-1, 0]
    assert box.high.tolist() == [1, 4]


def test_density_and_centers_are_in_the_same_order_row_by_row_from_below():
    box = Box(low=np.array([0.0, 0.0]), high=np.array([4.0, 8.0]), resolution=4)
    assert box.centers[:5].tolist() == [[0.5, 1], [1.5, 1], [2.5, 1], [3.5, 1], [0.5, 3]]
    for cell in (0, 3, 6, 15):
        density = box.density(box.centers[cell : cell + 1])
        assert np.flatnonzero(density).tolist() == [cell]
        assert density.flat[cell] == pytest.approx(1 / 2)  # a cell is 1 wide and 2 high


def test_density_has_the_share_of_points_in_the_box_as_its_integral():
    box = Box(low=np.array([-1.0, -1.0]), high=np.array([1.0, 2.0]), resolution=30)
    points = np.concatenate([np.random.default_rng(0).uniform(-1, 1, (60, 2)), np.full((20, 2), 5.0)])
    points = np.concatenate([points, np.full((20, 2), np.nan)]).astype(np.float32)
    assert box.density(points).sum() * 6 / 900 == pytest.approx(0.6, rel=1e-12)


def test_density_of_many_points_is_that_of_their_distribution():
    """Pearson's chi^2 of 100 cells has mean 100 and deviation sqrt(200), whatever the density is."""
    box = Box(low=np.array([-1.0, -1.0]), high=np.array([1.0, 1.0]), resolution=10)
    side = np.diff(norm.cdf(np.linspace(-1, 1, 11)))
    expected = np.outer(side, side) * 1_000_000
    counts = box.density(normal(1_000_000, 2)) * 0.2**2 * 1_000_000
    assert ((counts - expected) ** 2 / expected).sum() == pytest.approx(100, abs=4 * 200**0.5)


# --- known modes

N = 2500


@pytest.mark.parametrize("data", [Ring(), Grid()], ids=["ring", "grid"])
def test_a_perfect_sampler_covers_all_with_98_889_percent_and_no_divergence(data):
    """Over 200 seeds of 2500: the share's deviation is sqrt(p (1-p) / 500,000); that of one KL sqrt((K-1)/2)/n."""
    measured = mode_measures(drawn(data, 200, N), data.known_modes)
    count = len(data.known_modes.centers)
    perfect = 1 - exp(-4.5)
    assert perfect == pytest.approx(0.98889, abs=5e-6)
    assert (measured["modes_covered"] == count).all()
    assert measured["high_quality"].mean().item() == pytest.approx(
        perfect, abs=4 * (perfect * (1 - perfect) / (200 * N)) ** 0.5
    )
    deviation = ((count - 1) / 2) ** 0.5 / N
    assert measured["mode_kl"].std().item() == pytest.approx(deviation, rel=0.25)
    assert measured["mode_kl"].mean().item() == pytest.approx(0, abs=4 * deviation / 200**0.5)


@pytest.mark.parametrize("n", [100, 400, 2500])
def test_floor_of_the_divergence_is_what_a_perfect_sampler_has_at_any_size(n):
    """Without (K-1)/(2n) the mean would be 24/(2n), dozens of deviations off; at n = 100 terms of 1/n^2 are 4 %."""
    kl = mode_measures(drawn(Grid(), 300, n), Grid().known_modes)["mode_kl"]
    floor = 24 / (2 * n)
    assert kl.mean().item() == pytest.approx(0, abs=4 * 12**0.5 / n / 300**0.5 + floor * 5 / n)


def test_uniform_noise_over_the_box_covers_nothing_though_it_is_nearest_to_all():
    """On average 2500 x 25 x pi (.15)^2 / 9^2 / 25 = 2.2 of high quality in each mode, where 10 are due."""
    noise = torch.from_numpy(np.random.default_rng(0).uniform(-4.5, 4.5, (20, N, 2)))
    measured = mode_measures(noise, Grid().known_modes)
    assert (measured["modes_covered"] == 0).all()
    expected = 25 * np.pi * 0.15**2 / 81
    assert measured["high_quality"].mean().item() == pytest.approx(expected, abs=4 * (expected / (20 * N)) ** 0.5)
    assert (ruler_on(Grid(train=200).load()).cells(noise) == 25).all()
    apart = torch.cdist(noise[0], torch.from_numpy(Grid().known_modes.centers)).min(0).values
    assert (apart <= 0.15).sum() > 18  # where one sample covers a mode, noise covers most of them


@pytest.mark.parametrize("data", [Ring(), Grid()], ids=["ring", "grid"])
def test_a_generator_of_one_mode_covers_one_and_diverges_by_log_k(data):
    modes = data.known_modes
    count = len(modes.centers)
    one = torch.from_numpy(modes.centers[3] + modes.sigma * normal(2, N, 2))
    measured = mode_measures(one, modes)
    assert measured["modes_covered"].tolist() == [1, 1]
    assert measured["mode_kl"].tolist() == pytest.approx([log(count) - (count - 1) / (2 * N)] * 2, rel=1e-12)
    assert ruler_on(data.load()).cells(one).tolist() == [1, 1]


def test_a_mode_counts_as_covered_from_a_tenth_of_its_fair_share_of_high_quality():
    """400 samples and 8 modes: a fair share is 50, a tenth of it 5; three sigma and a bit is no high quality."""
    centers = torch.from_numpy(Ring().known_modes.centers)
    for near, far, covered in ((4, 0, 1), (5, 0, 2), (4, 9, 1), (6, 9, 2)):
        rest = 400 - near - far
        aside = centers[2:3] + torch.tensor([[0.0, 0.0301]])
        fake = torch.cat([centers[:1].expand(rest, 2), centers[2:3].expand(near, 2), aside.expand(far, 2)])
        measured = mode_measures(fake[None], Ring().known_modes)
        assert measured["modes_covered"].item() == covered
        assert measured["high_quality"].item() == pytest.approx(1 - far / 400, rel=1e-12)


def test_high_quality_ends_at_three_sigma_in_float32_as_well():
    """At a distance of 4 sqrt(2) from 0, where matrix products know distances to .001 alone."""
    grid = Grid(sigma=0.001)
    for factor, good in ((0.99, 1.0), (1.01, 0.0)):
        angle = torch.linspace(0, 6, 100)
        around = factor * 0.003 * torch.stack([angle.cos(), angle.sin()], dim=1)
        fake = (around + torch.tensor([4.0, -4.0])).float()
        assert mode_measures(fake[None], grid.known_modes)["high_quality"].item() == good


def test_divergence_counts_low_quality_too():
    """Between the modes of one half of the ring: nothing of high quality, and 4 of 8 modes are log 2."""
    fake = 0.9 * torch.from_numpy(Ring().known_modes.centers[:4]).repeat(100, 1)
    measured = mode_measures(fake[None], Ring().known_modes)
    assert measured["high_quality"].item() == 0
    assert measured["modes_covered"].item() == 0
    assert measured["mode_kl"].item() == pytest.approx(log(2) - 7 / 800, rel=1e-12)


# --- the ruler


@pytest.mark.parametrize(
    ("data", "beside"),
    [(Ring(), OF_PLANE + OF_MODES), (Grid(), OF_PLANE + OF_MODES)]
    + [(data, OF_PLANE) for data in (TwoMoons(), SwissRoll(), Segments())],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_ruler_measures_what_the_data_let_be_known_and_real_samples_get_the_floors(data, beside):
    """40 seeds of fresh real samples against the floors, means of 20 splits: within a fifth, for what is no count."""
    ruler = ruler_on(data.load())
    measured = ruler.measure(drawn(data, 40, 400))
    assert (
        list(measured)
        == list(ruler.floors)
        == list(ruler.gaussians)
        == ["sliced_wasserstein", "cells", "spread", *beside]
    )
    assert ruler.floors["sliced_wasserstein"] == ruler.lines.floor
    for name, values in measured.items():
        assert values.shape == (40,)
        if name in ("sliced_wasserstein", "wasserstein_1"):
            assert ruler.floors[name] == pytest.approx(values.double().mean().item(), rel=0.5)
        elif name == "mode_kl":
            assert ruler.floors[name] == pytest.approx(0, abs=4 * 12**0.5 / 400 / 20**0.5)
        else:
            assert ruler.floors[name] == pytest.approx(values.double().mean().item(), rel=0.2)


def test_cells_of_a_mixture_are_its_modes():
    ruler = ruler_on(Grid().load())
    assert np.array_equal(ruler.centers, Grid().known_modes.centers)
    assert ruler.real_cells == 25
    assert ruler_on(TwoMoons().load()).real_cells == 4  # the k-means cells that were asked for


@pytest.mark.parametrize("data", [Ring(), Segments()], ids=["ring", "segments"])
def test_a_seed_is_measured_alone_as_among_others(data):
    ruler, fakes = (
        ruler_on(data.load()),
        torch.from_numpy(normal(3, 400, 2)) * torch.tensor([0.01, 1, 30])[:, None, None],
    )
    together = ruler.measure(fakes)
    for seed in range(3):
        for name, value in ruler.measure(fakes[seed : seed + 1]).items():
            assert value.item() == pytest.approx(together[name][seed].item(), rel=1e-13)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_fakes_that_are_not_finite_are_nan_for_their_seed_alone(bad):
    ruler, clean = ruler_on(Ring().load()), drawn(Ring(), 3, 400)
    sick = clean.clone()
    sick[1, 5, 0] = bad
    before, after = ruler.measure(clean), ruler.measure(sick)
    for name in OF_PLANE + OF_MODES:
        assert after[name][1].isnan()
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]])


def test_a_second_ruler_measures_points_the_same_to_the_last_bit():
    fakes = drawn(Ring(), 2, 400)
    first, second = (ruler_on(Ring().load()) for _ in range(2))
    one, other = first.measure(fakes), second.measure(fakes)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert first.floors == second.floors


def test_floors_are_measured_once_for_every_trial_on_the_same_data(monkeypatch):
    data, calls = TwoMoons(train=200, reference=100).load(), []
    monkeypatch.setattr(Ruler, "_measure_floors", lambda ruler: calls.append(ruler) or {"cells": 4.0})
    for split in ("search", "confirm", "search"):
        found = Ruler(data, split, SMALL, device=torch.device("cpu"), dtype=torch.float64).floors
        found["cells"] = 0.0  # nobody's hands reach what the others are given
        assert Ruler(data, split, SMALL, device=torch.device("cpu"), dtype=torch.float64).floors == {"cells": 4.0}
    assert len(calls) == 2


def test_exact_distance_takes_the_first_points_alone():
    data = Ring().load()
    fakes = drawn(Ring(), 1, 400)
    expected = wasserstein_1(data.search[:60].astype(np.float64), fakes[0, :60].numpy())
    assert ruler_on(data).measure(fakes)["wasserstein_1"].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("field", "least"), [("exact_points", 2), ("resolution", 2)])
def test_planar_measures_refuse_numbers_that_cannot_measure(field, least):
    assert getattr(Measures(**{field: least}), field) == least
    with pytest.raises(ValueError, match=f"^{field}: must be >= {least}, but is {least - 1}$"):
        Measures(**{field: least - 1})


# --- in the trainer


def trainer_on(data, generator=None, critic=None, **changes):
    networks = NetworkPair(
        generator=generator or MLPGenerator(width=8, depth=1, latent=3), critic=critic or MLPCritic(width=8, depth=1)
    )
    game = {"constraint": Unconstrained(), "training": Training(batch=8), "seeds": (0, 1), "measures": SMALL}
    return Trainer(objective=Wasserstein(), networks=networks, data=data.load(), **game | changes)


def test_segment_generator_lies_at_its_theta_from_the_start():
    """Its distance to the real segment: theta, up to gaps of the 60 exact points of about 1/sqrt(60)."""
    measured = trainer_on(Segments(), SegmentGenerator(theta=-0.5)).measure()
    assert measured["jensen_shannon"] == pytest.approx([log(2)] * 2, rel=1e-12)
    assert (measured["wasserstein_1"] >= 0.5).all()
    assert (measured["wasserstein_1"] <= (0.5**2 + 0.3**2) ** 0.5).all()


def test_segment_generator_at_zero_is_the_real_segment():
    trainer = trainer_on(Segments(), SegmentGenerator(theta=0.0))
    measured, floors = trainer.measure(), trainer.floors
    assert (measured["jensen_shannon"] < 4 * floors["jensen_shannon"]).all()
    assert (measured["wasserstein_1"] < 4 * floors["wasserstein_1"]).all()
    assert (measured["sliced_wasserstein"] < 4 * floors["sliced_wasserstein"]).all()


def test_segment_generator_is_moved_by_its_critic():
    trainer = trainer_on(Segments(), SegmentGenerator(theta=0.5))
    trainer.advance(5)
    assert (trainer.generator.flat != 0.5).all()
    assert trainer.generator.flat.shape == (2, 1)


def test_critic_surface_is_what_the_critics_say_at_every_point_and_moves_nothing():
    trainer = trainer_on(Ring())
    trainer.advance(3)
    points = Box.around(Ring().load().search, resolution=5, margin=0.2).centers
    before = trainer.critic.flat.clone()
    surface = trainer.critic_surface(points)
    assert surface.shape == (2, 25)
    assert torch.equal(trainer.critic.flat, before)
    shared = torch.from_numpy(points).float().expand(2, -1, -1)
    expected = trainer.networks.critic.criticise(trainer.critic.frozen, shared, trainer.space).value
    assert np.array_equal(surface, expected.numpy())
    assert len(np.unique(surface)) == 50


def test_what_is_no_point_of_the_plane_is_measured_as_before_and_has_floors():
    ruler = ruler_on(blob(), SMALL_MEASURES)
    names = ["sliced_wasserstein", "cells", "spread"]
    assert list(ruler.measure(torch.from_numpy(normal(2, 64, 3)))) == names
    assert list(ruler.floors) == names


def test_trainer_tells_the_floors_of_its_ruler():
    assert trainer_on(Ring()).floors == ruler_on(Ring().load(), dtype=torch.float32).floors
