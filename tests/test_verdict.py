"""The sentences about a study: each follows from its tables, and every number in them is in a table."""

import re
from functools import cache
from math import isnan

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate

from studies.analysis import robustness
from studies.analysis.comparison import Comparison
from studies.file.messages import short_name
from studies.numbers import format_distance, format_interval
from studies.reporting.page.page_text import TABLES
from studies.reporting.text.answer import answer
from studies.reporting.text.phrases import (
    MAX_ITEMS,
    distance_in_words,
    first_sentences,
    interval_in_words,
    join_words,
    number_needed,
)
from studies.reporting.text.stable_settings import rows_at_target
from studies.reporting.text.verdict import ANSWER, verdict
from studies.reporting.text.working_ranges import NOT_PROFILED
from studies.statistics.permutation import LEVEL
from studies.tables.results import Results

LR = "training.critic_optimizer.lr"
DIVERGED = (0, -0.2)
EQUAL_CONDITIONS = STUDY.replace('preset = "wgan"', 'preset = "gan"').replace(
    "constraint.clip_value = {log_uniform = [1e-3, 1.0]}\ntraining.n_critic = 2\n", ""
)
CONDITION = STUDY[STUDY.rindex("[[conditions]]") :]
BUDGET = (
    "Every GAN had a budget of 20 generator steps; its distance is its late distance, the median over the last 3 of "
    "its 10 evaluations."
)
SINGLE_SETTINGS = (
    "The ranking compares single settings, not methods under search: 3 random settings count, and 16 are needed."
)
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


def sentences_by_topic(folder, progress_of, *overrides, **options):
    folder.mkdir(exist_ok=True)
    comparison = Comparison(simulate(folder, progress_of, *overrides, **options))
    return {topic.title: topic.sentences for topic in verdict(comparison)}


# --- exact sentences


def test_the_sentences_about_a_small_study_word_by_word(tmp_path):
    topics = sentences_by_topic(tmp_path, works_below_a_thousandth, "search.explore=16", "search.confirm.seeds=8")
    assert topics[ANSWER] == (
        "If 4 random settings of each method are tried, the best of gan comes closer to the real data than that of "
        "wgan (p = 0.002).",
        "The setting found for gan ends closer to the real data than the one found for wgan (p = 0.00016).",
        "For each of gan and wgan, 10 of 16 randomly drawn settings are stable and end within 0.100 of the real data.",
        "The setting found for gan ends at a distance of 1.160 from the real data (95% interval 1.160 to 1.160).",
        "Other real samples have a distance of 1.000 from the real data.",
        "0 of 8 fresh seeds of the setting found for gan failed (95% interval of the failure rate 0% to 32%).",
        BUDGET,
    )
    assert topics["Share of settings that work"] == (
        "A setting works if all 2 of its seeds are stable and end within 0.100 of the real data, 90% of the way from a "
        "constant to real data.",
        "Target distances tried: 0.250, 0.100 and 0.050 (75%, 90% and 95% of the way from a constant to real data).",
        "The smallest that settings of at least two conditions reach is used: 0.100.",
        "The shares are therefore those at a target chosen after the fact.",
        "Randomly drawn settings that work, with the 95% interval of their share: 10 of 16 for each of gan and wgan "
        "(39% to 82%).",
        "The difference between the two shares is undecided (p = 1).",
    )
    assert topics["Failures"] == (
        "wgan: 12 of 32 GANs of the explore phase failed (12 diverged).",
        "gan: 12 of 32 GANs of the explore phase failed (12 diverged).",
    )
    assert topics["Sensitivity to the rules"] == (
        "The setting found for gan stays first in the ranking under all 2 variants of the outcome rules (one threshold "
        "changed at a time).",
        "If all curves are cut at 20 critic steps, the fewest that any setting found takes, the setting found for gan "
        "stays first; this rests on few evaluations: 5 for wgan.",
    )
    assert "Differences between conditions" not in topics  # the answer has the only pair
    assert "Effect of tuning" not in topics


def test_where_distances_are_not_whole_nothing_is_said_on_other_rules(tmp_path, monkeypatch):
    monkeypatch.setattr(Results, "whole", False)
    topics = sentences_by_topic(tmp_path, works_below_a_thousandth, "search.explore=4", "search.confirm.seeds=3")
    assert topics[ANSWER]
    assert "Sensitivity to the rules" not in topics


