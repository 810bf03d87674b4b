"""Caveats: a sentence for each thing that the data of a simulated study do not support."""

import pytest
from simulated import RISING, STUDY, simulate
from test_comparison import DIVERGING, before_its_end, stable_below_a_thousandth

from studies.analysis.comparison import Comparison
from studies.reporting.text.caveats import caveats
from studies.tables.columns import END_NAMES

RANKING_SENTENCE = "The ranking compares one setting found for each condition"


def caveats_of(tmp_path, progress_of, *overrides, **options):
    return caveats(Comparison(simulate(tmp_path, progress_of, *overrides, **options)))


def containing(sentences, part):
    return [sentence for sentence in sentences if part in sentence]


def always_stable(trial, seed):
    return (*RISING, 0.97)


def test_a_complete_study_has_few_caveats(tmp_path):
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, "search.explore=16")
    starts = [
        "No setting of any condition reaches a distance of 0.050 or less (95% of the way from the constant",
        RANKING_SENTENCE,
        "Fewer than 10 fresh seeds:",
        "The conditions differ in training.n_critic (2 for wgan; 1 for gan), so a difference in their results may be",
        "Within the budget of 20 generator steps the settings found take different numbers of critic steps: 20 for gan",
        "Few evaluations are left if all curves are cut at equal critic steps: 5 for wgan.",
    ]
    assert len(sentences) == len(starts)
    for sentence, start in zip(sentences, starts, strict=True):
        assert sentence.startswith(start)


# --- explore


def test_exploit_trials_are_not_counted(tmp_path):
    overrides = ["search.explore=3", "search.exploit.trials=2", 'search.sampler="random"']
    assert containing(caveats_of(tmp_path, stable_below_a_thousandth, *overrides), "Exploit trials do not count")


def test_an_interrupted_study_is_incomplete_and_has_no_ranking(tmp_path):
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, "search.explore=6", trials=5)
    assert containing(sentences, "Explore is incomplete: 5 of its 12 trials are counted")
    assert not containing(sentences, RANKING_SENTENCE)


def test_trials_that_ended_after_one_that_has_not_are_counted_apart(tmp_path):
    results = simulate(tmp_path, stable_below_a_thousandth, "search.explore=3")
    sentences = caveats(Comparison(before_its_end(results, "gan", "explore", 1)))
    assert containing(sentences, "3 of its 6 trials are counted")
    assert containing(sentences, "2 later trials have ended but are not counted.")


def test_explore_trials_without_a_result_are_listed_by_condition_and_end(tmp_path):
    ends = {("gan", 1): "error", ("wgan", 0): "out_of_memory", ("wgan", 2): "out_of_memory", ("wgan", 1): "timed_out"}

    def progress_of(trial, seed):
        return (
            ends.get((trial.condition, trial.index), (*RISING, 0.97)) if trial.phase == "explore" else (*RISING, 0.97)
        )

    assert containing(caveats_of(tmp_path, progress_of), "ended without a result") == [
        "Settings whose training ended without a result count as not working: 2 of wgan (out of memory), 1 of wgan "
        "(timed out), 1 of gan (error)."
    ]


def test_lost_trials_are_missing_and_said_to_be(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.phase, trial.index) == ("explore", 1) else (*RISING, 0.97)

    sentences = caveats_of(tmp_path, progress_of)
    assert containing(sentences, "2 of its 6 trials are counted")
    assert containing(sentences, "lost") == [
        "2 trials were lost with the worker, the node or the storage and are missing here (wgan-explore-1 and "
        "gan-explore-1): running the study again repeats them."
    ]
    assert not containing(sentences, "without a result")


def test_a_lost_confirm_trial_is_missing_and_nothing_is_said_against_its_condition(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.97)

    sentences = caveats_of(tmp_path, progress_of)
    assert containing(sentences, "lost") == [
        "1 trial was lost with the worker, the node or the storage and is missing here (gan-confirm-0): running the "
        "study again repeats it."
    ]
    assert not containing(sentences, "not confirmed")


def test_a_study_without_trials_has_no_volumes(tmp_path):
    assert containing(caveats_of(tmp_path, stable_below_a_thousandth, trials=0), "no explore trial is counted yet.")


