"""The answer in one sentence: its subject follows from the kind of study, its content from the numbers."""

import re

import pytest
from simulated import RISING, STUDY, simulate

from studies.analysis.comparison import Comparison
from studies.reporting.text.answer import answer

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


def sentences(folder, progress_of, *overrides, **options):
    folder.mkdir(exist_ok=True)
    return answer(Comparison(simulate(folder, progress_of, *overrides, **options)))


# --- listed values of the only condition


def test_the_values_that_work_are_listed_with_the_outcomes_at_the_others(tmp_path):
    progress = by_clip_value(STALLED, CLOSE, CLOSE, DIVERGED, DIVERGED)
    assert sentences(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)[0] == (
        "wgan is stable and ends within 0.250 of the real data at clip_value = 0.01 and 0.03 (best: 0.01), of 5 values "
        "from 0.001 to 1; the most frequent outcome is stalled at the smaller value and diverged at larger values."
    )


def test_equal_outcomes_on_both_sides_are_one_and_values_between_working_ones_are_named(tmp_path):
    progress = by_clip_value(DIVERGED, DIVERGED, CLOSE, DIVERGED, DIVERGED)
    both = sentences(tmp_path / "both", progress, FIVE, text=HEAD + CLIP + VALUES)[0]
    assert both.endswith(
        "at clip_value = 0.03, of 5 values from 0.001 to 1; the most frequent outcome is diverged at smaller and "
        "larger values."
    )
    progress = by_clip_value(CLOSE, STALLED, CLOSE, CLOSE, CLOSE)
    between = sentences(tmp_path / "between", progress, FIVE, text=HEAD + CLIP + VALUES)[0]
    assert between.endswith(
        "0.001, 0.03, 0.1 and 1 (best: 0.001), of 5 values from 0.001 to 1; the most frequent outcome is stalled at "
        "0.01."
    )


def test_if_no_value_works_the_outcomes_at_all_values_are_named(tmp_path):
    progress = by_clip_value(STALLED, DIVERGED, DIVERGED, DIVERGED, DIVERGED, confirm=DIVERGED)
    assert sentences(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES) == (
        "wgan is stable and ends within 0.250 of the real data at none of 5 values of clip_value from 0.001 to 1; the "
        "most frequent outcome is diverged or stalled.",
        "The setting found for wgan failed on 4 of 4 fresh seeds.",
        "Every GAN had a budget of 20 generator steps; its distance is its late distance, the median over the last 3 "
        "of its 10 evaluations.",
    )


def test_if_every_value_works_those_that_end_closer_are_named(tmp_path):
    progress = by_clip_value(FARTHER, CLOSE, CLOSE, FARTHER, FARTHER)
    assert sentences(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)[0] == (
        "wgan is stable and ends within 0.250 of the real data at all 5 values of clip_value from 0.001 to 1 (best: "
        "0.01), and within 0.100 only at 0.01 and 0.03."
    )


def test_a_value_that_works_in_explore_and_fails_on_fresh_seeds_is_not_called_best(tmp_path):
    progress = by_clip_value(DIVERGED, CLOSE, DIVERGED, DIVERGED, DIVERGED, confirm=DIVERGED)
    first, second, _ = sentences(tmp_path, progress, FIVE, text=HEAD + CLIP + VALUES)
    assert "at clip_value = 0.01 (but 4 of 4 fresh seeds failed at 0.01), of 5 values" in first
    assert second == "The setting found for wgan failed on 4 of 4 fresh seeds."


def test_a_value_that_is_tried_twice_works_if_enough_of_all_its_seeds_do(tmp_path):
    def progress_of(trial, seed):
        fails = trial.phase == "confirm" or trial.index == 0  # 0.001 fails in trial 0, and ends close in trial 5
        return DIVERGED if fails else CLOSE

    first = sentences(tmp_path, progress_of, "search.explore=10", text=HEAD + CLIP + VALUES)[0]
    assert "at clip_value = 0.01, 0.03, 0.1 and 1" in first
    assert first.endswith(
        "(but 4 of 4 fresh seeds failed at 0.01), of 5 values from 0.001 to 1; the most frequent outcome is diverged "
        "at the smaller value."
    )


