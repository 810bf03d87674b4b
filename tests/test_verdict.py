"""The findings about a study: each follows from its tables, and every number in their sentences is in a table."""

import re
from functools import cache
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate
from stated import about, every, kinds, stated, topics

from studies.analysis import robustness
from studies.analysis.comparison import Comparison
from studies.file.messages import short_name
from studies.numbers import format_distance, format_interval
from studies.reporting.page.page_text import TABLES
from studies.reporting.text.answer import (
    AgainstGaussian,
    BudgetOfEach,
    DistanceOfRealSamples,
    EndedWithoutResult,
    FailedFreshSeeds,
    NoConfirmPhase,
    NotConfirmedYet,
    SmallestDistance,
    answer,
)
from studies.reporting.text.decided_pairs import FewestNeeded, MostNeeded, number_needed
from studies.reporting.text.differences import (
    AheadOfFailed,
    EndsCloser,
    FirstAtEqualCriticSteps,
    StaysFirst,
    TuningEffect,
)
from studies.reporting.text.failures import FailedMembers, MemberGroup, NoFailures
from studies.reporting.text.finding import MAX_ITEMS, MoreRows, Part, first_findings
from studies.reporting.text.headline import (
    AllSettingsFailed,
    ConfirmedSoFar,
    FirstIsAhead,
    FirstUndecided,
    NoWorkingSetting,
    TooManyFailed,
)
from studies.reporting.text.listed_values import ListedValues, OutcomesAt, ValueThatWorks
from studies.reporting.text.method_comparison import BestMethod, IncomparableMethods, Obstacle
from studies.reporting.text.phrases import distance_in_words, interval_in_words, join_words
from studies.reporting.text.sample_quality import Quality, SampleQuality
from studies.reporting.text.stable_settings import SharesOfSettings, WorkingRule
from studies.reporting.text.target_distance import rows_at_target
from studies.reporting.text.tried_settings import NoSettingWorks, SettingsOfConditions, SettingsOfOnlyCondition
from studies.reporting.text.verdict import ANSWER, verdict
from studies.reporting.text.working_ranges import NotProfiled, ValuesTried, WorkingListedValues
from studies.statistics.permutation import LEVEL
from studies.tables.results import Results

LR = "training.critic_optimizer.lr"
DIVERGED = (0, -0.2)
EQUAL_CONDITIONS = STUDY.replace('preset = "wgan"', 'preset = "gan"').replace(
    "constraint.clip_value = {log_uniform = [1e-3, 1.0]}\ntraining.n_critic = 2\n", ""
)
CONDITION = STUDY[STUDY.rindex("[[conditions]]") :]
ONE_CONDITION = STUDY[: STUDY.rindex("[[conditions]]")]
N_CRITIC_GRID = "conditions.wgan.training.n_critic={grid=[1,2,5]}"


@pytest.fixture(autouse=True)
def _two_variants_of_the_rules(monkeypatch):
    """Other tests are about every threshold; all variants would take half of the time here."""
    only_near = dict.fromkeys(robustness.ALTERNATIVES, ()) | {"near": (0.5, 0.75, 0.9)}
    monkeypatch.setattr(robustness, "ALTERNATIVES", only_near)


def works_below_a_thousandth(trial, seed):
    """A critic's learning rate below 1e-3 works, and wgan ends a little farther away."""
    works = trial.configuration.get(LR, 0) < 1e-3
    return (*RISING, 0.92 if trial.condition == "gan" else 0.91) if works else DIVERGED


def at_random(trial, seed):
    """Members of the same distribution in every condition."""
    rng = np.random.default_rng([seed, ord(trial.condition[0]), trial.index])
    return (*RISING, 0.9 + 0.05 * rng.random())


def all_fail(trial, seed):
    return DIVERGED


def findings_by_topic(folder, progress_of, *overrides, **options):
    folder.mkdir(exist_ok=True)
    return topics(Comparison(simulate(folder, progress_of, *overrides, **options)))


