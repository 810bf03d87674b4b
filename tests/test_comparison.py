"""The comparison of a simulated study, read from its ledger: its tables, which trials count, and special studies."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate

from gan_core.outcomes import OUTCOMES
from studies.analysis.ablation import PATHS
from studies.analysis.chances import CHANCES
from studies.analysis.comparison import Comparison
from studies.analysis.importances import IMPORTANCES
from studies.analysis.metric_pairs import METRIC_PAIRS
from studies.analysis.metric_rankings import METRIC_RANKINGS
from studies.analysis.outcome_shares import OUTCOME_SHARES
from studies.analysis.pairs import PAIRS
from studies.analysis.profiles import PROFILES, STABLE_RANGES
from studies.analysis.reference_variation import REFERENCE_INTERVALS
from studies.analysis.robustness import EQUAL_CRITIC_STEPS, ROBUSTNESS
from studies.analysis.search_comparison import SEARCH_PAIRS, TUNING_CURVES
from studies.analysis.tuning_gain import TUNING
from studies.analysis.value_shares import SHARES
from studies.analysis.volumes import VOLUME_DIFFERENCES, VOLUMES
from studies.errors import InputError
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import END_NAMES
from studies.statistics.intervals import wilson
from studies.tables.ranking import RANKING
from studies.tables.results import Results

TABLES = {
    "volumes": VOLUMES,
    "volume_differences": VOLUME_DIFFERENCES,
    "profile_members": PROFILES,
    "stable_ranges": STABLE_RANGES,
    "importances": IMPORTANCES,
    "shares": SHARES,
    "chances": CHANCES,
    "tuning_curves": TUNING_CURVES,
    "search_pairs": SEARCH_PAIRS,
    "reference_intervals": REFERENCE_INTERVALS,
    "metric_rankings": METRIC_RANKINGS,
    "metric_pairs": METRIC_PAIRS,
    "ranking": RANKING,
    "pairs": PAIRS,
    "tuning": TUNING,
    "paths": PATHS,
    "robustness": ROBUSTNESS,
    "equal_critic_steps": EQUAL_CRITIC_STEPS,
    "outcomes": OUTCOME_SHARES,
}
LR = "training.critic_optimizer.lr"
DIVERGING = (0, -0.2)


def stable_below_a_thousandth(trial, seed):
    """Progress .92 for gan and .91 for wgan if the critic's learning rate is below 1e-3, else divergence."""
    stable = trial.configuration[LR] < 1e-3
    return (*RISING, 0.92 if trial.condition == "gan" else 0.91) if stable else DIVERGING


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    return Comparison(simulate(folder, stable_below_a_thousandth, "search.explore=16"))


def before_its_end(results, condition, phase, index):
    """The same results before this trial has finished."""
    (trial,) = [
        trial for trial in results.specs if (trial.condition, trial.phase, trial.index) == (condition, phase, index)
    ]
    ledger = Ledger(results.place)
    ledger.remove([trial.key])
    return Results.of_ledger(ledger, "simulated")


# --- all tables


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_its_documented_columns_and_types(compared, table):
    frame = getattr(compared, table)
    assert frame.dtypes.astype(str).to_dict() == TABLES[table]
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame is getattr(compared, table)


@pytest.mark.parametrize("table", TABLES)
def test_a_study_without_trials_has_the_same_columns_and_no_rows(tmp_path, table):
    frame = getattr(Comparison(simulate(tmp_path, stable_below_a_thousandth, trials=0)), table)
    assert frame.empty
    assert frame.dtypes.astype(str).to_dict() == TABLES[table]


def test_no_number_of_any_table_is_infinite(compared):
    for table in TABLES:
        numbers = getattr(compared, table).select_dtypes("float").to_numpy()
        assert not np.isinf(numbers).any(), table


def test_the_same_study_gives_the_same_tables(compared):
    again = Comparison(compared.results)
    for table in ("volumes", "volume_differences", "ranking", "pairs", "outcomes"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(compared, table))


# --- agreement with the truth


