"""A study's answer in words: what is said follows from its tables, and nothing else is said."""

import re
from functools import cache
from math import isnan

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate

from studies.comparison import Comparison, robustness
from studies.report.words import TABLES
from studies.sentences import knob_name
from studies.verdict import ANSWER, answer, told, verdict
from studies.verdict.phrases import MOST, distance, few, listed

LR = "training.critic_optimizer.lr"
LOST = (0, -0.2)
TWINS = STUDY.replace('preset = "wgan"', 'preset = "gan"').replace(
    "constraint.clip_value = {log_uniform = [1e-3, 1.0]}\ntraining.n_critic = 2\n", ""
)
CONDITION = STUDY[STUDY.rindex("[[conditions]]") :]
ONE = STUDY[: STUDY.rindex("[[conditions]]")]
GRID = "conditions.wgan.training.n_critic={grid=[1,2,5]}"


@pytest.fixture(autouse=True)
def _two_other_thresholds(monkeypatch):
    """That each is changed has tests of its own, and takes half of the time."""
    monkeypatch.setattr(robustness, "LADDERS", dict.fromkeys(robustness.LADDERS, ()) | {"near": (0.5, 0.75, 0.9)})


def below_a_thousandth(planned, seed):
    """Of the truth: a critic's rate below 1e-3 works, and clipping costs a little."""
    good = planned.configuration.get(LR, 0) < 1e-3
    return (*RISING, 0.92 if planned.condition == "gan" else 0.91) if good else LOST


def scattered(planned, seed):
    """The same for every condition: members as far as chance has it."""
    rng = np.random.default_rng([seed, ord(planned.condition[0]), planned.index])
    return (*RISING, 0.9 + 0.05 * rng.random())


def everyone_fails(planned, seed):
    return LOST


def said(folder, fate, *overrides, **options):
    """The sentences of each topic."""
    compared = Comparison(simulate(folder, fate, *overrides, **options))
    return {topic.title: topic.sentences for topic in verdict(compared)}


# --- exact sentences


def test_a_small_study_is_told_word_by_word(tmp_path):
    topics = said(tmp_path, below_a_thousandth, "search.explore=16", "search.confirm.seeds=8")
    assert topics[ANSWER] == (
        "gan comes closer to the real data than wgan (p = 0.00016); settings end stable within 0.100 of the real data "
        "equally often for gan and wgan, 10 of 16.",
        "The setting found for gan ends at a distance of 1.160 from the real data, 95% interval 1.160 to 1.160, over 8 "
        "fresh seeds, of which none failed (interval 0% to 32%).",
        "Real data are 1.000 from each other.",
    )
    assert topics["Stable without tuning"] == (
        "A setting works if all 2 of its seeds end stable within 0.100 of the real data, 90% of the way there from a "
        "constant; of 3 distances it is the smallest that two conditions reach.",
        "Settings drawn from the ranges that work, with 95% intervals: 10 of 16 for gan and wgan (39% to 82%).",
        "Whether the two differ in this is undecided.",
    )
    assert topics["What failed and how"] == (
        "wgan: 12 of 32 explored members failed (12 diverged).",
        "gan: 12 of 32 explored members failed (12 diverged).",
    )
    assert topics["Does it depend on how one looks"] == (
        "gan stays first under each of 2 other thresholds, changed one at a time.",
        "Held to 20 critic steps each, gan stays first.",
    )
    assert "Which of them differ" not in topics  # the answer says it of two
    assert "What tuning buys" not in topics


def test_conditions_that_only_chance_tells_apart_are_undecided_in_words(tmp_path):
    compared = Comparison(simulate(tmp_path, scattered, "search.explore=8", "search.confirm.seeds=8"))
    p = compared.pairs["p_adjusted"].iloc[0]
    first, nearest, *_ = answer(compared)
    both = " and ".join(compared.ranking["condition"])
    undecided = f"Which of {both} comes closer to the real data is undecided by 8 fresh seeds each (p = {p:.2g}); "
    assert first.startswith(undecided)
    assert nearest.startswith(f"On these seeds the setting found for {compared.ranking['condition'][0]} is the closest")
    assert not any(word in " ".join(answer(compared)) for word in ("better", "closest to", "needs the least tuning:"))


