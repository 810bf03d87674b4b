"""Caveats: a finding for each thing that the data of a simulated study do not support."""

import numpy as np
import pytest
from simulated import RISING, STUDY, simulate
from stated import about, every, kinds, stated
from test_comparison import DIVERGING, before_its_end, stable_below_a_thousandth

from studies.analysis.comparison import Comparison
from studies.ledger.unfinished import END_NAMES
from studies.reporting.text.caveats import caveats
from studies.reporting.text.confirm_caveats import (
    AuthorsWithoutResult,
    FewEvaluationsLeft,
    FewFreshSeeds,
    NoAuthorsSetting,
    NoneDecidable,
    NotConfirmed,
    NothingScored,
    OneFreshSeed,
    RankedByFailures,
    SingleSettingsRanked,
    StableWhileImproving,
    UnequalCriticSteps,
)
from studies.reporting.text.explore_caveats import (
    ExploitNotCounted,
    FewSettings,
    IncompleteExplore,
    ListedNotDrawn,
    LostTrials,
    NoShares,
    NothingSearched,
    OneCondition,
    OneSeedForEachSetting,
    SettingsWithoutResult,
    TargetNotReached,
)
from studies.reporting.text.finding import Part
from studies.reporting.text.unequal_conditions import UnequalConditions


def caveats_of(tmp_path, progress_of, *overrides, **options):
    return list(caveats(Comparison(simulate(tmp_path, progress_of, *overrides, **options))))


def always_stable(trial, seed):
    return (*RISING, 0.97)


def test_a_complete_study_has_few_caveats(tmp_path):
    found = caveats_of(tmp_path, stable_below_a_thousandth, "search.explore=16")
    assert kinds(found) == [
        TargetNotReached,
        SingleSettingsRanked,
        FewFreshSeeds,
        UnequalConditions,
        UnequalCriticSteps,
        FewEvaluationsLeft,
    ]
    target, _, few, unequal, steps, left = found
    assert (target.tau, target.progress) == (about(0.05), about(0.95))
    assert (few.conditions, few.limit) == ((), 10)
    assert (unequal.path, unequal.values) == ("training.n_critic", (("2", ("wgan",)), ("1", ("gan",))))
    assert unequal.is_critic_work
    assert (steps.budget.steps, steps.steps) == (20, (("gan", 20), ("wgan", 40)))
    assert left.evaluations == (("wgan", 5),)


# --- explore


def test_exploit_trials_are_not_counted(tmp_path):
    overrides = ["search.explore=3", "search.exploit.trials=2", 'search.sampler="random"']
    assert every(caveats_of(tmp_path, stable_below_a_thousandth, *overrides), ExploitNotCounted)


def test_an_interrupted_study_is_incomplete_and_has_no_ranking(tmp_path):
    found = caveats_of(tmp_path, stable_below_a_thousandth, "search.explore=6", trials=5)
    assert stated(found, IncompleteExplore) == IncompleteExplore(counted=Part(5, 12), later=0)
    assert not every(found, SingleSettingsRanked)


def test_trials_that_ended_after_one_that_has_not_are_counted_apart(tmp_path):
    results = simulate(tmp_path, stable_below_a_thousandth, "search.explore=3")
    found = caveats(Comparison(before_its_end(results, "gan", "explore", 1)))
    assert stated(found, IncompleteExplore) == IncompleteExplore(counted=Part(3, 6), later=2)


def test_explore_trials_without_a_result_are_listed_by_condition_and_end(tmp_path):
    ends = {("gan", 1): "error", ("wgan", 0): "out_of_memory", ("wgan", 2): "out_of_memory", ("wgan", 1): "timed_out"}

    def progress_of(trial, seed):
        return (
            ends.get((trial.condition, trial.index), (*RISING, 0.97)) if trial.phase == "explore" else (*RISING, 0.97)
        )

    assert stated(caveats_of(tmp_path, progress_of), SettingsWithoutResult).ends == (
        (2, "wgan", "out of memory"),
        (1, "wgan", "timed out"),
        (1, "gan", "error"),
    )


def test_lost_trials_are_missing_and_said_to_be(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.phase, trial.index) == ("explore", 1) else (*RISING, 0.97)

    found = caveats_of(tmp_path, progress_of)
    assert stated(found, IncompleteExplore).counted == Part(2, 6)
    assert stated(found, LostTrials).trials == ("wgan-explore-1", "gan-explore-1")
    assert not every(found, SettingsWithoutResult)


def test_a_lost_confirm_trial_is_missing_and_nothing_is_said_against_its_condition(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.97)

    found = caveats_of(tmp_path, progress_of)
    assert stated(found, LostTrials).trials == ("gan-confirm-0",)
    assert not every(found, NotConfirmed)


def test_a_study_without_trials_has_no_volumes(tmp_path):
    assert stated(caveats_of(tmp_path, stable_below_a_thousandth, trials=0), NoShares).reason == "trials"


