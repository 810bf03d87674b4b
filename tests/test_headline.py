"""The first findings of the answer: their subject follows from the kind of study, their content from the numbers."""

from typing import Any

import numpy as np
import pytest
from simulated import RISING, STUDY, simulate
from stated import about, every, kinds, stated

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance
from studies.reporting.text.answer import BudgetOfEach, SmallestDistance, answer
from studies.reporting.text.constraint_effect import ConstraintEffect
from studies.reporting.text.failures import ShortBudget
from studies.reporting.text.finding import Part
from studies.reporting.text.headline import (
    AllSettingsFailed,
    ConfirmedSoFar,
    FirstIsAhead,
    FirstUndecided,
    FirstUndecidedAgainst,
    NoWorkingSetting,
    SeedsTendCloser,
)
from studies.reporting.text.initial_divergences import InitialDivergences
from studies.reporting.text.listed_values import (
    ConfirmedValue,
    ListedValues,
    NoValueOfConditionsWorks,
    NoValueWorks,
    OutcomesAt,
    ValuesOfConditions,
    ValueThatWorks,
)
from studies.reporting.text.mode_coverage import CoverageInterval, CoversAllModes, NoneCoversAllModes

# progress of a member: the outcome follows from it
STALLED, DIVERGED, CLOSE, FARTHER = (0, 0.01), (0, -0.2), (*RISING, 0.96), (*RISING, 0.7, 0.76)
HEAD = STUDY[: STUDY.index("[[conditions]]")].replace("{log_uniform = [1e-5, 1e-2]}", "1e-3")
CLIP = '[[conditions]]\nname = "wgan"\npreset = "wgan"\ntraining.n_critic = 2\n'
VALUES = "constraint.clip_value = {grid = [0.001, 0.01, 0.03, 0.1, 1.0]}\n"
FIVE = "search.explore=5"


def condition(name, objective, constraint="none"):
    weight = ", gp_weight = 1.0" if constraint == "gradient_penalty" else ""
    return (
        f'[[conditions]]\nname = "{name}"\nobjective = {{kind = "{objective}"}}\n'
        f'constraint = {{kind = "{constraint}"{weight}}}\n'
    )


def by_clip_value(*progress, confirm=CLOSE):
    """The progress of a member at each of the listed clip values, and another one in confirm."""
    by_value = dict(zip((0.001, 0.01, 0.03, 0.1, 1.0), progress, strict=True))
    return lambda trial, seed: confirm if trial.phase == "confirm" else by_value[trial.configuration[CLIP_VALUE]]


CLIP_VALUE = "constraint.clip_value"


def findings(folder, progress_of, *overrides, **options):
    folder.mkdir(exist_ok=True)
    found: list[Any] = list(answer(Comparison(simulate(folder, progress_of, *overrides, **options))))
    return found


# --- listed values of the only condition


ALL_VALUES = (0.001, 0.01, 0.03, 0.1, 1.0)


def test_the_values_that_work_are_listed_with_the_outcomes_at_the_others(tmp_path):
    progress = by_clip_value(STALLED, CLOSE, CLOSE, DIVERGED, DIVERGED)
    first = findings(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)[0]
    assert isinstance(first, ValueThatWorks)
    assert (first.condition, first.goal, format_distance(first.tau)) == ("wgan", "the real data", "0.250")
    assert first.listed == ListedValues("clip_value", every=ALL_VALUES, works=(0.01, 0.03))
    assert first.confirmed == ConfirmedValue(0.01, failed=None)
    assert first.outcomes == (
        OutcomesAt(("stalled",), "smaller", (0.001,)),
        OutcomesAt(("diverged",), "larger", (0.1, 1.0)),
    )
    assert first.closer is None


def test_equal_outcomes_on_both_sides_are_one_and_values_between_working_ones_are_named(tmp_path):
    progress = by_clip_value(DIVERGED, DIVERGED, CLOSE, DIVERGED, DIVERGED)
    both = stated(findings(tmp_path / "both", progress, FIVE, text=HEAD + CLIP + VALUES), ValueThatWorks)
    assert (both.listed.works, both.confirmed) == ((0.03,), None)
    assert both.outcomes == (OutcomesAt(("diverged",), "smaller and larger", (0.001, 0.01, 0.1, 1.0)),)
    progress = by_clip_value(CLOSE, STALLED, CLOSE, CLOSE, CLOSE)
    between = stated(findings(tmp_path / "between", progress, FIVE, text=HEAD + CLIP + VALUES), ValueThatWorks)
    assert (between.listed.works, between.confirmed) == ((0.001, 0.03, 0.1, 1.0), ConfirmedValue(0.001, None))
    assert between.outcomes == (OutcomesAt(("stalled",), "between", (0.01,)),)