def working(finding):
    """Working settings of each condition, with the other conditions of which as many work."""
    return [(share.settings, share.conditions) for share in finding.settings]


# --- the answer


def test_the_answer_is_the_result_then_the_numbers_that_support_it(tmp_path):
    found = findings_by_topic(tmp_path, works_below_a_thousandth, "search.explore=16", "search.confirm.seeds=8")
    assert kinds(found[ANSWER]) == [
        BestMethod,
        FirstIsAhead,
        SettingsOfConditions,
        SmallestDistance,
        DistanceOfRealSamples,
        FailedFreshSeeds,
        BudgetOfEach,
    ]
    method, first, settings, smallest, real, failed, budget = found[ANSWER]
    assert (method.best, method.behind, method.draws) == ("gan", ("wgan",), 4)
    assert method.p.value == about(0.002, abs=0.0005)
    assert (first.first, first.behind, first.others, first.no_distance) == ("gan", ("wgan",), 1, False)
    assert first.p.value == about(2 / 12870)  # ways to divide 16 seeds into two groups of 8
    assert working(settings) == [(Part(10, 16), ("gan", "wgan"))]
    assert (smallest.conditions, smallest.is_chance) == (("gan",), False)
    assert (smallest.distance, smallest.interval) == (about(1.16), about((1.16, 1.16)))
    assert (real.distance, real.goal) == (1.0, "the real data")
    assert (failed.conditions, failed.failed) == (("gan",), Part(0, 8))
    assert failed.interval == about((0, 0.324), abs=0.001)
    assert (budget.budget.steps, budget.budget.unit) == (20, "generator_steps")
    assert (budget.late, budget.evaluations) == (3, 10)
    shares = stated(found["Share of settings that work"], SharesOfSettings)
    assert [(share.settings, share.conditions) for share in shares.shares] == working(settings)
    assert found["Failures"] == tuple(
        FailedMembers(condition=name, groups=(MemberGroup("explore", True, Part(12, 32), ((12, "diverged"),), 0),))
        for name in ("wgan", "gan")
    )
    stays, equal = found["Sensitivity to the rules"]
    assert stays == StaysFirst(condition="gan", variants=Part(2, 2))
    assert equal == FirstAtEqualCriticSteps(condition="gan", stays=True, steps=20, fewest=5, few=(("wgan", 5),))
    assert "Differences between conditions" not in found  # the answer has the only pair
    assert "Effect of tuning" not in found


def test_where_distances_are_not_whole_nothing_is_said_on_other_rules(tmp_path, monkeypatch):
    monkeypatch.setattr(Results, "whole", False)
    found = findings_by_topic(tmp_path, works_below_a_thousandth, "search.explore=4", "search.confirm.seeds=3")
    assert found[ANSWER]
    assert "Sensitivity to the rules" not in found


def test_settings_that_differ_by_chance_alone_are_called_undecided(tmp_path):
    comparison = Comparison(simulate(tmp_path, at_random, "search.explore=8", "search.confirm.seeds=8"))
    found = topics(comparison)[ANSWER]
    assert found[0] == FirstUndecided(
        conditions=tuple(comparison.ranking["condition"]),
        goal="the real data",
        seeds=(8, 8),
        pairs=1,
        p=comparison.pairs["p_adjusted"].iloc[0],
        reason="only pair",
    )
    assert stated(found, SmallestDistance).is_chance
    assert not every(found, FirstIsAhead)
    assert not every(found, BestMethod)