def test_one_condition_under_two_names_is_tied_with_itself(tmp_path):
    compared = Comparison(simulate(tmp_path, scattered, "search.confirm.seeds=8", text=TWINS))
    best = compared.ranking.iloc[0]
    ends = " to ".join(f"{best[f'distance_{end}']:.3f}" for end in ("low", "high"))
    assert answer(compared)[:2] == (
        "Which of gan and wgan comes closer to the real data is undecided by 8 fresh seeds each (p = 1); settings end "
        "stable within 0.100 of the real data equally often for gan and wgan, 3 of 3.",
        f"The settings found for gan and wgan come equally close to the real data: distance {best['distance']:.3f}, "
        f"95% interval {ends}, over 8 fresh seeds, of which none failed (interval 0% to 32%).",
    )


def test_one_condition_is_not_the_closest_of_anything(tmp_path):
    first, second, *_ = said(tmp_path, lambda planned, seed: (*RISING, 0.95), text=ONE)[ANSWER]
    assert first == (
        "3 of 3 settings drawn from the ranges of wgan end stable within 0.250 of the real data (44% to 100%)."
    )
    assert second == (
        "The setting found for wgan ends at a distance of 1.100 from the real data, 95% interval 1.100 to 1.100, over "
        "4 fresh seeds, of which none failed (interval 0% to 49%)."
    )


def test_one_seed_has_no_interval_and_no_test(tmp_path):
    topics = said(tmp_path, below_a_thousandth, "seeds=1", "search.confirm.seeds=1")
    assert topics[ANSWER][:2] == (
        "Which of gan and wgan comes closer to the real data is undecided, since one fresh seed each is too few for a "
        "test; settings end stable within 0.100 of the real data equally often for gan and wgan, 1 of 3.",
        "On these seeds the setting found for gan is the closest: it ends at a distance of 1.160 from the real data "
        "with one fresh seed, too few for an interval.",
    )
    assert topics["Stable without tuning"][0].startswith("A setting works if its seed ends stable within")


def test_where_all_failed_nobody_is_first(tmp_path):
    topics = said(tmp_path, everyone_fails)
    assert topics[ANSWER] == (
        "No setting that was found is stable, 4 of 4 fresh seeds failed for gan and 4 of 4 for wgan; no setting that "
        "was tried ends stable within 0.250 of the real data.",
    )
    assert topics["What failed and how"] == (
        "wgan: 6 of 6 explored members failed (6 diverged) and 4 of 4 fresh seeds of the setting found failed (4 "
        "diverged).",
        "gan: 6 of 6 explored members failed (6 diverged) and 4 of 4 fresh seeds of the setting found failed (4 "
        "diverged).",
    )
    assert "Does it depend on how one looks" not in topics
    assert "Over which range" not in topics


def test_one_condition_that_failed_is_said_to_be_unstable(tmp_path):
    assert said(tmp_path, everyone_fails, text=ONE)[ANSWER] == (
        "The setting found for wgan is not stable, 4 of 4 fresh seeds failed; no setting that was tried ends stable "
        "within 0.250 of the real data.",
    )


def test_a_study_that_has_not_confirmed_says_what_explore_found(tmp_path):
    waiting = said(tmp_path, below_a_thousandth, trials=6)
    assert waiting[ANSWER] == (
        "Nothing is confirmed yet; settings end stable within 0.100 of the real data equally often for gan and wgan, 1 "
        "of 3.",
    )
    assert waiting["Stable without tuning"]
    never = said(tmp_path, below_a_thousandth, "search.confirm.best=0")
    assert never[ANSWER] == (
        "Settings end stable within 0.100 of the real data equally often for gan and wgan, 1 of 3.",
        "There is no ranking, since the study confirms nothing.",
    )


def test_a_study_that_has_not_begun_has_an_answer_too(tmp_path):
    topics = said(tmp_path, below_a_thousandth, trials=0)
    assert topics[ANSWER] == ("Nothing is confirmed yet.",)
    assert list(topics) == [ANSWER, "What the data cannot say"]


