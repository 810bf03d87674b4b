"""Stability maps in a study file: axes, values of the cells, and what is refused."""

from pathlib import Path

import pytest
from mapped import GENERATOR_TOO, LEARNING_RATE, MAP, TIED, load

from studies.errors import InputError
from studies.file.map_axes import map_axes
from studies.file.study import Study, fixed_part


def test_cells_lie_at_equally_spaced_quantiles(tmp_path: Path) -> None:
    study = load(tmp_path)
    x, y = map_axes(study.search, study.conditions[0])
    assert x.paths == ("constraint.gp_weight",)
    assert x.values == pytest.approx([1e-1, 1e1, 1e3], rel=1e-12)
    assert x.edges == pytest.approx([1e-2, 1e0, 1e2, 1e4], rel=1e-12)
    assert y.values == pytest.approx([10**-3.5, 10**-2.5, 10**-1.5, 10**-0.5], rel=1e-12)


def test_a_condition_may_name_its_own_axis_and_keeps_the_other(tmp_path: Path) -> None:
    study = load(tmp_path)
    x, y = map_axes(study.search, study.conditions[1])
    assert (x.name, x.paths, y.name, y.paths) == ("x", ("constraint.clip_value",), "y", (LEARNING_RATE,))


@pytest.mark.parametrize(("value", "cell"), [(0.05, 0), (1.001, 1), (5000, 2), (1e-9, 0), (1e9, 2)])
def test_a_value_lies_in_the_cell_between_whose_borders_it_is(tmp_path: Path, value: float, cell: int) -> None:
    study = load(tmp_path)
    assert map_axes(study.search, study.conditions[0])[0].cell_of(value) == cell


def test_a_study_without_a_map_has_no_axes(tmp_path: Path) -> None:
    study = load(tmp_path, "search.explore=4", text=MAP.replace('map.x = "constraint.clip_value"', ""))
    assert map_axes(study.search, study.conditions[0]) == ()
    assert study.search.explore_trials == 4


def test_one_axis_has_as_many_trials_as_cells(tmp_path: Path) -> None:
    one = MAP.replace(f', y = "{LEARNING_RATE}", resolution = [3, 4]', ", resolution = 7")
    study = load(tmp_path, "training.critic_optimizer.lr=0.01", text=one)
    (axis,) = map_axes(study.search, study.conditions[0])
    assert axis.cells == study.search.explore_trials == 7


def test_the_resolved_study_is_read_back_and_a_smaller_map_is_made_for_a_smoke_run(tmp_path: Path) -> None:
    study = load(tmp_path)
    assert Study.from_table(study.table()) == study
    assert Study.from_record(study.table(), {}).conditions[1].map == study.conditions[1].map
    assert study.search.explore_trials == 12
    assert load(tmp_path, smoke=True).search.explore_trials == 4


def test_a_study_keeps_its_map_as_long_as_it_keeps_its_name(tmp_path: Path) -> None:
    fixed = [fixed_part(load(tmp_path, *overrides).table()) for overrides in ([], ["search.explore.map.resolution=4"])]
    assert fixed[0] != fixed[1]