def test_the_scores_of_configurations_are_those_of_the_trials(compared):
    for explored in compared.explored:
        trials = compared.results.trials.query("phase == 'explore'")
        trials = trials[trials["condition"] == explored.condition].sort_values("trial")
        np.testing.assert_array_equal(explored.scores, trials["search_score"])
        np.testing.assert_allclose(explored.scores > 0, trials[LR] < 1e-3)


def test_the_largest_score_is_the_progress_at_distance_zero(compared):
    """Real data have distance 0 on the validation split, so no score can be above 1."""
    assert compared.tuning_curves["score_high"].max() <= 1
    assert (compared.tuning_curves["n"] <= 8).all()


def test_a_trial_without_a_result_has_the_score_zero(tmp_path):
    def ends(trial, seed):
        return "error" if (trial.phase, trial.index) == ("explore", 2) else (*RISING, 0.92)

    compared = Comparison(simulate(tmp_path, ends, "search.explore=4"))
    assert [explored.scores.tolist()[2] for explored in compared.explored] == [0, 0]
    assert min(explored.scores[3] for explored in compared.explored) > 0.5


def test_target_distances_lie_between_the_validation_distances_of_the_constant_and_of_real_data(compared):
    # real data 0 and constant 1 on the validation split, 1 and 3 on the test split
    assert [target.progress for target in compared.targets] == pytest.approx([0.75, 0.9, 0.95])
    assert [target.tau for target in compared.targets] == pytest.approx([0.25, 0.1, 0.05])


def test_given_target_distances_are_the_same_for_all_conditions(compared):
    given = Comparison(compared.results, tau=[0.5, 0.08])
    assert given.volumes["tau"].tolist() == [0.5, 0.08] * 2
    assert given.volumes["progress"].tolist() == pytest.approx([0.5, 0.92] * 2)


def test_volumes_agree_with_the_known_truth(compared):
    table = compared.volumes.set_index(["condition", "progress"])
    stable = (compared.results.trials.query("phase == 'explore' and condition == 'gan'")[LR] < 1e-3).sum()
    assert 0 < stable < 16
    for condition in ("wgan", "gan"):
        for row in table.loc[condition].itertuples():
            assert row.reached == (stable if row.tau > 0.09 else 0)
            assert (row.configurations, row.planned, row.seeds) == (16, 16, 2)
            assert row.volume_low <= 2 / 3 <= row.volume_high or row.tau < 0.09  # two of three decades
    assert (compared.volume_differences["difference"] == 0).all()  # the same draws


def test_half_ranges_lie_around_the_authors_values(compared):
    # 2e-4 lies at .434 of the range of the learning rate, so the half ends at .684, a rate of 1.1e-3
    row = compared.volumes.set_index("condition").loc["gan"].iloc[0]
    u = np.log10(compared.results.trials.query("phase == 'explore' and condition == 'gan'")[LR] / 1e-5) / 3
    near = np.abs(u - np.log10(20) / 3) <= 0.25
    assert row["half_configurations"] == near.sum() > 0
    assert row["half_volume"] == (u[near] < 2 / 3).mean()


def test_the_chance_of_one_draw_is_the_volume(compared):
    first = compared.chances.query("n == 1").set_index(["condition", "tau"])["chance"]
    volume = compared.volumes.set_index(["condition", "tau"])["volume"]
    pd.testing.assert_series_equal(first, volume, check_names=False)
    assert compared.chances["n"].max() == 8


def test_pairs_are_ordered_by_the_ranking(compared):
    # every member of a condition ends at the same distance, so the two are completely separated
    assert compared.ranking["condition"].tolist() == ["gan", "wgan"]
    row = compared.pairs.iloc[0]
    assert (row["condition"], row["other"], row["effect"], row["exact"]) == ("gan", "wgan", 1, True)
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(2 / 70)


def test_rankings_under_the_own_rules_equal_the_ranking_of_the_results(compared):
    own_rules = compared.robustness[compared.robustness["own"]]
    for _, rows in own_rules.groupby("threshold"):
        assert rows["distance"].tolist() == compared.ranking["distance"].tolist()
    pd.testing.assert_frame_equal(compared.ranking, compared.results.ranking[list(RANKING)])
    at_90 = compared.robustness.query("threshold == 'near' and value == 0.9")
    assert at_90["stable"].tolist() == [4, 4]
    # two critic steps an iteration: half of the evaluations of wgan are left
    assert compared.equal_critic_steps.set_index("condition")["measurements"].to_dict() == {"gan": 10, "wgan": 5}
    assert (compared.equal_critic_steps["critic_steps"] == 20).all()


