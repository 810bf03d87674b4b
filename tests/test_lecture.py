"""The pictures of the lecture: each number against its closed form, and every picture legible."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
import torch
from command_line import Call, assert_refused
from drawn import assert_legible
from numpy.polynomial.hermite_e import hermegauss
from PIL import Image

from gan_core.citations import BIBTEX
from gan_core.constraints import GradientPenalty, WeightClipping
from gan_core.data import Dirac, Segments
from gan_core.metrics import wasserstein_1
from gan_core.networks import DiracCritic, DiracGenerator, MLPCritic, NetworkPair
from gan_core.objectives import EnergyMargin, LeastSquares, LossSensitive, Minimax, Wasserstein
from gan_core.shapes import CriticOutput, SampleShape
from studies.reporting.figures import ThemeName
from studies.reporting.lecture import LECTURE
from studies.reporting.lecture.clipping import (
    CRITIC,
    SHOWN_CLIP,
    Clipping,
    largest_gradients,
    layer_gradients,
    share_at,
)
from studies.reporting.lecture.divergences import SHOWN_THETA, Divergences, segment
from studies.reporting.lecture.energies import Energies, landscape, told_apart
from studies.reporting.lecture.margins import ENERGY, MARGIN, SHOWN_DISTANCES, Margins, costs
from studies.reporting.lecture.saturation import Saturation, best_line, optimal_logit, optimal_regression
from studies.reporting.lecture.slopes import FAKE, Slopes, slope_in_theory, slopes
from studies.reporting.lecture.trained_critics import trained_critics

call = command_line.call


@cache
def computed(name: str) -> Any:
    """The arrays that a picture of the lecture draws, computed once for all tests."""
    return LECTURE[name].compute()


# -- every picture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", LECTURE)
def test_every_picture_is_whole_and_legible(name: str, theme: ThemeName) -> None:
    drawn = LECTURE[name].draw(computed(name), theme)
    assert_legible(drawn, theme)
    assert drawn.name == name


@pytest.mark.parametrize("name", LECTURE)
def test_every_picture_has_a_claim_its_papers_and_finite_numbers(name: str) -> None:
    picture, numbers = LECTURE[name], computed(name).numbers
    assert picture.claim.endswith(".")
    assert picture.papers
    assert set(picture.papers) <= BIBTEX.keys()
    assert len(numbers) >= 3
    assert np.isfinite(list(numbers.values())).all()


# -- divergences -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def divergences() -> Divergences:
    return computed("divergences")


def test_jensen_shannon_is_log_2_at_every_theta_but_0(divergences: Divergences) -> None:
    expected = np.where(divergences.theta == 0, 0, np.log(2))
    np.testing.assert_allclose(divergences.jensen_shannon, expected, rtol=1e-12)
    assert (divergences.theta == 0).sum() == 1


def test_the_earth_movers_distance_is_the_distance_of_the_segments(divergences: Divergences) -> None:
    np.testing.assert_allclose(divergences.wasserstein_1, np.abs(divergences.theta), atol=1e-9)


def test_the_plan_moves_every_point_straight_across(divergences: Divergences) -> None:
    plan = divergences.plan
    heights = divergences.real[plan.real, 1], divergences.fake[plan.fake, 1]
    np.testing.assert_allclose(*heights, atol=1e-12)
    np.testing.assert_allclose(plan.distance, SHOWN_THETA, rtol=1e-9)
    np.testing.assert_allclose(plan.mass, 1 / len(divergences.real))


def test_the_points_at_0_are_those_of_the_data_segments() -> None:
    points, data = segment(0.0, 500), Segments().load().test[:500].astype(float)
    assert (points[:, 0] == 0).all()
    assert wasserstein_1(points, data) < 2 / 500**0.5


# -- clipping ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clipping() -> Clipping:
    return computed("clipping")


def dirac_slopes(*constraints: Any) -> np.ndarray:
    """Slopes of linear critics, trained against a fake at 2 with the real sample at 0."""
    networks = NetworkPair(generator=DiracGenerator(theta=FAKE), critic=DiracCritic())
    trainer = trained_critics(
        constraints, objective=Wasserstein(), networks=networks, data=Dirac().load(), steps=200, lr=0.05
    )
    return trainer.critic.flat[:, 0].numpy()


def test_the_weight_of_a_linear_critic_ends_at_the_clip_value() -> None:
    clips = [0.01, 0.1, 1.5]
    found = dirac_slopes(*(WeightClipping(clip_value=value) for value in clips))
    np.testing.assert_array_equal(found, -np.array(clips, np.float32))


def test_most_weights_are_at_the_clip_value_and_none_beyond(clipping: Clipping) -> None:
    for one in clipping.critics.values():
        if one.clip_value is not None:
            assert np.abs(one.weights).max() <= np.float32(one.clip_value)
            assert one.clipped_share > 0.5
    shown = clipping.critics[f"clip_value {SHOWN_CLIP:g}"]
    assert shown.clipped_share > 50 * share_at(clipping.initial, SHOWN_CLIP)


def test_the_gradient_penalty_piles_up_no_weights(clipping: Clipping) -> None:
    penalised = clipping.critics["gradient penalty"]
    shares, _ = np.histogram(penalised.weights, bins=41, range=(-0.4, 0.4))
    assert shares.max() / len(penalised.weights) < 0.1


def all_at(value: float, critic: MLPCritic, dim: int) -> dict[str, torch.Tensor]:
    widths = [dim, *[critic.width] * critic.depth, 1]
    parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        parameters[f"{layer}.weight"] = torch.full((1, inputs, outputs), value, dtype=torch.float64)
        parameters[f"{layer}.bias"] = torch.zeros((1, 1, outputs), dtype=torch.float64)
    return parameters


def test_a_critic_with_all_weights_at_the_clip_value_has_the_largest_gradients() -> None:
    critic = MLPCritic(width=5, depth=3)
    positive = torch.rand((1, 7, 2), dtype=torch.float64) + 0.1
    found = layer_gradients(all_at(0.3, critic, 2), positive, critic.depth)
    np.testing.assert_allclose(found[0].numpy(), largest_gradients(0.3, critic, 2), rtol=1e-12)


def test_no_critic_within_the_clip_value_has_larger_gradients(clipping: Clipping) -> None:
    for one in clipping.critics.values():
        if one.clip_value is not None:
            assert (one.gradients <= largest_gradients(one.clip_value, CRITIC, 2) * (1 + 1e-5)).all()  # in float32


def test_the_gradient_at_the_input_is_the_critics_own() -> None:
    critic, shape = MLPCritic(width=6, depth=2), SampleShape(shape=(2,), bounded=False)
    drawn = critic.initial(shape, torch.Generator().manual_seed(1))
    parameters = {name: value[None] for name, value in drawn.items()}
    points = torch.randn((1, 9, 2), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    norms = torch.linalg.vector_norm(critic.gradient(parameters, points, shape), dim=-1)
    torch.testing.assert_close(layer_gradients(parameters, points, critic.depth)[0, 0], norms.mean())


# -- slopes ------------------------------------------------------------------------------------------------------------


def test_a_linear_critic_has_the_slope_of_theory_under_each_penalty_weight() -> None:
    weights = [1.0, 10.0, 100.0]
    found = dirac_slopes(*(GradientPenalty(gp_weight=weight) for weight in weights))
    np.testing.assert_allclose(found, [-2.0, -1.1, -1.01], atol=5e-3)  # -(1 + 2 / (2 gp_weight))


def test_linear_critics_of_the_picture_have_the_slopes_of_theory() -> None:
    shown = slopes(DiracCritic(), steps=200, lr=0.05)
    for name, curve in shown.curves.items():
        np.testing.assert_allclose(shown.between(name), curve.theory, atol=5e-3)
        np.testing.assert_allclose(curve.value, -curve.theory * shown.x, atol=0.02)


def test_the_slope_of_theory_minimises_the_penalised_loss() -> None:
    weight, distance = 3.0, 1.7
    candidates = np.linspace(0, 3, 30_001)
    losses = -distance * candidates + weight * (candidates - 1) ** 2
    best = slope_in_theory(GradientPenalty(gp_weight=weight), distance, DiracCritic())
    np.testing.assert_allclose(candidates[losses.argmin()], best, atol=1e-4)


def test_deep_critics_have_the_slopes_of_theory_or_less() -> None:
    shown: Slopes = computed("slopes")
    penalty, spectral, *clipped = shown.curves.values()
    np.testing.assert_allclose(shown.between(penalty.name), penalty.theory, rtol=0.05)
    assert spectral.slope.max() <= 1 + 1e-3
    assert shown.between(spectral.name).mean() > 0.7
    for curve in clipped:
        assert curve.slope.max() <= curve.theory * (1 + 1e-5)
        assert shown.between(curve.name).mean() > 0.2 * curve.theory


# -- saturation --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saturation() -> Saturation:
    return computed("saturation")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_gradients_over_the_score_are_those_of_the_formulas(saturation: Saturation) -> None:
    s = saturation.score
    expected = {
        "log(1 - D)": (np.log(1 - sigmoid(s)), sigmoid(s)),
        "-log D": (-np.log(sigmoid(s)), sigmoid(-s)),
        "LSGAN": ((s - 1) ** 2 / 2, np.abs(s - 1)),
        "Wasserstein": (-s, np.ones_like(s)),
    }
    assert saturation.pulls.keys() == expected.keys()
    for name, (loss, gradient) in expected.items():
        np.testing.assert_allclose(saturation.pulls[name].loss, loss, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(saturation.pulls[name].gradient, gradient, rtol=1e-9, atol=1e-12)


def test_pulls_on_a_far_fake_are_those_of_the_formulas(saturation: Saturation) -> None:
    d = saturation.distance
    real = sigmoid(-(d**2) / 2)  # probability that a sample at the mean of the fakes is real
    expected = {
        "log(1 - D)": d * real,
        "-log D": d * (1 - real),
        "LSGAN": d * real * (1 - real) ** 2,
        "Wasserstein": np.ones_like(d),
    }
    for name, pull in expected.items():
        # torch's softplus is linear above 20, with a relative error of its derivative of 2e-9
        np.testing.assert_allclose(saturation.pulls[name].pull, pull, rtol=1e-8)
    line = (d**2 + 2) / (d**2 + 4) * d / (4 + d**2)
    np.testing.assert_allclose(saturation.linear_critic, line, rtol=1e-9)


@pytest.mark.parametrize(
    ("objective", "critic", "direction"),
    [
        (Minimax(), optimal_logit, torch.sin),
        (LeastSquares(), optimal_regression, torch.cos),
        (LeastSquares(), best_line, lambda x: 1 + 2 * x),
    ],
)
def test_the_critics_of_the_picture_minimise_the_critics_loss(objective: Any, critic: Any, direction: Any) -> None:
    distance = torch.tensor(1.5, dtype=torch.float64)
    nodes, weights = (torch.from_numpy(values) for values in hermegauss(60))
    counts = weights / weights.sum() * len(weights)  # the objectives take means over the batch

    def loss(step: torch.Tensor) -> torch.Tensor:
        values = [critic(x[:, None], distance) + step * direction(x) for x in (nodes, nodes + distance)]
        real, fake = (CriticOutput(value=value[:, None], samples=value[:, None, None]) for value in values)
        return (objective.critic_loss(real, fake, {}) * counts).mean()

    step = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(step), step)
    assert abs(float(gradient)) < 1e-9
    at_0 = float(loss(torch.tensor(0.0)))
    assert all(float(loss(torch.tensor(moved))) > at_0 for moved in (-0.1, 0.1))


# -- energies ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def energies() -> Energies:
    return computed("energies")


def test_pre_training_lowers_the_energy_of_real_samples_alone(energies: Energies) -> None:
    shown = energies.landscape
    assert shown.on_real.mean() < 0.1 * shown.on_real_before.mean()
    assert shown.on_fake.mean() > 5 * shown.on_real.mean()
    assert told_apart(shown.on_real_before, shown.on_fake_before) < 0.5 < 0.8 < told_apart(shown.on_real, shown.on_fake)


def test_the_energy_away_from_a_line_is_that_of_the_way_back_to_it() -> None:
    """With real samples on the axis x = 0 the reconstruction lies on it: the mean squared error is at least x^2 / 2."""
    shown = landscape(Segments(train=1000, held_out=100).load())
    beside = (np.abs(shown.box.centers[:, 0]) > 0.3) & (np.abs(shown.box.centers[:, 1] - 0.5) < 0.5)
    bound = shown.box.centers[beside, 0] ** 2 / 2
    assert (shown.pretrained[beside] > 0.8 * bound).all()
    assert shown.on_real.mean() < 1e-3


def test_the_balance_steers_the_ratio_of_energies_to_gamma(energies: Energies) -> None:
    shown = energies.balance
    assert ((shown.k >= 0) & (shown.k <= 1)).all()
    assert (shown.k[:, -1] > 0).all()
    np.testing.assert_allclose(shown.late_ratio, shown.ratio_in_theory, atol=0.05)
    np.testing.assert_allclose(shown.late_ratio, shown.gamma, atol=0.12)


# -- margins -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def margins() -> Margins:
    return computed("margins")


def test_the_loss_of_a_fake_is_the_missing_part_of_its_margin(margins: Margins) -> None:
    assert tuple(margins.cost) == SHOWN_DISTANCES
    for distance, cost in margins.cost.items():
        np.testing.assert_allclose(cost, np.maximum(0, MARGIN * distance - margins.gap), atol=1e-12)


def test_near_fakes_are_left_alone_by_the_loss_sensitive_gan_only(margins: Margins) -> None:
    away = margins.distance != ENERGY / MARGIN
    expected = margins.distance > ENERGY / MARGIN
    np.testing.assert_array_equal(margins.push["loss-sensitive"][away], expected[away].astype(float))
    np.testing.assert_array_equal(margins.push["EBGAN"], 1.0)


def test_a_critic_with_the_energy_margin_times_distance_costs_nothing() -> None:
    distance = torch.linspace(0, 1, 50, dtype=torch.float64)
    assert (costs(LossSensitive(margin=2.0), 2 * distance, distance) <= 1e-12).all()
    assert (costs(EnergyMargin(margin=2.0), torch.full_like(distance, 2.0), distance) == 0).all()


def test_the_energy_of_a_fake_is_the_margin_times_its_distance_or_with_ebgan_above_the_margin(margins: Margins) -> None:
    np.testing.assert_allclose(margins.energy["loss-sensitive"], MARGIN * margins.distance, atol=0.1 * MARGIN)
    far = margins.distance >= SHOWN_DISTANCES[0]
    assert (margins.energy["EBGAN"][far] > MARGIN).all()


# -- the page ----------------------------------------------------------------------------------------------------------

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", LECTURE)
def test_the_page_has_the_claim_the_command_and_the_picture(name: str) -> None:
    page = (DOCS / "lecture.md").read_text(encoding="utf-8")
    assert f"**{LECTURE[name].claim}**" in " ".join(page.split())
    assert f"\n    gan-study lecture {name}\n" in page
    assert f"](lecture/{name}.png)" in page
    assert (DOCS / "lecture" / f"{name}.png").stat().st_size < 100_000


# -- the command -------------------------------------------------------------------------------------------------------


def test_one_picture_is_drawn_and_described_as_json(call: Call, tmp_path: Path) -> None:
    answer = call("lecture", "saturation", "--json", "--output", tmp_path / "drawn", "--theme", "dark")
    assert (answer.code, answer.err) == (0, "")
    (table,) = json.loads(answer.out)
    assert table["name"] == "saturation"
    assert table["papers"] == list(LECTURE["saturation"].papers)
    assert table["numbers"]["Wasserstein, pull at distance 10"] == 1
    with Image.open(table["file"]) as image:
        assert image.convert("RGB").getpixel((1, 1)) == (0x15, 0x18, 0x1D)


def test_a_picture_is_written_beside_its_claim_and_its_numbers(call: Call, tmp_path: Path) -> None:
    answer = call("lecture", "divergences")
    assert (answer.code, answer.err) == (0, "")
    assert LECTURE["divergences"].claim in answer.out
    assert "lecture/divergences.png: Jensen-Shannon divergence 0.6931 nats" in answer.out
    assert [path.name for path in (tmp_path / "lecture").iterdir()] == ["divergences.png"]


def test_an_unknown_picture_is_refused_with_the_nearest_name(call: Call) -> None:
    answer = call("lecture", "slops")
    assert_refused(answer, "lecture: must be one of divergences, clipping, ")
    assert answer.err.endswith('but is "slops"; did you mean slopes?\n')


def test_a_file_in_place_of_the_folder_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    answer = call("lecture", "divergences", "--output", "taken")
    assert_refused(answer, "--output: must be a folder, but taken is a file")