def test_two_names_for_one_condition_have_the_same_distance(tmp_path):
    comparison = Comparison(simulate(tmp_path, at_random, "search.confirm.seeds=8", text=EQUAL_CONDITIONS))
    best, found = comparison.ranking.iloc[0], list(answer(comparison))
    assert [finding.p for finding in every(found, FirstUndecided)] == [1.0]
    assert working(stated(found, SettingsOfConditions)) == [(Part(3, 3), ("gan", "wgan"))]
    few = Obstacle("few", settings=3, needed=16)
    assert stated(found, IncomparableMethods).obstacles == ((few, ("wgan", "gan")),)
    smallest, failed = stated(found, SmallestDistance), stated(found, FailedFreshSeeds)
    assert smallest.conditions == failed.conditions == ("gan", "wgan")
    assert smallest.distance == best["distance"]
    assert smallest.interval == (best["distance_low"], best["distance_high"])
    assert failed.failed == Part(0, 8)


def test_a_single_condition_is_not_compared(tmp_path):
    found = findings_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.95), text=ONE_CONDITION)[ANSWER]
    assert isinstance(found[0], SettingsOfOnlyCondition)
    assert (found[0].settings, found[0].interval) == (Part(3, 3), about((0.44, 1.0), abs=0.005))
    assert isinstance(found[1], SmallestDistance)
    assert (found[1].is_chance, found[1].distance) == (False, about(1.1))
    failed = stated(found, FailedFreshSeeds)
    assert (failed.failed, failed.interval) == (Part(0, 4), about((0, 0.49), abs=0.005))


def test_one_seed_has_no_interval_and_no_test(tmp_path):
    found = findings_by_topic(tmp_path, works_below_a_thousandth, "seeds=1", "search.confirm.seeds=1")
    first, settings, methods, smallest, *_ = found[ANSWER]
    assert (first.reason, first.p, first.seeds) == ("one seed", None, (1, 1))
    assert working(settings) == [(Part(1, 3), ("gan", "wgan"))]
    assert methods.is_single
    assert (smallest.conditions, smallest.interval, smallest.is_chance) == (("gan",), None, True)
    rule = found["Share of settings that work"][0]
    assert isinstance(rule, WorkingRule)
    assert (rule.seeds, rule.needed) == (1, 1)


def test_if_all_settings_found_failed_none_is_called_first(tmp_path):
    found = findings_by_topic(tmp_path, all_fail)
    assert kinds(found[ANSWER]) == [AllSettingsFailed, NoSettingWorks, BudgetOfEach]
    assert found[ANSWER][0].failed == (("gan", Part(4, 4)), ("wgan", Part(4, 4)))
    assert found[ANSWER][1].tau == about(0.25)
    groups = (
        MemberGroup("explore", True, Part(6, 6), ((6, "diverged"),), 0),
        MemberGroup("confirm", True, Part(4, 4), ((4, "diverged"),), 0),
    )
    assert found["Failures"] == tuple(FailedMembers(condition=name, groups=groups) for name in ("wgan", "gan"))
    assert "Sensitivity to the rules" not in found
    assert "Ranges of hyperparameters" not in found


def test_the_only_condition_whose_setting_failed_is_named(tmp_path):
    found = findings_by_topic(tmp_path, all_fail, text=ONE_CONDITION)[ANSWER]
    assert kinds(found) == [AllSettingsFailed, NoSettingWorks, BudgetOfEach]
    assert found[0].failed == (("wgan", Part(4, 4)),)


def test_an_interval_that_reaches_into_failed_members_has_no_upper_end(tmp_path):
    def progress_of(trial, seed):
        fails = trial.phase == "confirm" and trial.condition == "gan" and seed % 8 in (0, 1)
        return DIVERGED if fails else (*RISING, 0.95 if trial.condition == "gan" else 0.5)

    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=8", "outcomes.near=0.25"))
    smallest = stated(answer(comparison), SmallestDistance)
    assert smallest.interval == about((1.1, np.nan), nan_ok=True)
    assert smallest.with_references is None
    assert not any("to failed" in sentence for topic in verdict(comparison) for sentence in topic.sentences)