# --- listed values of several conditions


def with_n_critic(*conditions):
    return HEAD.replace("n_critic = 1", "n_critic = {grid = [1, 2, 5]}") + "".join(conditions)


def test_the_working_values_of_several_conditions_are_listed_by_condition(tmp_path):
    def progress_of(trial, seed):
        works = trial.configuration["training.n_critic"] <= (5 if trial.condition == "a" else 1)
        shift = 0.01 * (trial.condition == "a") + 1e-4 * (seed % 7)
        return (*RISING, 0.93 + shift) if works else DIVERGED

    text = with_n_critic(condition("a", "minimax"), condition("b", "least_squares"), condition("c", "hinge"))
    first, second, *_ = sentences(tmp_path, progress_of, "search.confirm.seeds=8", text=text)
    assert first.startswith(
        "The setting found for a ends closer to the real data than the settings found for the 2 other conditions (p <= "
        "0.0"
    )
    assert second == (
        "Of 3 values of n_critic from 1 to 5, the following are stable and end within 0.100 of the real data: all "
        "(best: 5) for a; n_critic = 1 for b and c."
    )


def test_values_of_different_hyperparameters_are_listed_with_their_names(tmp_path):
    def progress_of(trial, seed):
        (value,) = trial.configuration.values()
        return CLOSE if value in (0.03, 1.0, 10.0) else DIVERGED

    penalty = condition("penalty", "wasserstein", "gradient_penalty").replace("1.0", "{grid = [0.1, 1.0, 10.0]}")
    clip = CLIP + "constraint.clip_value = {grid = [0.01, 0.03]}\n"
    _, second, *_ = sentences(tmp_path, progress_of, "search.explore=6", text=HEAD + clip + penalty)
    assert second == (
        "Of the listed values, the following are stable and end within 0.050 of the real data: gp_weight = 1 and 10 "
        "(best: 1), of 3 values from 0.1 to 10, for penalty; clip_value = 0.03, of 2 values from 0.01 to 0.03, for "
        "wgan."
    )


def test_if_no_value_of_any_condition_works_the_outcomes_are_named(tmp_path):
    def progress_of(trial, seed):
        return STALLED if trial.condition == "a" else DIVERGED

    text = with_n_critic(condition("a", "minimax"), condition("b", "least_squares"))
    assert sentences(tmp_path, progress_of, text=text)[:2] == (
        "All settings found failed on fresh seeds: 4 of 4 for a and 4 of 4 for b.",
        "None of 3 values of n_critic from 1 to 5 is stable and ends within 0.250 of the real data; the most frequent "
        "outcome is stalled for a and diverged for b.",
    )


# --- pairs


def test_what_is_decided_about_the_first_of_the_ranking_is_said_apart_from_what_is_not(tmp_path):
    def progress_of(trial, seed):
        shift = {"a": 0.0, "b": 0.0, "c": 0.1}[trial.condition]
        return (*RISING, 0.96 - shift - 1e-3 * ((seed * 7 + ord(trial.condition)) % 5))

    text = HEAD + condition("a", "minimax") + condition("b", "least_squares") + condition("c", "hinge")
    first, second, *_ = sentences(tmp_path, progress_of, "search.confirm.seeds=8", text=text)
    best, tied = sorted("ab", key=lambda name: f"found for {name} ends" not in first)
    assert first.startswith(
        f"The setting found for {best} ends closer to the real data than the one found for c (p = 0.0"
    )
    assert second == (
        f"Whether the setting found for {best} also ends closer than the one found for {tied} is undecided (adjusted p "
        ">= 0.05)."
    )