def test_if_no_value_works_the_outcomes_at_all_values_are_named(tmp_path):
    progress = by_clip_value(STALLED, DIVERGED, DIVERGED, DIVERGED, DIVERGED, confirm=DIVERGED)
    found = findings(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)
    assert kinds(found) == [NoValueWorks, AllSettingsFailed, BudgetOfEach]
    assert (found[0].listed.every, found[0].outcomes) == (ALL_VALUES, ("diverged", "stalled"))
    assert found[1].failed == (("wgan", Part(4, 4)),)


def test_if_every_value_works_those_that_end_closer_are_named(tmp_path):
    progress = by_clip_value(FARTHER, CLOSE, CLOSE, FARTHER, FARTHER)
    first = stated(findings(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES), ValueThatWorks)
    assert first.listed.works == ALL_VALUES
    assert (first.confirmed, first.outcomes) == (ConfirmedValue(0.01, None), ())
    assert first.closer == (about(0.1), (0.01, 0.03))


def test_a_value_that_works_in_explore_and_fails_on_fresh_seeds_is_not_called_best(tmp_path):
    progress = by_clip_value(DIVERGED, CLOSE, DIVERGED, DIVERGED, DIVERGED, confirm=DIVERGED)
    first, second, _ = findings(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)
    assert first.listed.works == (0.01,)
    assert first.confirmed == ConfirmedValue(0.01, failed=Part(4, 4))
    assert second == AllSettingsFailed(failed=(("wgan", Part(4, 4)),), every_seed=True)


def test_a_value_that_is_tried_twice_works_if_enough_of_all_its_seeds_do(tmp_path):
    def progress_of(trial, seed):
        fails = trial.phase == "confirm" or trial.index == 0  # 0.001 fails in trial 0, and ends close in trial 5
        return DIVERGED if fails else CLOSE

    found = findings(tmp_path, progress_of, "search.explore=10", text=HEAD + CLIP + VALUES)
    first = stated(found, ValueThatWorks)
    assert first.listed == ListedValues("clip_value", every=ALL_VALUES, works=(0.01, 0.03, 0.1, 1.0))
    assert first.confirmed == ConfirmedValue(0.01, failed=Part(4, 4))
    assert first.outcomes == (OutcomesAt(("diverged",), "smaller", (0.001,)),)


# --- listed values of several conditions


def with_n_critic(*conditions):
    return HEAD.replace("n_critic = 1", "n_critic = {grid = [1, 2, 5]}") + "".join(conditions)


def test_the_working_values_of_several_conditions_are_listed_by_condition(tmp_path):
    def progress_of(trial, seed):
        works = trial.configuration["training.n_critic"] <= (5 if trial.condition == "a" else 1)
        shift = 0.01 * (trial.condition == "a") + 1e-4 * (seed % 7)
        return (*RISING, 0.93 + shift) if works else DIVERGED

    text = with_n_critic(condition("a", "minimax"), condition("b", "least_squares"), condition("c", "hinge"))
    first, second, *_ = findings(tmp_path, progress_of, "search.confirm.seeds=8", text=text)
    assert isinstance(first, FirstIsAhead)
    assert (first.first, set(first.behind), first.others, first.no_distance) == ("a", {"b", "c"}, 2, False)
    assert first.p.value < 0.05
    assert isinstance(second, ValuesOfConditions)
    assert second.common == ListedValues("n_critic", every=(1, 2, 5), works=(1, 2, 5))
    assert second.tau == about(0.1)
    assert second.conditions == (
        (second.common, ConfirmedValue(5, None), ("a",)),
        (ListedValues("n_critic", every=(1, 2, 5), works=(1,)), None, ("b", "c")),
    )