def test_outcomes_count_every_member_once(compared):
    table = compared.outcomes
    assert table["outcome"].unique().tolist() == list(OUTCOMES)
    counts = table.groupby(["condition", "phase"])["members"].sum()
    assert counts.to_dict() == {
        ("gan", "confirm"): 4, ("gan", "explore"): 32, ("wgan", "confirm"): 4, ("wgan", "explore"): 32
    }  # fmt: skip
    stable = table.query("outcome == 'stable' and phase == 'explore'").set_index("condition")
    diverged = table.query("outcome == 'diverged' and phase == 'explore'").set_index("condition")
    assert (stable["share"] + diverged["share"] == 1).all()


# --- what does not count


def test_exploit_trials_appear_in_the_outcomes_only(tmp_path):
    overrides = ["search.explore=3", "search.exploit.trials=2", 'search.sampler="random"']
    comparison = Comparison(simulate(tmp_path, stable_below_a_thousandth, *overrides))
    assert (comparison.volumes["configurations"] == 3).all()
    exploit = comparison.outcomes.query("phase == 'exploit'")
    assert exploit.groupby("condition")["members"].sum().to_dict() == {"gan": 4, "wgan": 4}
    assert exploit[["low", "high"]].isna().all(axis=None)


def test_of_an_interrupted_study_only_the_longest_prefix_counts(tmp_path):
    results = simulate(tmp_path, stable_below_a_thousandth, "search.explore=6", trials=5)
    ended = [(trial.condition, trial.index) for trial in results.specs]
    assert ended == [("wgan", 0), ("gan", 0), ("wgan", 1), ("gan", 1), ("wgan", 2)]
    comparison = Comparison(results)
    assert comparison.volumes.groupby("condition")["configurations"].first().to_dict() == {"gan": 2, "wgan": 3}
    assert (comparison.volume_differences["configurations"] == 2).all()


def test_explore_trials_after_one_that_has_not_ended_do_not_count(tmp_path):
    results = simulate(tmp_path, stable_below_a_thousandth, "search.explore=3")
    comparison = Comparison(before_its_end(results, "gan", "explore", 1))
    assert [len(trials.configurations) for trials in comparison.explored] == [2, 1]
    assert comparison.outcomes.query("phase == 'explore'").groupby("condition")["members"].sum().to_dict() == {
        "gan": 2, "wgan": 4
    }  # fmt: skip


# --- failures


@pytest.mark.parametrize("end", END_NAMES)
def test_an_explore_trial_whose_setting_ended_without_a_result_did_not_work_under_the_name_of_its_end(tmp_path, end):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase, trial.index) == ("gan", "explore", 1) else (*RISING, 0.97)

    comparison = Comparison(simulate(tmp_path, progress_of))
    assert comparison.volumes.groupby("condition")["reached"].first().to_dict() == {"gan": 2, "wgan": 3}
    assert comparison.volumes.query("condition == 'gan'")["seeds_share"].tolist() == pytest.approx([2 / 3] * 3)
    assert comparison.explored[1].distances[1].tolist() == [inf, inf]
    assert comparison.results.trials.query("condition == 'gan'")["state"].tolist() == [
        "finished",
        end,
        *["finished"] * 2,
    ]
    assert len(comparison.results.members) + 2 == len(comparison.results.ended_members)
    explore = comparison.outcomes.query("phase == 'explore' and members > 0")
    assert explore[["condition", "outcome", "members"]].to_numpy().tolist() == [
        ["wgan", "stable", 6],
        ["gan", "stable", 4],
        ["gan", END_NAMES[end], 2],
    ]
    assert comparison.ranking["failure_rate"].tolist() == [0, 0]