def test_a_study_whose_trials_were_all_given_up_has_an_answer_too(tmp_path):
    topics = said(tmp_path, lambda planned, seed: None)
    assert topics[ANSWER] == (
        "No setting that was found is stable, 4 of 4 fresh seeds failed for gan and 4 of 4 for wgan.",
    )
    assert topics["What failed and how"][0].startswith("wgan: 6 of 6 explored members failed (6 given up)")


def test_an_interrupted_study_says_how_many_are_confirmed(tmp_path):
    first, second, *_ = said(tmp_path, below_a_thousandth, trials=7)[ANSWER]
    assert first.startswith("Only 1 of 2 conditions is confirmed; settings end stable")
    assert second == "Not confirmed yet: gan."


def test_given_up_trials_are_counted_among_the_failures(tmp_path):
    def fate(planned, seed):
        return None if (planned.condition, planned.index) == ("gan", 1) else (*RISING, 0.97)

    assert said(tmp_path, fate)["What failed and how"] == (
        "gan: 2 of 6 explored members failed (2 given up).",
        "No member of wgan failed.",
    )


def test_who_failed_on_every_seed_is_said_where_nobody_can_be_told_apart(tmp_path):
    def fate(planned, seed):
        return LOST if planned.condition == "wgan" else (*RISING, 0.9)

    answered = said(tmp_path, fate, "search.confirm.seeds=3")[ANSWER]
    assert answered[0] == (
        "Which of gan and wgan comes closer to the real data is undecided by 3 fresh seeds each (p = 0.1); gan "
        "decidedly needs the least tuning: 3 of 3 settings drawn for gan end stable within 0.250 of the real data, 0 "
        "of 3 for wgan."
    )
    assert "For wgan every fresh seed failed." in answered


def test_those_that_lead_together_need_the_least_tuning_together(tmp_path):
    third = '\n[[conditions]]\nname = "lsgan"\npreset = "lsgan"\n'

    def fate(planned, seed):
        return LOST if planned.condition == "wgan" else (*RISING, 0.9)

    answered = said(tmp_path, fate, "search.explore=6", text=STUDY + third)[ANSWER]
    assert "gan and lsgan decidedly need the least tuning: 6 of 6 settings drawn for gan and lsgan end" in answered[0]


# --- knobs


def test_listed_values_are_named(tmp_path):
    def fate(planned, seed):
        return LOST if planned.configuration.get("training.n_critic") == 5 else (*RISING, 0.97)

    fixed = "training.critic_optimizer.lr=1e-3"
    topics = said(tmp_path, fate, GRID, fixed, "conditions.wgan.constraint.clip_value=0.01", text=ONE)
    assert topics[ANSWER][0] == (
        "wgan ends stable within 0.250 of the real data at n_critic = 1 and 2 (best at 1), of 3 values from 1 to 5: "
        "the larger one diverges."
    )
    assert topics["Stable without tuning"][1] == "Listed settings that work: 2 of 3 for wgan."
    assert topics["Over which range"] == ("wgan: n_critic works at 1 and 2, not at 5.",)


def test_too_few_successes_give_no_range(tmp_path):
    topics = said(tmp_path, lambda planned, seed: (*RISING, 0.97) if planned.index == 0 else LOST)
    gan, *_ = [one for one in topics["Over which range"] if one.startswith("gan")]
    assert re.fullmatch(
        r"gan: only 1 of 3 settings works, too few for a range \(critic_optimizer\.lr [\d.e-]+\)\.", gan
    )


def test_a_range_says_its_width_its_interval_and_which_end_was_not_found(tmp_path):
    compared = Comparison(simulate(tmp_path, below_a_thousandth, "search.explore=16"))
    row = told(compared, compared.widths).set_index(["condition", "knob"]).loc[("gan", LR)]
    sentences = {topic.title: topic.sentences for topic in verdict(compared)}["Over which range"]
    assert sentences[0] == (
        f"gan: critic_optimizer.lr works over at least {row['width']:.2g} of 3 decades searched (interval "
        f"{row['width_low']:.2g} to {row['width_high']:.2g}), with successes from {row['lowest']:.3g} to "
        f"{row['highest']:.3g}, the lower end not found."
    )
    assert sentences[1].startswith("wgan: averaged over the other knobs, clip_value works over")