def test_values_of_different_hyperparameters_are_listed_with_their_names(tmp_path):
    def progress_of(trial, seed):
        (value,) = trial.configuration.values()
        return CLOSE if value in (0.03, 1.0, 10.0) else DIVERGED

    penalty = condition("penalty", "wasserstein", "gradient_penalty").replace("1.0", "{grid = [0.1, 1.0, 10.0]}")
    clip = CLIP + "constraint.clip_value = {grid = [0.01, 0.03]}\n"
    found = stated(findings(tmp_path, progress_of, "search.explore=6", text=HEAD + clip + penalty), ValuesOfConditions)
    assert found.common is None
    assert found.conditions == (
        (ListedValues("gp_weight", (0.1, 1.0, 10.0), (1.0, 10.0)), ConfirmedValue(1.0, None), ("penalty",)),
        (ListedValues("clip_value", (0.01, 0.03), (0.03,)), None, ("wgan",)),
    )


def test_if_no_value_of_any_condition_works_the_outcomes_are_named(tmp_path):
    def progress_of(trial, seed):
        return STALLED if trial.condition == "a" else DIVERGED

    text = with_n_critic(condition("a", "minimax"), condition("b", "least_squares"))
    first, second, *_ = findings(tmp_path, progress_of, text=text)
    assert first == AllSettingsFailed(failed=(("a", Part(4, 4)), ("b", Part(4, 4))), every_seed=True)
    assert isinstance(second, NoValueOfConditionsWorks)
    assert second.common == ListedValues("n_critic", every=(1, 2, 5), works=())
    assert second.outcomes == ((("stalled",), "a"), (("diverged",), "b"))


# --- pairs


def test_what_is_decided_about_the_first_of_the_ranking_is_said_apart_from_what_is_not(tmp_path):
    def progress_of(trial, seed):
        shift = {"a": 0.0, "b": 0.0, "c": 0.1}[trial.condition]
        return (*RISING, 0.96 - shift - 1e-3 * ((seed * 7 + ord(trial.condition)) % 5))

    text = HEAD + condition("a", "minimax") + condition("b", "least_squares") + condition("c", "hinge")
    first, second, *_ = findings(tmp_path, progress_of, "search.confirm.seeds=8", text=text)
    assert isinstance(first, FirstIsAhead)
    assert (first.behind, first.others, first.p.tests) == (("c",), 2, 1)
    assert first.p.value < 0.05
    (tied,) = {"a", "b"} - {first.first}
    assert second == FirstUndecidedAgainst(first=first.first, others=(tied,), also=True)


def test_the_order_of_the_seeds_may_be_decided_against_the_first_of_the_ranking(tmp_path):
    def progress_of(trial, seed):
        if trial.condition == "b" and seed % 40 < 11:
            return DIVERGED
        return (*RISING, 0.95 if trial.condition == "a" else 0.96 - 1e-4 * (seed % 3))

    text = HEAD + condition("a", "minimax") + condition("b", "least_squares")
    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=40", text=text))
    assert comparison.ranking["condition"].tolist() == ["a", "b"]  # more than a quarter of b's seeds failed
    first, without, _, smallest, *_ = answer(comparison)
    assert isinstance(first, SeedsTendCloser)
    assert (first.first, first.closer, first.p.tests) == ("a", ("b",), 1)
    assert first.p.value < 0.05
    assert without == NoWorkingSetting(conditions=(("b", Part(11, 40)),), tried=(0, 0))
    assert isinstance(smallest, SmallestDistance)
    assert (smallest.conditions, smallest.is_chance) == (("a",), True)


# --- known modes

RING = (
    HEAD
    + '[data]\nkind = "ring"\n'
    + condition("a", "minimax")
    + condition("b", "hinge")
    + condition("c", "least_squares")
)


def modes_covered(**modes):
    """For each condition the number of seeds that cover all 8 modes, and the modes that the others cover."""

    def metrics(trial, seed):
        full, count = modes[trial.condition]
        return {"modes_covered": 8.0 if seed % 10 < full else count}

    return metrics