def test_a_study_that_has_not_confirmed_has_the_answer_of_explore(tmp_path):
    waiting = findings_by_topic(tmp_path, works_below_a_thousandth, trials=6)
    assert kinds(waiting[ANSWER]) == [ConfirmedSoFar, SettingsOfConditions, BudgetOfEach]
    assert waiting[ANSWER][0] == ConfirmedSoFar(conditions=Part(0, 2), is_over=False)
    assert working(waiting[ANSWER][1]) == [(Part(1, 3), ("gan", "wgan"))]
    assert waiting["Share of settings that work"]
    never = findings_by_topic(tmp_path, works_below_a_thousandth, "search.confirm.best=0")
    assert kinds(never[ANSWER]) == [SettingsOfConditions, NoConfirmPhase, BudgetOfEach]


def test_a_study_without_any_trial_has_an_answer(tmp_path):
    found = findings_by_topic(tmp_path, works_below_a_thousandth, trials=0)
    assert found[ANSWER] == (ConfirmedSoFar(conditions=Part(0, 2), is_over=False),)
    assert list(found) == [ANSWER, "Caveats"]


def test_a_study_whose_trials_all_ended_without_a_result_has_an_answer(tmp_path):
    found = findings_by_topic(tmp_path, lambda trial, seed: None)
    assert found[ANSWER] == (
        ConfirmedSoFar(conditions=Part(0, 2), is_over=True),
        EndedWithoutResult(ends=(("wgan", "error"), ("gan", "error"))),
    )
    groups = (MemberGroup("explore", False, Part(6, 6), ((6, "error"),), 0),)
    assert found["Failures"] == tuple(FailedMembers(condition=name, groups=groups) for name in ("wgan", "gan"))


@pytest.mark.parametrize(("end", "name"), [("out_of_memory", "out of memory"), ("timed_out", "timed out")])
def test_a_condition_without_a_result_in_confirm_is_named_with_the_reason_and_not_called_failed(tmp_path, end, name):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.95)

    found = findings_by_topic(tmp_path, progress_of)
    assert found[ANSWER][0] == ConfirmedSoFar(conditions=Part(1, 2), is_over=True)
    assert found[ANSWER][2] == EndedWithoutResult(ends=(("gan", name),))
    assert found["Failures"] == (NoFailures(conditions=("wgan", "gan")),)


def test_a_lost_confirm_trial_leaves_its_condition_not_confirmed_yet(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.95)

    found = findings_by_topic(tmp_path, progress_of)[ANSWER]
    assert found[0] == ConfirmedSoFar(conditions=Part(1, 2), is_over=False)
    assert NotConfirmedYet(conditions=("gan",)) in found


def test_an_interrupted_study_names_the_conditions_that_are_not_confirmed(tmp_path):
    first, _, third, *_ = findings_by_topic(tmp_path, works_below_a_thousandth, trials=7)[ANSWER]
    assert first == ConfirmedSoFar(conditions=Part(1, 2), is_over=False)
    assert third == NotConfirmedYet(conditions=("gan",))


def test_members_of_trials_without_a_result_are_counted_apart_from_failed_ones(tmp_path):
    ends = {("gan", 1): "timed_out", ("gan", 2): DIVERGED}

    def progress_of(trial, seed):
        return (
            ends.get((trial.condition, trial.index), (*RISING, 0.97)) if trial.phase == "explore" else (*RISING, 0.97)
        )

    groups = (
        MemberGroup("explore", True, Part(2, 6), ((2, "diverged"),), 0),
        MemberGroup("explore", False, Part(2, 6), ((2, "timed out"),), 0),
    )
    assert findings_by_topic(tmp_path, progress_of)["Failures"] == (
        FailedMembers(condition="gan", groups=groups),
        NoFailures(conditions=("wgan",)),
    )