def test_settings_that_differ_by_chance_alone_are_called_undecided(tmp_path):
    comparison = Comparison(simulate(tmp_path, at_random, "search.explore=8", "search.confirm.seeds=8"))
    p = comparison.pairs["p_adjusted"].iloc[0]
    first, _, _, fourth, *_ = answer(comparison)
    best, other = comparison.ranking["condition"]
    assert first == (
        f"Whether the setting found for {best} or the one found for {other} ends closer to the real data is undecided: "
        f"p = {p:.2g} with 8 fresh seeds each."
    )
    assert fourth.startswith(
        f"On these seeds the setting found for {best} has the smallest distance from the real data, "
    )
    assert not any(word in " ".join(answer(comparison)) for word in ("better", "closest", "ends at", "is decided"))


def test_two_names_for_one_condition_have_the_same_distance(tmp_path):
    comparison = Comparison(simulate(tmp_path, at_random, "search.confirm.seeds=8", text=EQUAL_CONDITIONS))
    best = comparison.ranking.iloc[0]
    ends = " to ".join(f"{best[f'distance_{end}']:.3f}" for end in ("low", "high"))
    assert answer(comparison) == (
        "Whether the setting found for gan or the one found for wgan ends closer to the real data is undecided: p = 1 "
        "with 8 fresh seeds each.",
        "For each of gan and wgan, 3 of 3 randomly drawn settings are stable and end within 0.100 of the real data.",
        SINGLE_SETTINGS,
        f"The settings found for gan and wgan have the same distance from the real data, {best['distance']:.3f} (95% "
        f"interval {ends}).",
        "Other real samples have a distance of 1.000 from the real data.",
        "0 of 8 fresh seeds of each of the settings found for gan and wgan failed (95% interval of the failure rate 0% "
        "to 32%).",
        BUDGET,
    )


def test_a_single_condition_is_not_compared(tmp_path):
    topics = sentences_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.95), text=ONE_CONDITION)
    first, second, *_ = topics[ANSWER]
    assert first == (
        "3 of 3 randomly drawn settings of wgan are stable and end within 0.250 of the real data (44% to 100%)."
    )
    assert second == (
        "The setting found for wgan ends at a distance of 1.100 from the real data (95% interval 1.100 to 1.100)."
    )
    assert (
        "0 of 4 fresh seeds of the setting found for wgan failed (95% interval of the failure rate 0% to 49%)."
    ) in topics[ANSWER]


def test_one_seed_has_no_interval_and_no_test(tmp_path):
    topics = sentences_by_topic(tmp_path, works_below_a_thousandth, "seeds=1", "search.confirm.seeds=1")
    assert topics[ANSWER][:4] == (
        "Whether the setting found for gan or the one found for wgan ends closer to the real data is undecided: one "
        "fresh seed each is too few for a test.",
        "For each of gan and wgan, 1 of 3 randomly drawn settings are stable and end within 0.100 of the real data.",
        SINGLE_SETTINGS,
        "On these seeds the setting found for gan has the smallest distance from the real data, 1.160, with one fresh "
        "seed, which is too few for an interval.",
    )
    assert topics["Share of settings that work"][0].startswith("A setting works if its seed is stable and ends within")


def test_if_all_settings_found_failed_none_is_called_first(tmp_path):
    topics = sentences_by_topic(tmp_path, all_fail)
    assert topics[ANSWER] == (
        "All settings found failed on fresh seeds: 4 of 4 for gan and 4 of 4 for wgan.",
        "No setting that was tried is stable and ends within 0.250 of the real data.",
        BUDGET,
    )
    assert topics["Failures"] == (
        "wgan: 6 of 6 GANs of the explore phase failed (6 diverged) and 4 of 4 fresh seeds of the setting found failed "
        "(4 diverged).",
        "gan: 6 of 6 GANs of the explore phase failed (6 diverged) and 4 of 4 fresh seeds of the setting found failed "
        "(4 diverged).",
    )
    assert "Sensitivity to the rules" not in topics
    assert "Ranges of hyperparameters" not in topics