def test_for_data_with_known_modes_the_answer_is_which_settings_cover_all_with_every_seed(tmp_path):
    metrics = modes_covered(a=(10, 8.0), b=(3, 7.0), c=(0, float("nan")))
    first, second, third, *_ = findings(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics)
    others = ((Part(3, 4), ("b",)), (Part(0, 4), ("c",)))
    assert first == CoversAllModes(modes=8, conditions=("a",), seeds=4, others=others)
    assert second == CoverageInterval(seeds=4, interval=about((0.51, 1.0), abs=0.001))
    assert isinstance(third, FirstUndecided)
    assert sorted(third.conditions) == ["a", "b", "c"]


def test_a_member_without_finite_samples_at_its_last_evaluation_covers_no_mode(tmp_path):
    metrics = modes_covered(a=(10, 8.0), b=(10, 8.0), c=(10, 8.0))
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics))
    curves = comparison.results.curves
    is_last = curves["step"] == curves["step"].max()
    curves.loc[is_last & (curves["metric"] == "modes_covered") & (curves["condition"] == "b"), "value"] = float("nan")
    covers = next(answer(comparison))
    assert covers == CoversAllModes(modes=8, conditions=("a", "c"), seeds=4, others=((Part(0, 4), ("b",)),))


def test_if_no_setting_covers_all_modes_with_every_seed_the_answer_says_so(tmp_path):
    metrics = modes_covered(a=(1, 3.0), b=(3, 7.0), c=(1, 2.0))
    found = findings(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics)
    conditions = ((Part(3, 4), ("b",)), (Part(1, 4), ("a", "c")))
    assert found[0] == NoneCoversAllModes(modes=8, conditions=conditions)
    assert not every(found, CoverageInterval)


def test_that_all_settings_failed_is_said_before_the_modes(tmp_path):
    metrics = modes_covered(a=(1, 3.0), b=(3, 7.0), c=(1, 2.0))
    found = findings(tmp_path, lambda trial, seed: STALLED, text=RING, metrics=metrics)
    assert isinstance(found[0], AllSettingsFailed)
    assert isinstance(found[1], NoneCoversAllModes)
    assert kinds(found).count(AllSettingsFailed) == 1


def test_a_confirm_trial_without_a_result_says_nothing_about_modes(tmp_path):
    def progress_of(trial, seed):
        return None if (trial.condition, trial.phase) == ("c", "confirm") else CLOSE

    metrics = modes_covered(a=(10, 8.0), b=(10, 8.0), c=(10, 8.0))
    assert findings(tmp_path, progress_of, text=RING, metrics=metrics)[:2] == [
        ConfirmedSoFar(conditions=Part(2, 3), is_over=True),
        CoversAllModes(modes=8, conditions=("a", "b"), seeds=4, others=()),
    ]


# --- conditions that differ in objective and constraint alone

CONSTRAINTS = "".join(
    condition(f"{objective}-{constraint}", objective, constraint)
    for objective in ("wasserstein", "hinge")
    for constraint in ("spectral_norm", "gradient_penalty")
)


@pytest.mark.parametrize("difference", [0.05, 0.0])
def test_if_the_constraint_alone_differs_the_answer_is_about_the_constraint(tmp_path, difference):
    def progress_of(trial, seed):
        penalty = trial.condition.endswith("penalty")
        return (*RISING, 0.9 + difference * penalty + 1e-3 * ((seed * 7 + 3 * penalty) % 5))

    def metrics(trial, seed):
        return {"critic_slope": 1.25 if trial.condition.endswith("penalty") else 0.5}

    text = HEAD + CONSTRAINTS
    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=8", text=text, metrics=metrics))
    comparison.results.trials["elapsed_seconds"] = 2.0
    first: Any
    first, second, *_ = answer(comparison)
    assert kinds([first]) == [ConstraintEffect]
    assert (first.objectives, first.closer, first.farther) == (2, 2 * (difference > 0), 0)
    assert [objective for objective, *_ in first.distances] == ["wasserstein", "hinge"]
    assert isinstance(second, FirstUndecided) == (not difference)
    if difference:
        assert (first.first, first.second) == ("gradient_penalty", "spectral_norm")
        assert (first.costs.slopes, first.costs.time_ratio) == ((1.25, 0.5), 1.0)
        assert first.p.value < 0.05