def test_a_setting_that_failed_on_every_seed_is_named_even_if_no_pair_is_decided(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9)

    first, failed, settings, *_ = findings_by_topic(tmp_path, progress_of, "search.confirm.seeds=3")[ANSWER]
    assert (first.conditions, first.p) == (("gan", "wgan"), about(0.1))
    assert failed == NoWorkingSetting(conditions=(("wgan", Part(3, 3)),), tried=(3, 3))
    assert working(settings) == [(Part(3, 3), ("gan",)), (Part(0, 3), ("wgan",))]
    assert (settings.largest.leading, settings.largest.is_decided) == (("gan",), False)
    assert settings.largest.p.value == about(0.75)


def test_a_setting_that_failed_on_fresh_seeds_though_settings_worked_is_named_as_that(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if (trial.condition, trial.phase) == ("wgan", "confirm") else (*RISING, 0.9)

    _, failed, *_ = findings_by_topic(tmp_path, progress_of, "search.confirm.seeds=3")[ANSWER]
    assert failed == TooManyFailed(conditions=(("wgan", Part(3, 3)),))


def test_settings_rank_ahead_of_one_that_failed_on_every_seed_instead_of_ending_closer(tmp_path):
    third = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'

    def progress_of(trial, seed):
        shift = 0.03 * (trial.condition == "gan") + 1e-3 * (seed % 5)
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9 + shift)

    seeds = "search.confirm.seeds=8"
    two = findings_by_topic(tmp_path / "two", progress_of, seeds)[ANSWER]
    assert (two[0].first, two[0].behind, two[0].no_distance) == ("gan", ("wgan",), True)
    three = findings_by_topic(tmp_path / "three", progress_of, seeds, text=STUDY + third)
    first, failed, *_ = three[ANSWER]
    assert (first.first, first.behind, first.no_distance) == ("gan", ("lsgan", "wgan"), False)
    assert failed == NoWorkingSetting(conditions=(("wgan", Part(8, 8)),), tried=(3, 3))
    closer = stated(three["Differences between conditions"], EndsCloser)
    ahead = stated(three["Differences between conditions"], AheadOfFailed)
    assert (closer.closer, closer.farther) == (("gan",), ("lsgan",))
    assert (ahead.ahead, ahead.failed) == (("gan", "lsgan"), ("wgan",))
    assert max(closer.p.value, ahead.p.value) < LEVEL


def test_several_conditions_can_have_the_largest_share_together(tmp_path):
    third = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'

    def progress_of(trial, seed):
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9)

    found = findings_by_topic(tmp_path, progress_of, "search.explore=12", text=STUDY + third)[ANSWER]
    settings = stated(found, SettingsOfConditions)
    assert working(settings) == [(Part(12, 12), ("gan", "lsgan")), (Part(0, 12), ("wgan",))]
    assert (settings.largest.leading, settings.largest.compared) == (("gan", "lsgan"), 3)
    assert settings.largest.is_decided
    assert settings.largest.p == (about(0.0044, abs=5e-5), 2, 9)


# --- hyperparameters


def test_listed_values_are_named(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.configuration.get("training.n_critic") == 5 else (*RISING, 0.97)

    fixed = ("training.critic_optimizer.lr=1e-3", "conditions.wgan.constraint.clip_value=0.01")
    found = findings_by_topic(tmp_path, progress_of, N_CRITIC_GRID, *fixed, text=ONE_CONDITION)
    first = found[ANSWER][0]
    assert isinstance(first, ValueThatWorks)
    assert first.listed == ListedValues("n_critic", every=(1, 2, 5), works=(1, 2))
    assert first.outcomes == (OutcomesAt(("diverged",), "larger", (5,)),)
    shares = found["Share of settings that work"][1]
    assert (shares.kind, shares.shares) == ("listed", ((Part(2, 3), ("wgan",), None),))
    values = ValuesTried("n_critic", works=("1", "2"), fails=("5",), shares=())
    assert found["Ranges of hyperparameters"] == (WorkingListedValues(conditions=("wgan",), values=(values,)),)


def test_without_a_profile_it_is_said_that_ranges_were_not_measured(tmp_path):
    n_critic = "conditions.wgan.training.n_critic={choice=[1,5]}"
    found = findings_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.97), "search.explore=8", n_critic)
    values = ValuesTried("n_critic", works=(), fails=(), shares=((Part(4, 4), "1"), (Part(4, 4), "5")))
    assert found["Ranges of hyperparameters"] == (
        NotProfiled(),
        WorkingListedValues(conditions=("wgan",), values=(values,)),
    )


