"""The table of importances of a condition's hyperparameters, its sentences and its figure."""

from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from drawn import assert_legible, markers_of
from simulated import RISING, explore_trials, simulate

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.importances import FEWEST_DRAWS, IMPORTANCES, importances
from studies.file.distributions import Choice, Distribution, LogUniform, Uniform, When
from studies.reporting.figures import importances as importance_figure
from studies.reporting.text.most_important import MostImportant, importance_findings

LAWS: dict[str, Distribution] = {"rate": LogUniform(1e-5, 1e-2), "margin": Uniform(0.0, 1.0), "steps": Choice((1, 5))}
CLIP, LR = "constraint.clip_value", "training.critic_optimizer.lr"


def drawn(count: int, condition: str = "wgan") -> ExploreTrials:
    """Random configurations whose score depends on the rate alone."""
    random = np.random.default_rng(3)
    rates, margins = 10 ** random.uniform(-5, -2, count), random.random(count)
    steps = random.choice([1, 5], count)
    scores = 1 - 0.2 * np.abs(np.log10(rates) + 4)
    return explore_trials(
        np.zeros(count), LAWS, condition=condition, scores=scores, rate=rates, margin=margins, steps=steps
    )


def test_the_most_important_comes_first_and_shares_add_up_to_1() -> None:
    table = importances([drawn(64), drawn(32, "gan")], seed=0)
    assert table.dtypes.astype(str).to_dict() == IMPORTANCES
    assert table["condition"].tolist() == ["wgan"] * 3 + ["gan"] * 3
    for _, rows in table.groupby("condition"):
        assert rows["hyperparameter"].iloc[0] == "rate"
        assert rows["importance"].is_monotonic_decreasing
        assert rows["importance"].sum() == pytest.approx(1)
    assert table["trials"].tolist() == [64] * 3 + [32] * 3
    assert table.loc[0, "low"] > table.loc[1:2, "high"].max()


def test_a_conditional_hyperparameter_counts_the_configurations_that_search_it() -> None:
    trials = drawn(40)
    laws: dict[str, Distribution] = {
        **LAWS,
        "margin": Uniform(0.0, 1.0, when=When(parents=(("steps", (5,)),), otherwise=0.5)),
    }
    configurations = [
        {path: value for path, value in configuration.items() if path != "margin" or configuration["steps"] == 5}
        for configuration in trials.configurations
    ]
    conditional = ExploreTrials(**{**vars(trials), "hyperparameters": laws, "configurations": configurations})
    table = importances([conditional], seed=0).set_index("hyperparameter")
    assert table.loc["margin", "trials"] == sum("margin" in configuration for configuration in configurations) < 40
    assert table.loc["rate", "trials"] == 40


def test_conditions_without_a_choice_draws_or_different_scores_have_no_rows() -> None:
    alone = explore_trials(np.zeros(40), {"margin": LAWS["margin"]}, margin=np.linspace(0, 1, 40), scores=np.arange(40))
    equal = ExploreTrials(**{**vars(drawn(40)), "scores": np.zeros(40)})
    table = importances([alone, equal, drawn(FEWEST_DRAWS - 1), drawn(FEWEST_DRAWS, "enough")], seed=0)
    assert set(table["condition"]) == {"enough"}


def test_thousands_of_draws_take_less_than_a_second() -> None:
    trials = drawn(4000)
    importances([drawn(64)], seed=0)  # imports
    start = monotonic()
    importances([trials], seed=0)
    assert monotonic() - start < 2  # a third of a second on an idle core


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The critic's learning rate alone decides; gan searches nothing else."""

    def progress_of(trial, seed):
        return (*RISING, 0.95 - 0.1 * abs(np.log10(trial.configuration[LR] / 1e-3)))

    folder = tmp_path_factory.mktemp("importances")
    return Comparison(simulate(folder, progress_of, "search.explore=64", "search.confirm.best=0"))


def test_the_table_of_a_study_has_the_conditions_with_two_hyperparameters(compared: Comparison) -> None:
    assert compared.importances["condition"].tolist() == ["wgan", "wgan"]
    assert compared.importances["hyperparameter"].tolist() == [LR, CLIP]


def test_a_hyperparameter_that_is_clear_of_the_others_is_named_with_its_interval(compared: Comparison) -> None:
    first, second = (row for _, row in compared.importances.iterrows())
    assert list(importance_findings(compared)) == [
        MostImportant(
            condition="wgan",
            hyperparameter=compared.results.study.short_names[LR],
            importance=first["importance"],
            interval=(first["low"], first["high"]),
            highest_other=second["high"],
        )
    ]


def test_nothing_is_said_where_intervals_overlap(tmp_path: Path) -> None:
    compared = Comparison(
        simulate(tmp_path, lambda trial, seed: (*RISING, 0.9 + 0.001 * (seed % 50)), "search.explore=24")
    )
    assert len(compared.importances) == 2
    assert list(importance_findings(compared)) == []


def test_the_figure_has_a_row_for_each_hyperparameter(compared: Comparison) -> None:
    names = compared.results.study.short_names
    drawn_figure = importance_figure(compared.importances, "wgan", names)
    assert drawn_figure is not None
    assert drawn_figure.name == "importance-wgan"
    assert len(markers_of(drawn_figure.figure.axes[0], "o")) == 2
    assert_legible(drawn_figure, "light")
    assert importance_figure(compared.importances, "gan", names) is None