def test_a_study_whose_trials_all_failed_has_no_reference_distances(tmp_path):
    found = caveats_of(tmp_path, lambda trial, seed: None)
    assert stated(found, NoShares).reason == "reference distances"
    assert stated(found, SettingsWithoutResult).ends == ((3, "wgan", "error"), (3, "gan", "error"))
    assert [caveat.condition for caveat in every(found, NotConfirmed)] == ["wgan", "gan"]


def test_few_configurations_and_one_seed_are_caveats(tmp_path):
    overrides = ["search.explore=2", "seeds=1", "search.confirm.seeds=1"]
    found = caveats_of(tmp_path, stable_below_a_thousandth, *overrides)
    assert stated(found, FewSettings) == FewSettings(conditions=(), fewest=2, limit=8)
    assert every(found, OneSeedForEachSetting)
    assert stated(found, FewFreshSeeds) == FewFreshSeeds(conditions=(), limit=10)
    assert set(stated(found, OneFreshSeed).conditions) == {"wgan", "gan"}


def test_one_condition_is_not_compared(tmp_path):
    text = STUDY[: STUDY.rindex("[[conditions]]")]
    assert every(caveats_of(tmp_path, stable_below_a_thousandth, text=text), OneCondition)


def test_values_of_a_grid_are_not_drawn(tmp_path):
    found = caveats_of(tmp_path, stable_below_a_thousandth, "conditions.wgan.training.n_critic={grid=[1,2]}")
    listed = ListedNotDrawn(hyperparameters=("n_critic",), conditions=("wgan",), some_drawn=True)
    assert stated(found, ListedNotDrawn) == listed


def test_conditions_with_equally_many_critic_steps_have_no_caveat_about_them(tmp_path):
    text = STUDY.replace("training.n_critic = 2\n", "")
    found = caveats_of(tmp_path, always_stable, text=text)
    assert not every(found, UnequalCriticSteps)
    assert not every(found, FewEvaluationsLeft)
    assert not every(caveats_of(tmp_path, always_stable, "budget.unit='critic_steps'"), UnequalCriticSteps)


def test_a_condition_without_hyperparameters_has_one_setting(tmp_path):
    found = caveats_of(tmp_path, always_stable, "training.critic_optimizer.lr=1e-3")
    assert stated(found, NothingSearched).conditions == ("gan",)


# --- confirm


@pytest.mark.parametrize("end", END_NAMES)
def test_a_setting_without_a_result_in_confirm_is_not_confirmed_for_that_reason(tmp_path, end):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.97)

    not_confirmed = stated(caveats_of(tmp_path, progress_of), NotConfirmed)
    assert (not_confirmed.condition, not_confirmed.end.state) == ("gan", end)
    assert not_confirmed.end.reason == "RuntimeError: out of luck"


def test_an_authors_setting_without_a_result_is_a_caveat(tmp_path):
    def progress_of(trial, seed):
        return "out_of_memory" if (trial.condition, trial.phase) == ("gan", "authors") else (*RISING, 0.97)

    missing = stated(caveats_of(tmp_path, progress_of, "search.confirm.authors=true"), AuthorsWithoutResult)
    assert (missing.condition, missing.end.state) == ("gan", "out_of_memory")


def test_if_every_condition_failed_the_ranking_is_by_failure_rate(tmp_path):
    found = caveats_of(tmp_path, lambda trial, seed: DIVERGING)
    assert every(found, RankedByFailures)
    # the verdict's answer states that every seed failed and that no setting works
    assert not every(found, TargetNotReached)


def test_stable_seeds_that_still_improve_are_a_caveat(tmp_path):
    def progress_of(trial, seed):
        return (*np.linspace(0, 0.9, 10), 0.97) if trial.condition == "gan" else (*RISING, 0.97)

    improving = stated(caveats_of(tmp_path, progress_of, "outcomes={spread=0}"), StableWhileImproving)
    assert improving.conditions == (("gan", Part(4, 4)),)


def test_a_search_without_a_score_is_said_to_have_chosen_by_failures(tmp_path):
    def progress_of(trial, seed):
        failed = trial.condition == "gan" and trial.phase != "confirm"
        return DIVERGING if failed else (*RISING, 0.97)

    assert stated(caveats_of(tmp_path, progress_of), NothingScored).conditions == ("gan",)


def test_a_search_with_a_score_is_no_caveat(tmp_path):
    assert not every(caveats_of(tmp_path, always_stable), NothingScored)


def test_pairs_that_cannot_be_decided_have_the_smallest_p_value_stated(tmp_path):
    none = stated(caveats_of(tmp_path, stable_below_a_thousandth, "search.confirm.seeds=3"), NoneDecidable)
    assert (none.seeds, none.pairs) == ((3, 3), 1)
    assert (none.smallest, none.adjusted) == (about(0.1), about(0.1))


def test_a_condition_without_a_preset_has_no_authors_setting(tmp_path):
    text = STUDY.replace('preset = "gan"', 'objective.kind = "minimax"')
    found = caveats_of(tmp_path, stable_below_a_thousandth, "search.confirm.authors=true", text=text)
    assert stated(found, NoAuthorsSetting).conditions == ("gan",)