def test_without_a_knob_no_tuning_is_spoken_of(tmp_path):
    fixed = "training.critic_optimizer.lr=1e-3"
    topics = said(tmp_path, lambda planned, seed: (*RISING, 0.97), fixed, text=TWINS)
    assert "tuning" not in " ".join(topics[ANSWER])
    assert topics["Stable without tuning"][1].startswith("Repetitions of the one setting that work")
    assert "Over which range" not in topics


# --- the authors' arm


def test_what_tuning_buys_is_told_with_its_failures_and_its_test(tmp_path):
    def fate(planned, seed):
        lost = planned.condition == "gan" and planned.phase == "authors" and seed % 4 == 3
        return LOST if lost else (*RISING, 0.9 if planned.phase == "authors" else 0.96)

    overrides = ["search.confirm.authors=true"]
    assert said(tmp_path, fate, *overrides)["What tuning buys"] == (
        "wgan: whether tuning changed it is undecided, 1.080 against 1.200 at its authors' settings (0 of 4 against 0 "
        "of 4 seeds failed; p = 0.057).",
        "gan: whether tuning changed it is undecided, 1.080 against 1.200 at its authors' settings (0 of 4 against 1 "
        "of 4 seeds failed; p = 0.057).",
    )
    (tmp_path / "more").mkdir()
    more = said(tmp_path / "more", fate, *overrides, "search.confirm.seeds=8")["What tuning buys"]
    assert more[0] == (
        "wgan: tuning made it better, 1.080 against 1.200 at its authors' settings (0 of 8 against 0 of 8 seeds "
        "failed; p = 0.00031)."
    )


# --- properties


@cache
def formatted(value):
    """Every way in which a sentence may write a number of a table."""
    if isnan(value):
        return frozenset()
    ways = [f"{value:.3f}", f"{value:.2g}", f"{value:.3g}", f"{value:g}", distance(value), f"{value:.0%}"]
    return frozenset(float(one.rstrip("%")) for one in ways)


def numbers_of(compared):
    found = {80.0, 95.0}  # the chance of deciding and the level of the intervals
    frames = [getattr(compared, name) for name in TABLES] + [compared.results.ranking]
    for frame in frames:
        for column in frame.select_dtypes("number"):
            for value in frame[column].dropna().unique():
                found |= formatted(float(value))
        found.add(float(len(frame)))
    for line in compared.results.lines.values():
        found |= formatted(float(line)) if line is not None else set()
    return found


@pytest.mark.parametrize(("fate", "seeds"), [(below_a_thousandth, 1), (scattered, 7), (everyone_fails, 4)])
def test_every_number_of_a_sentence_is_in_a_table(tmp_path, fate, seeds):
    compared = Comparison(simulate(tmp_path, fate, "search.explore=8", f"search.confirm.seeds={seeds}"))
    known = numbers_of(compared)
    lost = compared.outcomes[compared.outcomes["outcome"] != "stable"]
    known |= set(lost.groupby(["condition", "phase"])["members"].sum().astype(float))
    known |= set(compared.outcomes.groupby(["condition", "phase"])["members"].sum().astype(float))
    known |= {float(len(compared.targets)), float((compared.robustness["rank"] == 1).sum())}
    leaders = compared.robustness[(compared.robustness["rank"] == 1) & ~compared.robustness["own"]]
    known |= {float(len(leaders)), float(leaders["distance"].notna().sum())}
    for topic in verdict(compared)[:-1]:  # the notes have tests of their own
        for sentence in topic.sentences:
            for number in re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w-])", sentence):
                assert float(number) in known, (number, sentence)