def test_the_only_condition_whose_setting_failed_is_named(tmp_path):
    assert sentences_by_topic(tmp_path, all_fail, text=ONE_CONDITION)[ANSWER] == (
        "The setting found for wgan failed on 4 of 4 fresh seeds.",
        "No setting that was tried is stable and ends within 0.250 of the real data.",
        BUDGET,
    )


def test_an_interval_that_reaches_into_failed_members_has_no_upper_end(tmp_path):
    def progress_of(trial, seed):
        fails = trial.phase == "confirm" and trial.condition == "gan" and seed % 8 in (0, 1)
        return DIVERGED if fails else (*RISING, 0.95 if trial.condition == "gan" else 0.5)

    topics = sentences_by_topic(tmp_path, progress_of, "search.confirm.seeds=8", "outcomes.near=0.25")
    (sentence,) = [sentence for sentence in topics[ANSWER] if "upwards" in sentence]
    assert (
        "1.100 (95% interval from 1.100 upwards, since in at least 2.5% of the resamples too many seeds f" in sentence
    )
    assert not any("to failed" in sentence for sentences in topics.values() for sentence in sentences)


def test_a_study_that_has_not_confirmed_has_the_answer_of_explore(tmp_path):
    shares = (
        "For each of gan and wgan, 1 of 3 randomly drawn settings are stable and end within 0.100 of the real data."
    )
    waiting = sentences_by_topic(tmp_path, works_below_a_thousandth, trials=6)
    assert waiting[ANSWER] == ("No setting has been confirmed on fresh seeds yet.", shares, BUDGET)
    assert waiting["Share of settings that work"]
    never = sentences_by_topic(tmp_path, works_below_a_thousandth, "search.confirm.best=0")
    assert never[ANSWER] == (
        shares,
        "There is no ranking, because the study has no confirm phase (search.confirm.best = 0).",
        BUDGET,
    )


def test_a_study_without_any_trial_has_an_answer(tmp_path):
    topics = sentences_by_topic(tmp_path, works_below_a_thousandth, trials=0)
    assert topics[ANSWER] == ("No setting has been confirmed on fresh seeds yet.",)
    assert list(topics) == [ANSWER, "Caveats"]


def test_a_study_whose_trials_all_ended_without_a_result_has_an_answer(tmp_path):
    topics = sentences_by_topic(tmp_path, lambda trial, seed: None)
    assert topics[ANSWER] == (
        "No setting could be confirmed on fresh seeds.",
        "Not confirmed, because training on fresh seeds ended without a result, and therefore not in the ranking: wgan "
        "(error) and gan (error).",
    )
    assert topics["Failures"] == (
        "wgan: 6 of 6 GANs of the explore phase have no result and did not work (6 error).",
        "gan: 6 of 6 GANs of the explore phase have no result and did not work (6 error).",
    )


@pytest.mark.parametrize(("end", "name"), [("out_of_memory", "out of memory"), ("timed_out", "timed out")])
def test_a_condition_without_a_result_in_confirm_is_named_with_the_reason_and_not_called_failed(tmp_path, end, name):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.95)

    topics = sentences_by_topic(tmp_path, progress_of)
    first, third = topics[ANSWER][0], topics[ANSWER][2]
    assert first == "Only 1 of 2 conditions is confirmed on fresh seeds."
    assert third == (
        "Not confirmed, because training on fresh seeds ended without a result, and therefore not in the ranking: gan "
        f"({name})."
    )
    assert topics["Failures"] == ("No failures: wgan and gan.",)


def test_a_lost_confirm_trial_leaves_its_condition_not_confirmed_yet(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.condition, trial.phase) == ("gan", "confirm") else (*RISING, 0.95)

    answer_topic = sentences_by_topic(tmp_path, progress_of)[ANSWER]
    assert answer_topic[0] == "So far only 1 of 2 conditions is confirmed on fresh seeds."
    assert "Not confirmed yet, and therefore not in the ranking: gan." in answer_topic


def test_an_interrupted_study_names_the_conditions_that_are_not_confirmed(tmp_path):
    first, _, third, *_ = sentences_by_topic(tmp_path, works_below_a_thousandth, trials=7)[ANSWER]
    assert first == "So far only 1 of 2 conditions is confirmed on fresh seeds."
    assert third == "Not confirmed yet, and therefore not in the ranking: gan."