def test_a_lost_explore_trial_is_missing_and_what_depends_on_it_waits(tmp_path):
    def progress_of(trial, seed):
        return "lost" if (trial.condition, trial.phase, trial.index) == ("gan", "explore", 1) else (*RISING, 0.97)

    comparison = Comparison(simulate(tmp_path, progress_of))
    assert comparison.results.trials.query("condition == 'gan'")["state"].tolist() == ["finished", "lost", "finished"]
    # trials start round-robin: those that count are wgan 0, gan 0 and wgan 1
    assert {trials.condition: len(trials.configurations) for trials in comparison.explored} == {"wgan": 2, "gan": 1}
    assert comparison.volumes.groupby("condition")["volume"].first().to_dict() == {"gan": 1, "wgan": 1}
    assert comparison.ranking["condition"].tolist() == ["wgan"]  # the winner of gan may be the lost trial
    assert len(comparison.results.ended_members) == len(comparison.results.members) == 2 * 5 + 4
    assert set(comparison.outcomes.query("members > 0")["outcome"]) == {"stable"}


def test_without_a_finished_trial_volumes_need_given_distances(tmp_path):
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: None))
    assert comparison.targets == ()
    assert comparison.volumes.empty
    assert comparison.ranking.empty
    given = Comparison(comparison.results, tau=[0.1])
    assert given.volumes["volume"].tolist() == [0, 0]
    assert given.volumes["progress"].isna().all()


def test_if_all_members_failed_volumes_and_chances_are_0(tmp_path):
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: DIVERGING))
    assert (comparison.volumes["volume"] == 0).all()
    assert (comparison.volumes["volume_high"] == wilson(0, 3)[1]).all()
    assert (comparison.chances["chance"] == 0).all()
    assert comparison.pairs["p_value"].tolist() == [1]


@pytest.mark.parametrize("end", [*END_NAMES, "lost"])
def test_a_condition_whose_confirm_trial_ended_without_a_result_is_in_no_table_of_confirm(tmp_path, end):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase, trial.index) == ("gan", "confirm", 0) else (*RISING, 0.97)

    # another confirm trial of the condition is no replacement: its setting was not the one found
    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.best=2"))
    assert set(comparison.results.members.query("phase == 'confirm'")["condition"]) == {"wgan", "gan"}
    for table in ("ranking", "robustness", "equal_critic_steps"):
        assert set(getattr(comparison, table)["condition"]) == {"wgan"}, table
    assert set(comparison.outcomes.query("phase == 'confirm'")["condition"]) == {"wgan"}
    assert comparison.pairs.empty
    assert [trial.condition for trial in comparison.confirmed] == ["wgan"]
    assert comparison.volumes["volume"].eq(1).all()
    pd.testing.assert_frame_equal(comparison.ranking, comparison.results.ranking[list(RANKING)])
    with pytest.raises(InputError) as refused:
        comparison.results.best("gan")
    assert str(refused.value) == (
        f"gan: is not confirmed, since its confirm trial ended without a result ({end.replace('_', ' ')}: "
        "RuntimeError: out of luck)"
    )


@pytest.mark.parametrize("end", END_NAMES)
def test_an_authors_setting_that_ended_without_a_result_is_not_compared(tmp_path, end):
    def progress_of(trial, seed):
        return end if (trial.condition, trial.phase) == ("gan", "authors") else (*RISING, 0.97)

    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.authors=true"))
    assert comparison.tuning["condition"].tolist() == ["wgan"]
    assert comparison.ranking["condition"].tolist() == ["gan", "wgan"]
    assert set(comparison.outcomes.query("phase == 'authors'")["condition"]) == {"wgan"}


def test_only_the_first_confirm_trial_confirms_a_condition(tmp_path):
    results = simulate(tmp_path, lambda trial, seed: (*RISING, 0.97), "search.confirm.best=2")
    comparison = Comparison(before_its_end(results, "gan", "confirm", 0))
    confirm = comparison.results.members.query("phase == 'confirm'").groupby("condition", observed=True)["trial"]
    assert confirm.unique().map(list).to_dict() == {"wgan": [0, 1], "gan": [1]}
    assert comparison.ranking["condition"].tolist() == ["wgan"]
    assert comparison.outcomes.query("phase == 'confirm'")["condition"].unique().tolist() == ["wgan"]