def with_quality(found, course):
    """The same results, had precision and coverage been measured: of each seed these at every measurement."""
    measured = found.curves[found.curves["metric"] == "sliced_wasserstein"].astype({"metric": "str"})
    more = [
        measured.assign(metric=name, value=[course(row.condition, row.seed)[place] for row in measured.itertuples()])
        for place, name in enumerate(("precision", "coverage"))
    ]
    found.curves = found._typed(pd.concat([measured, *more], ignore_index=True))
    found.floors, found.gaussians = {"precision": 0.96, "coverage": 0.995}, {"precision": 0.39, "coverage": 0.36}
    return found


def test_samples_that_look_real_are_told_of_the_first_beside_real_data_and_the_gaussian(tmp_path):
    """Of four seeds one has no finite sample: medians of 0, .5, .6 and .7, and of 0, .3, .5 and .7."""
    courses = [(np.nan, np.nan), (0.5, 0.7), (0.6, 0.5), (0.7, 0.3)]

    def course(condition, seed):
        return courses[seed % 4] if condition == "gan" else (0.1, 0.1)

    found = with_quality(simulate(tmp_path, below_a_thousandth), course)
    (sentence,) = [one for one in answer(Comparison(found)) if "precision" in one]
    assert sentence == (
        "Of the samples of gan 55% look like real ones (precision; fresh real data 96%, that Gaussian 39%), and 40% of "
        "the real ones have a sample like them (coverage; 100% and 36%)."
    )


@pytest.mark.parametrize("fate", [below_a_thousandth, everyone_fails])
def test_nothing_is_said_of_what_was_not_measured_or_failed(tmp_path, fate):
    found = simulate(tmp_path, fate)
    if fate is everyone_fails:
        with_quality(found, lambda condition, seed: (0.5, 0.5))
    assert not any("precision" in sentence for sentence in answer(Comparison(found)))


def test_sentences_stay_few_with_seventeen_conditions(tmp_path):
    more = "".join(CONDITION.replace('"gan"\npreset', f'"gan-{i}"\npreset') for i in range(15))

    def fate(planned, seed):
        rank = sum(map(ord, planned.condition)) % 7
        lost = planned.phase == "explore" and (seed + rank) % 3 == 0
        return LOST if lost else (*RISING, 0.9 + 0.005 * rank)

    topics = said(tmp_path, fate, "search.confirm.seeds=8", text=STUDY + more)
    told = {title: sentences for title, sentences in topics.items() if not title.startswith("What the data")}
    assert all(len(sentences) <= MOST + 4 for sentences in told.values()), {k: len(v) for k, v in told.items()}
    assert sum(map(len, told.values())) < 40
    assert max(len(sentence) for sentences in told.values() for sentence in sentences) < 500


def test_every_sentence_is_one(tmp_path):
    for topic in verdict(Comparison(simulate(tmp_path, below_a_thousandth, GRID, "search.confirm.authors=true"))):
        for sentence in topic.sentences:
            assert sentence.endswith(".")
            assert "nan" not in sentence
            assert "  " not in sentence


# --- phrases


def test_lists_end():
    assert [listed(list("abcdefgh")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    assert list(few(list("abcdefgh"), "pairs")) == [*"abcde", "3 more are in the table of pairs."]


def test_a_distance_is_never_shown_as_nothing():
    assert [distance(value) for value in (0.0, 0.0496, 12.3456, 0.01, 0.00149, 3.2e-9, float("nan"))] == [
        "0", "0.050", "12.346", "0.010", "0.0015", "3.2e-09", "failed"
    ]  # fmt: skip


def test_a_knob_is_told_with_what_it_belongs_to_where_its_name_says_too_little():
    assert knob_name("constraint.clip_value") == "clip_value"
    assert knob_name("training.critic_optimizer.lr") == "critic_optimizer.lr"


def test_what_is_told_is_the_smallest_distance_that_two_conditions_reach(tmp_path):
    compared = Comparison(simulate(tmp_path, below_a_thousandth))
    frame = told(compared, compared.volumes)
    assert frame["tau"].unique().tolist() == pytest.approx([0.1])
    assert isinstance(frame, pd.DataFrame)