def test_members_of_trials_without_a_result_are_counted_apart_from_failed_ones(tmp_path):
    ends = {("gan", 1): "timed_out", ("gan", 2): DIVERGED}

    def progress_of(trial, seed):
        return (
            ends.get((trial.condition, trial.index), (*RISING, 0.97)) if trial.phase == "explore" else (*RISING, 0.97)
        )

    assert sentences_by_topic(tmp_path, progress_of)["Failures"] == (
        "gan: 2 of 6 GANs of the explore phase failed (2 diverged) and 2 of 6 GANs of the explore phase have no result "
        "and did not work (2 timed out).",
        "No failures: wgan.",
    )


def test_a_setting_that_failed_on_every_seed_is_named_even_if_no_pair_is_decided(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9)

    sentences = sentences_by_topic(tmp_path, progress_of, "search.confirm.seeds=3")[ANSWER]
    assert sentences[:3] == (
        "Whether the setting found for gan or the one found for wgan ends closer to the real data is undecided: p = "
        "0.1 with 3 fresh seeds each.",
        "All fresh seeds of the setting found for wgan failed and count as infinitely far.",
        "Randomly drawn settings that are stable and end within 0.250 of the real data: 3 of 3 for gan, 0 of 3 for "
        "wgan (which share is the largest is undecided, adjusted p = 0.75).",
    )


def test_settings_rank_ahead_of_one_that_failed_on_every_seed_instead_of_ending_closer(tmp_path):
    third = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'

    def progress_of(trial, seed):
        shift = 0.03 * (trial.condition == "gan") + 1e-3 * (seed % 5)
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9 + shift)

    seeds = "search.confirm.seeds=8"
    two = sentences_by_topic(tmp_path / "two", progress_of, seeds)[ANSWER]
    assert re.fullmatch(r"The setting found for gan ranks ahead of the one found for wgan \(p = [\d.e-]+\)\.", two[0])
    topics = sentences_by_topic(tmp_path / "three", progress_of, seeds, text=STUDY + third)
    assert topics[ANSWER][0].startswith(
        "The setting found for gan ends closer to the real data than the settings found for the 2 other conditions (p "
    )
    assert topics[ANSWER][1] == "All fresh seeds of the setting found for wgan failed and count as infinitely far."
    _, closer, ahead, *_ = topics["Differences between conditions"]
    assert closer.startswith("The setting found for gan ends closer to the real data than the one found for lsgan (p ")
    assert ahead.startswith(
        "The settings found for gan and lsgan rank ahead of the one found for wgan, whose fresh seeds all failed and "
        "count as infinitely far (p "
    )


def test_several_conditions_can_have_the_largest_share_together(tmp_path):
    third = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'

    def progress_of(trial, seed):
        return DIVERGED if trial.condition == "wgan" else (*RISING, 0.9)

    sentences = sentences_by_topic(tmp_path, progress_of, "search.explore=12", text=STUDY + third)[ANSWER]
    assert (
        "Randomly drawn settings that are stable and end within 0.100 of the real data: 12 of 12 for each of gan and "
        "lsgan, 0 of 12 for wgan (the shares of gan and lsgan are larger than the others, adjusted p <= 0.0044)."
    ) in sentences


# --- hyperparameters


def test_listed_values_are_named(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.configuration.get("training.n_critic") == 5 else (*RISING, 0.97)

    fixed = ("training.critic_optimizer.lr=1e-3", "conditions.wgan.constraint.clip_value=0.01")
    topics = sentences_by_topic(tmp_path, progress_of, N_CRITIC_GRID, *fixed, text=ONE_CONDITION)
    assert topics[ANSWER][0] == (
        "wgan is stable and ends within 0.250 of the real data at n_critic = 1 and 2 (best: 1), of 3 values from 1 to "
        "5; the most frequent outcome is diverged at the larger value."
    )
    assert topics["Share of settings that work"][1] == "Listed settings that work: 2 of 3 for wgan."
    assert topics["Ranges of hyperparameters"] == ("wgan: n_critic works at 1 and 2, but not at 5.",)


def test_without_a_profile_it_is_said_that_ranges_were_not_measured(tmp_path):
    n_critic = "conditions.wgan.training.n_critic={choice=[1,5]}"
    topics = sentences_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.97), "search.explore=8", n_critic)
    assert topics["Ranges of hyperparameters"] == (
        NOT_PROFILED,
        "wgan: working settings for each n_critic: 4 of 4 with n_critic = 1 and 4 of 4 with n_critic = 5.",
    )