def test_a_critic_slope_that_is_not_finite_at_the_end_is_not_replaced_by_an_earlier_one(tmp_path):
    def metrics(trial, seed):
        return {"critic_slope": 9.0 if seed % 2 else 1.25 if trial.condition.endswith("penalty") else 0.5}

    comparison = Comparison(simulate(tmp_path, lambda trial, seed: CLOSE, text=HEAD + CONSTRAINTS, metrics=metrics))
    comparison.results.trials["elapsed_seconds"] = 2.0
    curves = comparison.results.curves
    at_the_end = (curves["metric"] == "critic_slope") & (curves["step"] == curves["step"].max())
    curves.loc[at_the_end & (curves["seed"] % 2 == 1), "value"] = np.nan
    effect = stated(answer(comparison), ConstraintEffect)
    assert dict(zip((effect.first, effect.second), effect.costs.slopes, strict=True)) == {
        "gradient_penalty": 1.25,
        "spectral_norm": 0.5,
    }


@pytest.mark.parametrize(("wasserstein", "hinge", "closer", "decided"), [
    (0.05, -0.05, "gradient_penalty", (1, 1)),
    (0.0, -0.05, "spectral_norm", (1, 0)),
])  # fmt: skip
def test_a_constraint_that_is_closer_for_one_objective_is_said_to_be_farther_or_undecided_for_the_other(
    tmp_path, wasserstein, hinge, closer, decided
):
    def progress_of(trial, seed):
        gain = {"wasserstein-gradient_penalty": wasserstein, "hinge-gradient_penalty": hinge}.get(trial.condition, 0.0)
        return (*RISING, 0.9 + gain + 1e-3 * ((seed * 7 + 3 * len(trial.condition)) % 5))

    first, *_ = findings(tmp_path, progress_of, "search.confirm.seeds=8", text=HEAD + CONSTRAINTS)
    assert {first.first, first.second} == {"gradient_penalty", "spectral_norm"}
    assert first.first == closer
    assert (first.closer, first.farther, first.objectives) == (*decided, 2)


def test_constraints_under_different_objectives_are_not_compared(tmp_path):
    text = HEAD + condition("a", "wasserstein", "spectral_norm") + condition("b", "hinge", "gradient_penalty")
    first, *_ = findings(tmp_path, lambda trial, seed: CLOSE, text=text)
    assert first == FirstUndecided(
        conditions=("a", "b"), goal="the real data", seeds=(4, 4), pairs=1, p=1.0, reason="only pair"
    )


# --- two segments


def test_for_two_segments_the_answer_opens_with_the_divergences_before_training(tmp_path):
    text = (
        HEAD.replace('networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}',
                     'networks.generator = {kind = "segment", theta = {grid = [0.0, 0.5, 2.0]}}')
        + '[data]\nkind = "segments"\n' + condition("a", "minimax")
    )  # fmt: skip

    def metrics(trial, seed):
        theta = trial.configuration["networks.generator.theta"]
        return {"jensen_shannon": 0.693 * (theta > 0), "wasserstein_1": theta}

    first, second, *_ = findings(
        tmp_path, lambda trial, seed: CLOSE, "search.confirm.best=0", text=text, metrics=metrics
    )
    assert isinstance(first, InitialDivergences)
    assert (first.largest, first.smallest) == (2.0, 0.5)
    assert [(change.divergence, change.kind) for change in first.changes] == [
        ("jensen_shannon", "stays"),
        ("wasserstein_1", "falls"),
    ]
    assert [(change.far, change.near) for change in first.changes] == [about((0.693, 0.693)), (2.0, 0.5)]
    assert isinstance(second, ValueThatWorks)
    assert second.listed == ListedValues("generator theta", every=(0.0, 0.5, 2.0), works=(0.0, 0.5, 2.0))


# --- budget


def rising_late(trial, seed):
    """Settings found whose progress still rises at the end, to half of the way, which is called stalled."""
    return (*RISING, 0.95) if trial.phase != "confirm" else (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7)


def test_a_budget_that_was_too_short_is_the_first_finding(tmp_path):
    first = findings(tmp_path, rising_late)[0]
    assert first == ShortBudget(conditions=(("wgan", Part(4, 4)), ("gan", Part(4, 4))))


def test_failures_that_do_not_improve_are_not_the_budgets(tmp_path):
    def progress_of(trial, seed):
        return STALLED if trial.phase == "confirm" and seed % 4 else rising_late(trial, seed)

    assert not every(findings(tmp_path, progress_of), ShortBudget)