def test_hyperparameters_of_one_axis_have_equal_ranges_and_the_same_value(tmp_path: Path) -> None:
    study = load(tmp_path, TIED, GENERATOR_TOO)
    assert map_axes(study.search, study.conditions[0])[1].paths == (LEARNING_RATE, "training.generator_optimizer.lr")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ['search.explore.map.x="constraint.gp_weigth"'],
            "search.explore.map.x: must name a hyperparameter with a range in every condition that has this axis, but "
            'is "constraint.gp_weigth", and conditions.wgan-gp searches constraint.gp_weight, '
            "training.critic_optimizer.lr; did you mean constraint.gp_weight?",
        ),
        (
            ["conditions.clipped.training.critic_optimizer.lr=0.1"],
            "search.explore.map.y: must name a hyperparameter with a range in every condition that has this axis, but "
            'is "training.critic_optimizer.lr", and conditions.clipped searches constraint.clip_value',
        ),
        (
            ["training.n_critic={choice=[1,5]}", 'search.explore.map.y="training.n_critic"'],
            "search.explore.map.y: must name a hyperparameter with a range, as uniform and log_uniform are, but "
            "conditions.wgan-gp.training.n_critic is {choice = [1, 5]}",
        ),
        (
            ["training.n_critic={grid=[1,5]}", 'search.explore.map.y="training.n_critic"'],
            "search.explore.map.y: must name a hyperparameter with a range, as uniform and log_uniform are, but "
            "conditions.wgan-gp.training.n_critic is {grid = [1, 5]}",
        ),
        (
            [
                "training.n_critic={choice=[1,5]}",
                "conditions.wgan-gp.constraint.gp_weight={uniform=[0,1],when={'training.n_critic'=5},otherwise=0.5}",
            ],
            "search.explore.map.x: must name a hyperparameter that is searched in every cell, but "
            "conditions.wgan-gp.constraint.gp_weight has a table when",
        ),
        (
            ["training.n_critic={int_uniform=[1,5]}", 'search.explore.map.y="training.n_critic"'],
            "search.explore.map.y: must name a number that changes neither shapes nor the order of steps, but is "
            '"training.n_critic"',
        ),
        (
            ["networks.critic.width={int_uniform=[4,99]}", 'search.explore.map.y="networks.critic.width"'],
            "search.explore.map.y: must name a number that changes neither shapes nor the order of steps, but is "
            '"networks.critic.width"',
        ),
        (
            [
                'search.explore.map.y="training.critic_optimizer.schedule.steps"',
                "training.critic_optimizer.schedule={kind='linear',steps={int_uniform=[1,3]}}",
            ],
            "search.explore.map.resolution: must be <= 3, the number of values of "
            "training.critic_optimizer.schedule.steps in conditions.wgan-gp, but is 4",
        ),
        (
            ["training.critic_optimizer.betas=[{uniform=[0,0.5]},0.9]"],
            "conditions.wgan-gp.training.critic_optimizer.betas.0: must be fixed: a stability map searches the "
            "hyperparameters of its axes alone, but is {uniform = [0.0, 0.5]}",
        ),
        (
            [f'conditions.clipped.map.x="{LEARNING_RATE}"'],
            "search.explore.map.y: must name hyperparameters that no axis names already, but is "
            '"training.critic_optimizer.lr"',
        ),
        (["search.explore.map.resolution=1"], "search.explore.map.resolution: must be >= 2, but is 1"),
        (["search.explore.map.resolution=[3,1]"], "search.explore.map.resolution.1: must be >= 2, but is 1"),
        (
            ["search.explore.map.resolution=[3]"],
            "search.explore.map.resolution: must be a list of 2 values, but is [3]",
        ),
        (["search.explore.map.x=[]"], "search.explore.map.x: must name a hyperparameter, but is empty"),
        (["search.explore.map.x=3"], "search.explore.map.x: must be text, but is 3"),
        (["search.explore.map.z=3"], "search.explore.map.z: unknown key; known keys are x, y, resolution"),
        (
            ["search.explore=3"],
            "conditions.clipped.map: must be left out unless search.explore is a map, as in search.explore = {map = "
            "{x = ...}}",
        ),
        (
            [TIED, "training.generator_optimizer.lr={log_uniform=[1e-4,0.5]}"],
            "search.explore.map.y: must name hyperparameters with equal ranges; training.critic_optimizer.lr is "
            "{log_uniform = [0.0001, 1.0]}, but training.generator_optimizer.lr is {log_uniform = [0.0001, 0.5]}",
        ),
        (
            [TIED, GENERATOR_TOO, "search.exploit.trials=2"],
            "search.exploit.trials: must be 0, since search.explore.map.y gives training.critic_optimizer.lr and "
            "training.generator_optimizer.lr the same value, but is 2",
        ),
        (
            ["search.explore.map.resolution=900"],
            "search.explore: must be <= 500000, since a phase has 1000000 seeds, 2 for each trial, but is 810000",
        ),
    ],
)
def test_a_wrong_map_is_refused_in_one_sentence_with_its_path(
    tmp_path: Path, overrides: list[str], sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, *overrides)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (", resolution = [3, 4]", "search.explore.map.resolution: must be one integer for one axis, but is [3, 4]"),
        (
            ", resolution = 3",
            "conditions.clipped.map.y: must be left out, since search.explore.map has one axis",
        ),
    ],
)
def test_one_axis_has_one_resolution_and_no_second_name(tmp_path: Path, change: str, sentence: str) -> None:
    text = MAP.replace(f', y = "{LEARNING_RATE}", resolution = [3, 4]', change)
    with pytest.raises(InputError) as refused:
        load(tmp_path, "training.critic_optimizer.lr=0.1", f'conditions.clipped.map.y="{LEARNING_RATE}"', text=text)
    assert str(refused.value) == sentence


def test_an_integer_that_packs_may_differ_in_can_be_an_axis(tmp_path: Path) -> None:
    study = load(
        tmp_path,
        'search.explore.map.y="training.critic_optimizer.schedule.steps"',
        "training.critic_optimizer={kind='adam',lr=0.1,schedule={kind='linear',steps={int_uniform=[1,40]}}}",
    )
    assert map_axes(study.search, study.conditions[0])[1].values == [6, 16, 26, 36]