def test_without_a_searched_hyperparameter_the_only_setting_is_repeated(tmp_path):
    fixed = "training.critic_optimizer.lr=1e-3"
    topics = sentences_by_topic(tmp_path, lambda trial, seed: (*RISING, 0.97), fixed, text=EQUAL_CONDITIONS)
    assert "drawn" not in " ".join(topics[ANSWER])
    assert topics["Share of settings that work"][4].startswith("Repetitions of the only setting that work")
    assert "Ranges of hyperparameters" not in topics


# --- authors' settings


def test_the_effect_of_tuning_has_distances_failures_and_a_test(tmp_path):
    def progress_of(trial, seed):
        fails = trial.condition == "gan" and trial.phase == "authors" and seed % 4 == 3
        return DIVERGED if fails else (*RISING, 0.9 if trial.phase == "authors" else 0.96)

    overrides = ["search.confirm.authors=true"]
    assert sentences_by_topic(tmp_path, progress_of, *overrides)["Effect of tuning"] == (
        "wgan: distance 1.080 with the setting found (0 of 4 seeds failed), 1.200 with the authors' setting (0 of 4 "
        "seeds failed); the difference is undecided (p = 0.057).",
        "gan: distance 1.080 with the setting found (0 of 4 seeds failed), 1.200 with the authors' setting (1 of 4 "
        "seeds failed); the difference is undecided (p = 0.057).",
    )
    more = sentences_by_topic(tmp_path / "more", progress_of, *overrides, "search.confirm.seeds=8")["Effect of tuning"]
    assert more[0] == (
        "wgan: distance 1.080 with the setting found (0 of 8 seeds failed), 1.200 with the authors' setting (0 of 8 "
        "seeds failed); the setting found ends closer (p = 0.00031)."
    )


def test_a_setting_that_failed_is_called_failed_in_words(tmp_path):
    def progress_of(trial, seed):
        return DIVERGED if trial.phase == "authors" else (*RISING, 0.96)

    first, *_ = sentences_by_topic(tmp_path, progress_of, "search.confirm.authors=true")["Effect of tuning"]
    assert "no distance (too many seeds failed) with the authors' setting (4 of 4 seeds failed)" in first


# --- properties


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
    leaders = comparison.robustness[(comparison.robustness["rank"] == 1) & ~comparison.robustness["own"]]
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
    (sentence,) = [sentence for sentence in answer(Comparison(results)) if "generated samples" in sentence]
    assert sentence == (
        "For the setting found for gan, 55% of the generated samples lie close to a real one (precision; other real "
        "samples 96%, the Gaussian 39%), and 40% of the real samples have a generated one close by (coverage; other "
        "real samples 100%, the Gaussian 36%)."
    )


@pytest.mark.parametrize("progress_of", [works_below_a_thousandth, all_fail])
def test_there_is_no_sentence_on_precision_that_was_not_measured_or_of_settings_that_failed(tmp_path, progress_of):
    results = simulate(tmp_path, progress_of)
    if progress_of is all_fail:
        with_quality(results, lambda condition, seed: (0.5, 0.5))
    assert not any("precision" in sentence for sentence in answer(Comparison(results)))


@pytest.mark.parametrize(
    ("gaussian", "opening", "position"),
    [
        (1.0, "is farther from the real data than", "below"),
        (1.16, "cannot be told apart from", "within"),
        (2.0, "is closer to the real data than", "above"),
    ],
)
def test_the_first_is_compared_with_the_gaussian_right_after_its_distance(tmp_path, gaussian, opening, position):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": gaussian}
    sentences = answer(comparison)
    (place,) = [i for i, sentence in enumerate(sentences) if "ends at a distance of 1.160 from" in sentence]
    assert sentences[place + 1 : place + 3] == (
        f"This {opening} samples of a Gaussian with the mean and covariance of the real data (distance {gaussian:.3f}, "
        f"{position} the interval).",
        "Other real samples have a distance of 0.500 from the real data.",
    )