# --- special studies


def test_with_one_seed_no_pair_is_tested_and_volume_equals_share_of_seeds(tmp_path):
    overrides = ["search.explore=2", "seeds=1", "search.confirm.seeds=1"]
    comparison = Comparison(simulate(tmp_path, stable_below_a_thousandth, *overrides))
    assert comparison.pairs["p_value"].isna().all()
    assert comparison.volumes["volume"].tolist() == comparison.volumes["seeds_share"].tolist()


def test_one_condition_has_a_ranking_but_no_pairs_and_no_differences(tmp_path):
    text = STUDY[: STUDY.rindex("[[conditions]]")]
    comparison = Comparison(simulate(tmp_path, stable_below_a_thousandth, text=text))
    assert comparison.pairs.empty
    assert comparison.volume_differences.empty
    assert len(comparison.ranking) == 1


def test_a_condition_with_a_grid_has_neither_volume_interval_nor_chances(tmp_path):
    grid = "conditions.wgan.training.n_critic={grid=[1,2]}"
    comparison = Comparison(simulate(tmp_path, stable_below_a_thousandth, grid))
    assert comparison.volumes.query("condition == 'wgan'")[["volume_low", "volume_high"]].isna().all(axis=None)
    assert set(comparison.chances["condition"]) == {"gan"}
    assert comparison.volume_differences.empty
    assert comparison.shares["value"].unique().tolist() == ["1", "2"]


def test_a_condition_without_hyperparameters_has_a_volume(tmp_path):
    fixed = "training.critic_optimizer.lr=1e-3"
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: (*RISING, 0.97), fixed))
    assert comparison.volumes.query("condition == 'gan'")["volume_low"].tolist() == [wilson(3, 3)[0]] * 3


# --- the authors' settings


def test_the_authors_setting_is_compared_with_the_setting_found_and_is_not_ranked(tmp_path):
    def progress_of(trial, seed):
        diverges = trial.condition == "gan" and trial.phase == "authors" and seed % 4 == 3
        return DIVERGING if diverges else (*RISING, 0.9 if trial.phase == "authors" else 0.96)

    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.authors=true"))
    table = comparison.tuning.set_index("condition")
    # on the test split the constant lies at 3 and real data at 1
    assert table["distance"].tolist() == pytest.approx([1.08, 1.08])
    assert table["authors_distance"].tolist() == pytest.approx([1.2, 1.2])
    assert table["authors_failure_rate"].to_dict() == {"gan": 0.25, "wgan": 0}
    assert (table.loc["gan", "authors_failure_low"], table.loc["gan", "authors_failure_high"]) == wilson(1, 4)
    assert table["effect"].tolist() == [1, 1]
    assert table["p_value"].tolist() == pytest.approx([2 / 70] * 2)
    assert table["p_adjusted"].tolist() == pytest.approx([4 / 70] * 2)
    assert comparison.ranking["distance"].tolist() == pytest.approx([1.08, 1.08])
    authors = comparison.outcomes.query("phase == 'authors' and outcome == 'stable'").set_index("condition")
    assert authors["members"].to_dict() == {"gan": 3, "wgan": 4}
    assert (authors.loc["gan", "low"], authors.loc["gan", "high"]) == wilson(3, 4)


def test_target_distances_do_not_come_from_the_authors_trials(tmp_path):
    def progress_of(trial, seed):
        return (*RISING, 0.97) if trial.phase == "authors" else None

    comparison = Comparison(simulate(tmp_path, progress_of, "search.confirm.authors=true"))
    assert comparison.results.reference_distances["constant"] == 3
    assert comparison.targets == ()


def test_a_condition_without_a_preset_has_no_authors_setting(tmp_path):
    text = STUDY.replace('preset = "gan"', 'objective.kind = "minimax"')
    overrides = "search.confirm.authors=true"
    comparison = Comparison(simulate(tmp_path, stable_below_a_thousandth, overrides, text=text))
    assert comparison.tuning["condition"].tolist() == ["wgan"]