def test_without_a_searched_hyperparameter_the_only_setting_is_repeated(tmp_path):
    fixed = "training.critic_optimizer.lr=1e-3"
    found = findings_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.97), fixed, text=EQUAL_CONDITIONS)
    assert not every(found[ANSWER], SettingsOfConditions)
    assert stated(found["Share of settings that work"], SharesOfSettings).kind == "repeated"
    assert "Ranges of hyperparameters" not in found


# --- authors' settings


def test_the_effect_of_tuning_has_distances_failures_and_a_test(tmp_path):
    def progress_of(trial, seed):
        fails = trial.condition == "gan" and trial.phase == "authors" and seed % 4 == 3
        return DIVERGED if fails else (*RISING, 0.9 if trial.phase == "authors" else 0.96)

    overrides = ["search.confirm.authors=true"]
    effects = every(findings_by_topic(tmp_path, progress_of, *overrides)["Effect of tuning"], TuningEffect)
    assert [(effect.condition, effect.failed, effect.authors_failed) for effect in effects] == [
        ("wgan", Part(0, 4), Part(0, 4)),
        ("gan", Part(0, 4), Part(1, 4)),
    ]
    for effect in effects:
        assert (effect.distance, effect.authors_distance) == about((1.08, 1.2))
        assert (effect.closer, effect.p) == (None, about(4 / 70))  # 2 / 70 with 4 seeds each, and 2 tests
    more = findings_by_topic(tmp_path / "more", progress_of, *overrides, "search.confirm.seeds=8")["Effect of tuning"]
    assert (more[0].condition, more[0].failed, more[0].closer) == ("wgan", Part(0, 8), "found")
    assert more[0].p == about(4 / 12870)


def test_a_setting_that_failed_has_no_distance(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.phase == "authors" else (*RISING, 0.96)

    first, *_ = findings_by_topic(tmp_path, progress_of, "search.confirm.authors=true")["Effect of tuning"]
    assert isnan(first.authors_distance)
    assert first.authors_failed == Part(4, 4)


# --- numbers in sentences


@cache
def formatted(value):
    """Every way in which a sentence may write a number of a table."""
    if isnan(value):
        return frozenset()
    ways = [f"{value:.3f}", f"{value:.2g}", f"{value:.3g}", f"{value:g}", format_distance(value), f"{value:.0%}"]
    return frozenset(float(text.rstrip("%")) for text in ways if text != "failed")


def numbers_of(comparison):
    numbers = {80.0, 95.0, 2.5, LEVEL}  # probability of deciding, level of the intervals, its half tail, level of tests
    for frame in [getattr(comparison, name) for name in TABLES] + [comparison.results.ranking]:
        for column in frame.select_dtypes("number"):
            for value in frame[column].dropna().unique():
                numbers |= formatted(float(value))
        numbers.add(float(len(frame)))
    for reference in comparison.results.reference_distances.values():
        numbers |= formatted(float(reference)) if reference is not None else set()
    return numbers


@pytest.mark.parametrize(("progress_of", "seeds"), [(works_below_a_thousandth, 1), (at_random, 7), (all_fail, 4)])
def test_every_number_of_a_sentence_is_in_a_table(tmp_path, progress_of, seeds):
    comparison = Comparison(simulate(tmp_path, progress_of, "search.explore=8", f"search.confirm.seeds={seeds}"))
    known = numbers_of(comparison)
    failed = comparison.outcomes[comparison.outcomes["outcome"] != "stable"]
    known |= set(failed.groupby(["condition", "phase"])["members"].sum().astype(float))
    known |= set(comparison.outcomes.groupby(["condition", "phase"])["members"].sum().astype(float))
    known |= {float(len(comparison.targets)), float((comparison.robustness["rank"] == 1).sum())}
    others = comparison.robustness[~comparison.robustness["own"]]
    leaders = others.groupby(["threshold", "value"], sort=False).head(1)
    known |= {float(len(leaders)), float(leaders["distance"].notna().sum())}
    known |= {1e-5, 1e-2, 1e-3, 1.0}  # ends of the searched ranges
    known |= {20.0, 10.0, 3.0}  # generator steps and evaluations of the budget, evaluations in the late window
    *topics, caveats = verdict(comparison)
    assert caveats.title == "Caveats"  # these have tests of their own
    for topic in topics:
        for sentence in topic.sentences:
            for number in re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w-])", sentence):
                assert float(number) in known, (number, sentence)