def test_the_order_of_the_seeds_may_be_decided_against_the_first_of_the_ranking(tmp_path):
    def progress_of(trial, seed):
        if trial.condition == "b" and seed % 40 < 11:
            return DIVERGED
        return (*RISING, 0.95 if trial.condition == "a" else 0.96 - 1e-4 * (seed % 3))

    text = HEAD + condition("a", "minimax") + condition("b", "least_squares")
    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=40", text=text))
    assert comparison.ranking["condition"].tolist() == ["a", "b"]  # more than a quarter of b's seeds failed
    first, _, third, *_ = answer(comparison)
    assert re.fullmatch(
        r"Fresh seeds of the setting found for b tend to end closer to the real data than those of the one found for a "
        r"\(p = 0\.0\d+\); a is first in the ranking, which compares interquartile means of the distances\.",
        first,
    )
    assert third.startswith("On these seeds the setting found for a has the smallest distance")


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
    first, second, third, *_ = sentences(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics)
    assert first == (
        "The setting found for a covers all 8 modes with each of 4 fresh seeds, against 3 of 4 for b, none of 4 for c."
    )
    assert second == (
        "If 4 of 4 seeds cover all modes, the 95% interval of the share of seeds that do so is 51% to 100%."
    )
    assert third.startswith("Which of the 3 settings found, one for each condition, ends closest to the real data is u")


def test_a_member_without_finite_samples_at_its_last_evaluation_covers_no_mode(tmp_path):
    metrics = modes_covered(a=(10, 8.0), b=(10, 8.0), c=(10, 8.0))
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics))
    curves = comparison.results.curves
    is_last = curves["step"] == curves["step"].max()
    curves.loc[is_last & (curves["metric"] == "modes_covered") & (curves["condition"] == "b"), "value"] = float("nan")
    assert answer(comparison)[0] == (
        "The settings found for a and c cover all 8 modes with each of 4 fresh seeds, against none of 4 for b."
    )


def test_if_no_setting_covers_all_modes_with_every_seed_the_answer_says_so(tmp_path):
    metrics = modes_covered(a=(1, 3.0), b=(3, 7.0), c=(1, 2.0))
    first, second, *_ = sentences(tmp_path, lambda trial, seed: CLOSE, text=RING, metrics=metrics)
    assert first == (
        "No setting found covers all 8 modes with each of its fresh seeds: 3 of 4 for b, 1 of 4 for a and c do."
    )
    assert "the share of seeds" not in second


def test_a_confirm_trial_without_a_result_says_nothing_about_modes(tmp_path):
    def progress_of(trial, seed):
        return None if (trial.condition, trial.phase) == ("c", "confirm") else CLOSE

    metrics = modes_covered(a=(10, 8.0), b=(10, 8.0), c=(10, 8.0))
    assert sentences(tmp_path, progress_of, text=RING, metrics=metrics)[:2] == (
        "Only 2 of 3 conditions are confirmed on fresh seeds.",
        "The settings found for a and b cover all 8 modes with each of 4 fresh seeds.",
    )


# --- conditions that differ in objective and constraint alone

CONSTRAINTS = "".join(
    condition(f"{objective}-{constraint}", objective, constraint)
    for objective in ("wasserstein", "hinge")
    for constraint in ("spectral_norm", "gradient_penalty")
)


@pytest.mark.parametrize(("difference", "opening"), [
    (0.05, "The settings found with gradient penalty end closer to the real data than those found with spectral norm "
           "for both objectives (p <= 0.0"),
    (0.0, "Whether the settings found with "),
])  # fmt: skip
def test_if_the_constraint_alone_differs_the_answer_is_about_the_constraint(tmp_path, difference, opening):
    def progress_of(trial, seed):
        penalty = trial.condition.endswith("penalty")
        return (*RISING, 0.9 + difference * penalty + 1e-3 * ((seed * 7 + 3 * penalty) % 5))

    def metrics(trial, seed):
        return {"critic_slope": 1.25 if trial.condition.endswith("penalty") else 0.5}

    text = HEAD + CONSTRAINTS
    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=8", text=text, metrics=metrics))
    comparison.results.trials["elapsed_seconds"] = 2.0
    first, second, *_ = answer(comparison)
    assert first.startswith(opening)
    assert ("is undecided for both objectives: " in first) == (not difference)
    assert second.startswith("Which of the 4 settings found") == (not difference)
    if difference:
        assert first.endswith(
            "; the median critic slope at the end is 1.2 with gradient penalty and 0.5 with spectral norm, and the "
            "training time of the former is 1 times that of the latter."
        )