def test_a_study_whose_trials_all_failed_has_no_reference_distances(tmp_path):
    sentences = caveats_of(tmp_path, lambda trial, seed: None)
    assert containing(sentences, "no trial has finished")
    assert containing(sentences, "count as not working: 3 of wgan (error), 3 of gan (error).")
    assert len(containing(sentences, "on fresh seeds ended without a result")) == 2


def test_few_configurations_and_one_seed_are_caveats(tmp_path):
    overrides = ["search.explore=2", "seeds=1", "search.confirm.seeds=1"]
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, *overrides)
    assert containing(sentences, "Fewer than 8 settings (2) were drawn: the intervals of the shares")
    assert containing(sentences, "Each setting was trained with one seed")
    assert containing(sentences, "Fewer than 10 fresh seeds: the intervals")
    assert len(containing(sentences, "can be tested.")) == 1


def test_one_condition_is_not_compared(tmp_path):
    text = STUDY[: STUDY.rindex("[[conditions]]")]
    assert containing(
        caveats_of(tmp_path, stable_below_a_thousandth, text=text), "The study has only one condition, so"
    )


def test_values_of_a_grid_are_not_drawn(tmp_path):
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, "conditions.wgan.training.n_critic={grid=[1,2]}")
    (sentence,) = containing(sentences, "The values of n_critic are listed in the study file, not drawn at random")
    assert "for wgan: a share is a share of the listed settings" in sentence
    assert "differences between shares are not computed" in sentence


def test_conditions_with_equally_many_critic_steps_have_no_caveat_about_them(tmp_path):
    text = STUDY.replace("training.n_critic = 2\n", "")
    assert not containing(caveats_of(tmp_path, always_stable, text=text), "critic steps")
    assert not containing(caveats_of(tmp_path, always_stable, "budget.unit='critic_steps'"), "Within the budget")


def test_a_condition_without_hyperparameters_has_one_setting(tmp_path):
    sentences = caveats_of(tmp_path, always_stable, "training.critic_optimizer.lr=1e-3")
    assert containing(sentences, "No hyperparameter is searched for gan: the share of settings that work")


# --- confirm


@pytest.mark.parametrize("end", END_NAMES)
def test_a_setting_without_a_result_in_confirm_is_not_confirmed_for_that_reason(tmp_path, end):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.97)

    assert containing(caveats_of(tmp_path, progress_of), "without a result") == [
        "gan is not confirmed, which does not mean that its setting fails: its training on fresh seeds ended without a "
        f"result ({END_NAMES[end]}: RuntimeError: out of luck)."
    ]


def test_an_authors_setting_without_a_result_is_a_caveat(tmp_path):
    def progress_of(trial, seed):
        return "out_of_memory" if (trial.condition, trial.phase) == ("gan", "authors") else (*RISING, 0.97)

    assert containing(caveats_of(tmp_path, progress_of, "search.confirm.authors=true"), "authors'") == [
        "No comparison with the authors' setting for gan: its training ended without a result (out of memory: "
        "RuntimeError: out of luck)."
    ]


def test_if_every_condition_failed_the_ranking_is_by_failure_rate(tmp_path):
    sentences = caveats_of(tmp_path, lambda trial, seed: DIVERGING)
    assert containing(sentences, "Every setting found failed, so the ranking is ordered by failure rate")
    # the verdict's answer states that every seed failed and that no setting works
    assert not containing(sentences, "no distance")
    assert not containing(sentences, "No setting of any condition reaches")


def test_pairs_that_cannot_be_decided_have_the_smallest_p_value_stated(tmp_path):
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, "search.confirm.seeds=3")
    assert containing(sentences, "With 3 and 3 fresh seeds the smallest possible p-value is 0.1, so no pair can")


def test_a_condition_without_a_preset_has_no_authors_setting(tmp_path):
    text = STUDY.replace('preset = "gan"', 'objective.kind = "minimax"')
    sentences = caveats_of(tmp_path, stable_below_a_thousandth, "search.confirm.authors=true", text=text)
    (sentence,) = containing(sentences, "no preset")
    assert "authors' setting for gan" in sentence