def with_quality(results, quality_of):
    """The same results with precision and coverage, for each seed the same pair at every evaluation."""
    distances = results.curves[results.curves["metric"] == "sliced_wasserstein"].astype({"metric": "str"})
    quality = [
        distances.assign(metric=name, value=[quality_of(row.condition, row.seed)[i] for row in distances.itertuples()])
        for i, name in enumerate(("precision", "coverage"))
    ]
    results.curves = results._typed(pd.concat([distances, *quality], ignore_index=True))
    results.real_values = {"precision": 0.96, "coverage": 0.995}
    results.gaussian_values = {"precision": 0.39, "coverage": 0.36}
    return results


def test_precision_and_coverage_of_the_first_are_given_with_those_of_real_data_and_the_gaussian(tmp_path):
    """One of four seeds has no finite sample: medians of 0, .5, .6 and .7, and of 0, .3, .5 and .7."""
    by_seed = [(np.nan, np.nan), (0.5, 0.7), (0.6, 0.5), (0.7, 0.3)]

    def quality_of(condition, seed):
        return by_seed[seed % 4] if condition == "gan" else (0.1, 0.1)

    results = with_quality(simulate(tmp_path, works_below_a_thousandth), quality_of)
    assert stated(answer(Comparison(results)), SampleQuality) == SampleQuality(
        condition="gan",
        precision=Quality(about(0.55), real=0.96, gaussian=0.39),
        coverage=Quality(about(0.4), real=0.995, gaussian=0.36),
    )


@pytest.mark.parametrize("progress_of", [works_below_a_thousandth, all_fail])
def test_there_is_no_finding_on_precision_that_was_not_measured_or_of_settings_that_failed(tmp_path, progress_of):
    results = simulate(tmp_path, progress_of)
    if progress_of is all_fail:
        with_quality(results, lambda condition, seed: (0.5, 0.5))
    assert not every(answer(Comparison(results)), SampleQuality)


@pytest.mark.parametrize(("gaussian", "position"), [(1.0, "below"), (1.16, "within"), (2.0, "above")])
def test_the_first_is_compared_with_the_gaussian_right_after_its_distance(tmp_path, gaussian, position):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": gaussian}
    found: list[Any] = list(answer(comparison))
    place = kinds(found).index(SmallestDistance)
    assert found[place].distance == about(1.16)
    assert found[place + 1 : place + 3] == [
        AgainstGaussian(distance=gaussian, goal="the real data", position=position),
        DistanceOfRealSamples(distance=0.5, goal="the real data"),
    ]


def test_without_a_gaussian_the_first_is_not_compared_with_one(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": None}
    found = list(answer(comparison))
    assert stated(found, DistanceOfRealSamples).distance == 0.5
    assert not every(found, AgainstGaussian)


def test_one_seed_has_no_interval_to_compare_with_the_gaussian(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth, "search.confirm.seeds=1"))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": 1.0}
    against = stated(answer(comparison), AgainstGaussian)
    assert (against.distance, against.position) == (1.0, None)


