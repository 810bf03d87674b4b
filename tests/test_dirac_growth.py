"""Growth of the Dirac pair over a map: measured through the ordinary path, and the matrix of theory."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible, words_of
from tiny import run_without_ray

import studies.reporting.figures as figures
from gan_core.constraints import GradientPenalty, WeightClipping
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair
from gan_core.training import SGD, Adam, Training
from studies.analysis.comparison import Comparison
from studies.analysis.dirac_growth import LinearGame, border_weights, linear_game, measured_growth
from studies.design import cell_order
from studies.file.condition import Setting
from studies.file.study import Study
from studies.locate import results

SIDE = 3


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The shipped study at a lower resolution."""
    root = tmp_path_factory.mktemp("dirac-map")
    overrides = [f"ledger.root={root}", f"search.explore.map.resolution={SIDE}"]
    study = Study.load("dirac-map", overrides=overrides)
    run_without_ray(study)
    return Comparison(results(study.name, root=str(root)))


# --- the map that ships


@pytest.mark.parametrize("condition", ["wgan-simultaneous", "wgan-critic-first"])
def test_every_cell_grows_as_the_power_of_its_matrix(compared: Comparison, condition: str) -> None:
    study = compared.results.study
    growth = measured_growth(compared.results, condition)
    assert growth is not None
    configurations = [trial.configuration for trial in compared.results.specs if trial.condition == condition]
    assert len(configurations) == SIDE**2
    steps = study.budget.steps
    for cell, configuration in zip(cell_order((SIDE, SIDE)), configurations, strict=True):
        game = linear_game(study.condition(condition).setting(configuration))
        assert game is not None
        start = np.array([1.0, -1.0])  # theta and psi of the study
        end = np.linalg.matrix_power(game.matrix, steps) @ start
        distance_ratio = np.linalg.norm(end) / np.linalg.norm(start)
        assert growth[cell] ** steps / distance_ratio == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("condition", ["gan-simultaneous", "gan-critic-first"])
def test_logistic_cells_on_either_side_of_the_border_shrink_or_grow(compared: Comparison, condition: str) -> None:
    growth, sides = measured_growth(compared.results, condition), []
    assert growth is not None
    for trial in compared.results.specs:
        if trial.condition == condition:
            border = border_weights(compared.results.study.condition(condition), trial.configuration)
            weight = float(trial.configuration["constraint.gp_weight"])
            converges = border is not None and border[0] < weight < border[1]
            sides.append((converges, growth[cell_order((SIDE, SIDE))[trial.index]]))
    assert {converges for converges, _ in sides} == {True, False}
    for converges, measured in sides:
        assert (measured < 1) == converges


def test_the_growth_map_is_legible_and_has_the_border(compared: Comparison) -> None:
    for theme in ("light", "dark"):
        assert_legible(figures.growth_map(compared.results, compared.maps, theme), theme)
    drawn = figures.growth_map(compared.results, compared.maps)
    assert drawn is not None
    assert "border in theory" in words_of(drawn)
    panel = drawn.figure.axes[0]  # simultaneous steps, a = 1: gp_weight from h/2 to 1/h + h/4
    low, high = (np.stack([line.get_xdata(), line.get_ydata()], axis=1) for line in panel.lines[:2])
    assert low[:, 0] == pytest.approx(low[:, 1] / 2, rel=1e-12)
    assert high[:, 0] == pytest.approx(1 / high[:, 1] + high[:, 1] / 4, rel=1e-12)


def test_the_maps_written_for_the_pair_are_outcomes_and_growth(compared: Comparison, tmp_path: Path) -> None:
    names = [path.name for path in figures.write_maps(compared, tmp_path)]
    assert names == ["stability-map.png", "growth-map.png"]


# --- theory


@pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_the_matrix_is_that_of_theory_at_equal_learning_rates(order: str, slope: float) -> None:
    game = LinearGame(slope=slope, gamma=0.7, critic_lr=0.3, generator_lr=0.3, update_order=order)
    a, own = 0.3 * slope, 1 - 0.3 * 0.7  # a critic step multiplies psi by `own`
    expected = {
        "critic_first": [[1 - a**2, a * own], [-a, own]],
        "alternating": [[1, a], [-a, own - a**2]],
        "simultaneous": [[1, a], [-a, own]],
    }
    assert game.matrix == pytest.approx(np.array(expected[order]), rel=1e-14)


@pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])
@pytest.mark.parametrize(("critic_lr", "generator_lr"), [(0.3, 0.3), (1.1, 0.2), (0.1, 1.6)])
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_eigenvalues_cross_one_at_the_border(order: str, critic_lr: float, generator_lr: float, slope: float) -> None:
    def radius(gamma: float) -> float:
        rates = {"critic_lr": critic_lr, "generator_lr": generator_lr}
        matrix = LinearGame(slope=slope, gamma=gamma, update_order=order, **rates).matrix
        return float(np.abs(np.linalg.eigvals(matrix)).max())

    low, high = LinearGame(
        slope=slope, gamma=1.0, critic_lr=critic_lr, generator_lr=generator_lr, update_order=order
    ).border
    assert low < high
    margin = 1e-6 * (high - low)
    for inside, outside in ((low + margin, low - margin), (high - margin, high + margin)):
        assert radius(inside) < 1 < radius(outside)
    for gamma in np.linspace(low, high, 40)[1:-1]:
        assert radius(gamma) < 1


def test_the_border_is_that_of_equal_learning_rates() -> None:
    """Simultaneous: h a^2 < g < 2/h + h a^2/2; critic first: 0 < g < 2/h - h a^2/2; here h = .4 and a = .5."""
    simultaneous, first = (
        LinearGame(slope=0.5, gamma=1.0, critic_lr=0.4, generator_lr=0.4, update_order=order).border
        for order in ("simultaneous", "critic_first")
    )
    assert simultaneous == pytest.approx((0.1, 5.05))
    assert first == pytest.approx((0.0, 4.95))


def setting(study: Study, **changes: object) -> Setting:
    given = next(study.condition("wgan-simultaneous").extreme_settings())
    parts = {name: getattr(given, name) for name in ("objective", "constraint", "networks", "training")}
    return Setting(**{**parts, **changes})


def test_a_penalty_on_both_sides_counts_twice(compared: Comparison) -> None:
    both = GradientPenalty(location="real_and_fake", target=0, gp_weight=0.3)
    game = linear_game(setting(compared.results.study, constraint=both))
    assert game is not None
    assert game.gamma == pytest.approx(1.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"networks": NetworkPair(generator=MLPGenerator(), critic=MLPCritic())},
        {"constraint": WeightClipping()},
        {"constraint": GradientPenalty(target=1)},
        {"training": Training(critic_optimizer=Adam(), generator_optimizer=SGD(lr=0.1))},
        {"training": Training(critic_optimizer=SGD(lr=0.1, momentum=0.5), generator_optimizer=SGD(lr=0.1))},
        {"training": Training(n_critic=5, critic_optimizer=SGD(lr=0.1), generator_optimizer=SGD(lr=0.1))},
    ],
)
def test_other_settings_have_no_matrix(compared: Comparison, changes: dict[str, object]) -> None:
    assert linear_game(setting(compared.results.study, **changes)) is None