def test_without_a_gaussian_the_first_is_not_compared_with_one(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": None}
    sentences = answer(comparison)
    assert "Other real samples have a distance of 0.500 from the real data." in sentences
    assert "Gaussian" not in " ".join(sentences)


def test_one_seed_has_no_interval_to_compare_with_the_gaussian(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth, "search.confirm.seeds=1"))
    comparison.results.reference_distances = {"real": 0.5, "constant": 3.0, "gaussian": 1.0}
    assert (
        "Samples of a Gaussian with the mean and covariance of the real data have a distance of 1.000 from the real "
        "data."
    ) in answer(comparison)


def test_sentences_stay_few_with_seventeen_conditions(tmp_path):
    more = "".join(CONDITION.replace('"gan"\npreset', f'"gan-{i}"\npreset') for i in range(15))

    def progress_of(trial, seed):
        rank = sum(map(ord, trial.condition)) % 7
        fails = trial.phase == "explore" and (seed + rank) % 3 == 0
        return DIVERGED if fails else (*RISING, 0.9 + 0.005 * rank)

    topics = sentences_by_topic(tmp_path, progress_of, "search.confirm.seeds=8", text=STUDY + more)
    del topics["Caveats"]
    assert all(len(sentences) <= MAX_ITEMS + 4 for sentences in topics.values()), {k: len(v) for k, v in topics.items()}
    assert sum(map(len, topics.values())) < 40
    assert max(len(sentence) for sentences in topics.values() for sentence in sentences) < 500


def test_every_sentence_ends_with_a_full_stop_and_has_no_gap(tmp_path):
    overrides = (N_CRITIC_GRID, "search.confirm.authors=true")
    for topic in verdict(Comparison(simulate(tmp_path, works_below_a_thousandth, *overrides))):
        for sentence in topic.sentences:
            assert sentence.endswith(".")
            assert "nan" not in sentence
            assert "  " not in sentence


# --- phrases


def test_long_lists_end_with_a_count():
    assert [join_words(list("abcdefgh")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert join_words(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    assert list(first_sentences(list("abcdefgh"), "pairs")) == [*"abcde", "The table `pairs` has 3 more."]


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
    assert interval_in_words(0.126, failed).startswith("95% interval from 0.126 upwards, since in at least 2.5% of ")
    assert interval_in_words(0.126, 0.2) == "95% interval 0.126 to 0.200"


FEWEST = "the undecided pair that needs the fewest, a against b, with a probability of 80%."


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ([12], ["a against b, with a probability of 80%."]),
        ([12, 12], ["every undecided pair, with a probability of 80% for each pair."]),
        ([12, 40], [FEWEST, "every undecided pair, with a probability of 80% for each pair."]),
        (
            [12, 40, None],
            [
                FEWEST,
                "every undecided pair whose observed difference is not zero, with a probability of 80% for each pair.",
            ],
        ),
    ],
)
def test_the_number_that_would_decide_undecided_pairs_is_named(needed, expected):
    undecided = pd.DataFrame(
        {"condition": "a", "other": list("bcd")[: len(needed)], "needed": pd.array(needed, dtype="Int64")}
    )
    openings = (
        "Rough estimate: if the true differences were as large as the observed ones, about 12",
        "By the same estimate about 40",
    )
    assert list(number_needed(undecided, "fresh seeds")) == [
        f"{opening} fresh seeds per condition would be needed to decide {pairs}"
        for opening, pairs in zip(openings, expected, strict=False)
    ]
    assert not list(number_needed(undecided.assign(needed=pd.array([None] * len(needed), dtype="Int64")), "seeds"))


def test_a_hyperparameter_of_an_optimizer_is_named_with_its_network():
    assert short_name("constraint.clip_value") == "clip_value"
    assert short_name("training.critic_optimizer.lr") == "critic lr"


def test_the_target_in_the_text_is_the_smallest_that_settings_of_two_conditions_reach(tmp_path):
    comparison = Comparison(simulate(tmp_path, works_below_a_thousandth))
    rows = rows_at_target(comparison, comparison.volumes)
    assert rows["tau"].unique().tolist() == pytest.approx([0.1])
    assert isinstance(rows, pd.DataFrame)