def test_sentences_stay_few_with_seventeen_conditions(tmp_path):
    more = "".join(CONDITION.replace('"gan"\npreset', f'"gan-{i}"\npreset') for i in range(15))

    def progress_of(trial, seed):
        rank = sum(map(ord, trial.condition)) % 7
        fails = trial.phase == "explore" and (seed + rank) % 3 == 0
        return DIVERGED if fails else (*RISING, 0.9 + 0.005 * rank)

    compared = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=8", text=STUDY + more))
    sentences = {topic.title: topic.sentences for topic in verdict(compared) if topic.title != "Caveats"}
    assert all(len(own) <= MAX_ITEMS + 4 for own in sentences.values()), {k: len(v) for k, v in sentences.items()}
    assert sum(map(len, sentences.values())) < 40
    assert max(len(sentence) for own in sentences.values() for sentence in own) < 500


# --- phrases


def test_long_lists_end_with_a_count():
    assert [join_words(list("abcdefgh")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert join_words(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    findings = [NotConfirmedYet(conditions=(name,)) for name in "abcdefgh"]
    assert list(first_findings(findings[:6], "pairs")) == findings[:6]
    assert list(first_findings(findings, "pairs")) == [*findings[:5], MoreRows(table="pairs", count=3)]


def test_a_small_distance_is_never_rounded_to_zero():
    values = (0.0, 0.0496, 12.3456, 0.01, 0.00149, 3.2e-9)
    expected = ["0", "0.050", "12.346", "0.010", "0.0015", "3.2e-09"]
    assert [format_distance(value) for value in values] == expected
    assert [distance_in_words(value) for value in values] == expected


@pytest.mark.parametrize("failed", [float("nan"), float("inf")])
def test_a_missing_distance_is_given_in_words(failed):
    assert format_distance(failed) == "failed"
    assert distance_in_words(failed) == "no distance (too many seeds failed)"
    assert format_interval(0.126, failed) == "at least 0.126"
    assert format_interval(failed, failed) == "–"
    assert interval_in_words((0.126, failed)).startswith("95% interval from 0.126 upwards, since in at least 2.5% of ")
    assert interval_in_words((0.126, 0.2)) == "95% interval 0.126 to 0.200"


@pytest.mark.parametrize(
    ("needed", "pairs", "most"),
    [
        ([12], 1, None),
        ([12, 12], 2, None),
        ([12, 12, None], 2, None),
        ([12, 40], 1, MostNeeded(number=40, unit="fresh seeds", some_equal=False)),
        ([12, 40, None], 1, MostNeeded(number=40, unit="fresh seeds", some_equal=True)),
    ],
)
def test_the_number_that_would_decide_undecided_pairs_is_stated(needed, pairs, most):
    undecided = pd.DataFrame(
        {"condition": "a", "other": list("bcd")[: len(needed)], "needed": pd.array(needed, dtype="Int64")}
    )
    fewest = FewestNeeded(
        number=12,
        unit="fresh seeds",
        pair=("a", "b") if pairs == 1 else None,
        pairs=pairs,
        undecided=len(needed),
        is_fewest=most is not None,
    )
    assert list(number_needed(undecided, "fresh seeds")) == [fewest, *([most] if most else [])]
    assert not list(number_needed(undecided.assign(needed=pd.array([None] * len(needed), dtype="Int64")), "seeds"))


def test_a_hyperparameter_of_an_optimizer_is_named_with_its_network():
    assert short_name("constraint.clip_value") == "clip_value"
    assert short_name("training.critic_optimizer.lr") == "critic lr"


def test_the_target_in_the_text_is_the_smallest_that_settings_of_two_conditions_reach(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    rows = rows_at_target(comparison, comparison.volumes)
    assert rows["tau"].unique().tolist() == about([0.1])
    assert isinstance(rows, pd.DataFrame)