def test_a_critic_slope_that_is_not_finite_at_the_end_is_not_replaced_by_an_earlier_one(tmp_path):
    def metrics(trial, seed):
        return {"critic_slope": 9.0 if seed % 2 else 1.25 if trial.condition.endswith("penalty") else 0.5}

    comparison = Comparison(simulate(tmp_path, lambda trial, seed: CLOSE, text=HEAD + CONSTRAINTS, metrics=metrics))
    comparison.results.trials["elapsed_seconds"] = 2.0
    curves = comparison.results.curves
    at_the_end = (curves["metric"] == "critic_slope") & (curves["step"] == curves["step"].max())
    curves.loc[at_the_end & (curves["seed"] % 2 == 1), "value"] = float("nan")
    first, *_ = answer(comparison)
    assert "1.2 with gradient penalty" in first
    assert "0.5 with spectral norm" in first


@pytest.mark.parametrize(("wasserstein", "hinge", "closer", "objectives"), [
    (0.05, -0.05, "gradient penalty", "1 of 2 objectives, farther for 1"),
    (0.0, -0.05, "spectral norm", "1 of 2 objectives, and for 1 it is undecided"),
])  # fmt: skip
def test_a_constraint_that_is_closer_for_one_objective_is_said_to_be_farther_or_undecided_for_the_other(
    tmp_path, wasserstein, hinge, closer, objectives
):
    def progress_of(trial, seed):
        gain = {"wasserstein-gradient_penalty": wasserstein, "hinge-gradient_penalty": hinge}.get(trial.condition, 0.0)
        return (*RISING, 0.9 + gain + 1e-3 * ((seed * 7 + 3 * len(trial.condition)) % 5))

    first, *_ = sentences(tmp_path, progress_of, "search.confirm.seeds=8", text=HEAD + CONSTRAINTS)
    other = {"gradient penalty", "spectral norm"} - {closer}
    assert first.startswith(
        f"The settings found with {closer} end closer to the real data than those found with {other.pop()} for "
        f"{objectives}: "
    )


def test_constraints_under_different_objectives_are_not_compared(tmp_path):
    text = HEAD + condition("a", "wasserstein", "spectral_norm") + condition("b", "hinge", "gradient_penalty")
    first, *_ = sentences(tmp_path, lambda trial, seed: CLOSE, text=text)
    assert first.startswith(
        "Whether the setting found for a or the one found for b ends closer to the real data is undecided: p = 1 with "
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

    opening = sentences(tmp_path, lambda trial, seed: CLOSE, "search.confirm.best=0", text=text, metrics=metrics)[:2]
    assert opening == (
        "Before training, as the distance theta of the segments decreases from 2 to 0.5, the Jensen-Shannon divergence "
        "stays at 0.693 and the earth mover's distance falls from 2.000 to 0.500.",
        "a is stable and ends within 0.250 of the real data at all 3 values of generator theta from 0 to 2.",
    )


# --- budget


def rising_late(trial, seed):
    """Settings found whose progress still rises at the end, to half of the way, which is called stalled."""
    return (*RISING, 0.95) if trial.phase != "confirm" else (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7)


def test_a_budget_that_was_too_short_is_the_first_sentence(tmp_path):
    assert sentences(tmp_path, rising_late)[0] == (
        "The budget may have been too short: failed fresh seeds of the settings found were still improving at the end "
        "(4 of 4 for wgan, 4 of 4 for gan)."
    )


def test_failures_that_do_not_improve_are_not_the_budgets(tmp_path):
    def progress_of(trial, seed):
        return STALLED if trial.phase == "confirm" and seed % 4 else rising_late(trial, seed)

    assert not any("budget may have been" in sentence for sentence in sentences(tmp_path, progress_of))
