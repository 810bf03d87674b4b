"""A study compared, from its ledger: what counts, which tables there are, and what is said in words."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from simulated import RISING, STUDY, simulate

from gan_core.stability import OUTCOMES
from studies.comparison import Comparison
from studies.comparison.budget import CHANCES
from studies.comparison.intervals import wilson
from studies.comparison.outcomes import GIVEN_UP, OUTCOME_SHARES
from studies.comparison.pairs import PAIRS
from studies.comparison.ranking import RANKING
from studies.comparison.robustness import EQUAL_CRITIC_STEPS, ROBUSTNESS
from studies.comparison.tuning import TUNING
from studies.comparison.volume import VOLUME_DIFFERENCES, VOLUMES
from studies.comparison.width import SHARES, WIDTHS
from studies.errors import InputError

TABLES = {
    "volumes": VOLUMES,
    "volume_differences": VOLUME_DIFFERENCES,
    "widths": WIDTHS,
    "shares": SHARES,
    "chances": CHANCES,
    "ranking": RANKING,
    "pairs": PAIRS,
    "tuning": TUNING,
    "robustness": ROBUSTNESS,
    "equal_critic_steps": EQUAL_CRITIC_STEPS,
    "outcomes": OUTCOME_SHARES,
}
LR = "training.critic_optimizer.lr"
LOST = (0, -0.2)
RANKING_NOTE = "The ranking is one of the settings that were found"


def stable_below_a_thousandth(planned, seed):
    """Of the truth: a critic's rate below 1e-3 reaches .92 of the way, and clipping costs a little."""
    good = planned.configuration[LR] < 1e-3
    return (*RISING, 0.92 if planned.condition == "gan" else 0.91) if good else LOST


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    return Comparison(simulate(folder, stable_below_a_thousandth, "search.explore=16"))


def notes_of(tmp_path, fate, *overrides, **options):
    return Comparison(simulate(tmp_path, fate, *overrides, **options)).notes


def said(notes, piece):
    return [note for note in notes if piece in note]


# --- every table


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_its_documented_columns_and_types(compared, table):
    frame = getattr(compared, table)
    assert frame.dtypes.astype(str).to_dict() == TABLES[table]
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame is getattr(compared, table)


@pytest.mark.parametrize("table", TABLES)
def test_a_study_that_has_not_begun_has_the_same_columns_and_no_rows(tmp_path, table):
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


# --- the truth is found


def test_distances_lie_on_the_line_from_the_constant_to_real_data_of_the_search_reference(compared):
    # floor 0 and ref 1 there, 1 and 3 in confirm
    assert [target.progress for target in compared.targets] == pytest.approx([0.75, 0.9, 0.95])
    assert [target.tau for target in compared.targets] == pytest.approx([0.25, 0.1, 0.05])


def test_given_distances_are_the_same_for_all_conditions(compared):
    own = Comparison(compared.results, tau=[0.5, 0.08])
    assert own.volumes["tau"].tolist() == [0.5, 0.08] * 2
    assert own.volumes["progress"].tolist() == pytest.approx([0.5, 0.92] * 2)


def test_volumes_are_those_of_the_truth(compared):
    table = compared.volumes.set_index(["condition", "progress"])
    good = (compared.results.trials.query("phase == 'explore' and condition == 'gan'")[LR] < 1e-3).sum()
    assert 0 < good < 16
    for condition in ("wgan", "gan"):
        for row in table.loc[condition].itertuples():
            assert row.reached == (good if row.tau > 0.09 else 0)
            assert (row.configurations, row.planned, row.seeds) == (16, 16, 2)
            assert row.volume_low <= 2 / 3 <= row.volume_high or row.tau < 0.09  # two of three decades
    assert (compared.volume_differences["difference"] == 0).all()  # the same draws


def test_widths_are_those_of_the_truth_and_touch_the_border_where_they_do(compared):
    row = compared.widths.set_index(["condition", "knob"]).loc[("gan", LR)].iloc[0]
    assert (row["unit"], row["stated"]) == ("decades", pytest.approx(3))
    assert row["width_low"] <= 2 <= row["width_high"]
    assert row["border_low"]
    assert not row["border_high"]
    assert row["highest"] < 1e-3
    clip = compared.widths.set_index(["condition", "knob"]).loc[("wgan", "constraint.clip_value")].iloc[0]
    assert clip["border_low"]


def test_half_ranges_lie_around_what_the_authors_used(compared):
    # 2e-4 is at .434 of the range of the rate: the half is 1e-5^(.816) .. and holds rates up to 1.1e-3
    row = compared.volumes.set_index("condition").loc["gan"].iloc[0]
    u = np.log10(compared.results.trials.query("phase == 'explore' and condition == 'gan'")[LR] / 1e-5) / 3
    near = np.abs(u - np.log10(20) / 3) <= 0.25
    assert row["half_configurations"] == near.sum() > 0
    assert row["half_volume"] == (u[near] < 2 / 3).mean()


def test_chances_come_from_the_volumes(compared):
    first = compared.chances.query("n == 1").set_index(["condition", "tau"])["chance"]
    volume = compared.volumes.set_index(["condition", "tau"])["volume"]
    pd.testing.assert_series_equal(first, volume, check_names=False)
    assert compared.chances["n"].max() == 8


def test_pairs_are_listed_from_the_best(compared):
    # every member of a condition ends at the same distance, so the two are completely separated
    assert compared.ranking["condition"].tolist() == ["gan", "wgan"]
    row = compared.pairs.iloc[0]
    assert (row["condition"], row["other"], row["effect"], row["exact"]) == ("gan", "wgan", 1, True)
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(2 / 70)


def test_rankings_are_the_results_own_and_repeated(compared):
    own = compared.robustness[compared.robustness["own"]]
    for _, rows in own.groupby("threshold"):
        assert rows["distance"].tolist() == compared.ranking["distance"].tolist()
    pd.testing.assert_frame_equal(compared.ranking, compared.results.ranking[list(RANKING)])
    at_90 = compared.robustness.query("threshold == 'near' and value == 0.9")
    assert at_90["stable"].tolist() == [4, 4]
    # two critic steps a round: half of the measurements are left of wgan
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
    lost = table.query("outcome == 'diverged' and phase == 'explore'").set_index("condition")
    assert (stable["share"] + lost["share"] == 1).all()


def test_a_study_that_can_say_all_has_few_notes(compared):
    assert [note.split(":")[0] for note in compared.notes] == [
        "No configuration of any condition reaches a distance of 0.05 (95% of the way to real data) or less.",
        "The ranking is one of the settings that were found for each condition",
        "Fewer than 10 confirm seeds",
        "At equal critic steps few measurements are left",
    ]


# --- what does not count


def test_exploit_enters_nothing_but_the_outcomes(tmp_path):
    overrides = ["search.explore=3", "search.exploit=2", 'search.sampler="random"']
    found = Comparison(simulate(tmp_path, stable_below_a_thousandth, *overrides))
    assert (found.volumes["configurations"] == 3).all()
    exploit = found.outcomes.query("phase == 'exploit'")
    assert exploit.groupby("condition")["members"].sum().to_dict() == {"gan": 4, "wgan": 4}
    assert exploit[["low", "high"]].isna().all(axis=None)
    assert said(found.notes, "Exploit enters no volume")


def test_of_an_interrupted_study_only_the_longest_prefix_counts(tmp_path):
    found = simulate(tmp_path, stable_below_a_thousandth, "search.explore=6", trials=5)
    ended = [(trial.condition, trial.index) for trial in found.planned]
    assert ended == [("wgan", 0), ("gan", 0), ("wgan", 1), ("gan", 1), ("wgan", 2)]
    compared = Comparison(found)
    assert compared.volumes.groupby("condition")["configurations"].first().to_dict() == {"gan": 2, "wgan": 3}
    assert (compared.volume_differences["configurations"] == 2).all()
    assert said(compared.notes, "Explore is incomplete: 5 of its 12 trials count")
    assert not said(compared.notes, RANKING_NOTE)


def test_trials_behind_one_that_has_not_ended_do_not_count(tmp_path):
    found = simulate(tmp_path, stable_below_a_thousandth, "search.explore=3")
    slow = next(trial for trial in found.planned if (trial.condition, trial.index) == ("gan", 1))
    (found.ledger.entry(slow.address).folder / "facts.json").unlink()
    compared = Comparison(type(found)(found.ledger, found.ledger.read_study("simulated")))
    assert [len(one.configurations) for one in compared.explored] == [2, 1]
    assert compared.outcomes.query("phase == 'explore'").groupby("condition")["members"].sum().to_dict() == {
        "gan": 2, "wgan": 4
    }  # fmt: skip
    assert said(compared.notes, "3 of its 6 trials count")
    assert said(compared.notes, "2 more ended behind one that has not.")


def test_given_up_trials_count_as_failures(tmp_path):
    def fate(planned, seed):
        return None if (planned.condition, planned.index) == ("gan", 1) else (*RISING, 0.97)

    found = Comparison(simulate(tmp_path, fate))
    assert found.volumes.groupby("condition")["reached"].first().to_dict() == {"gan": 2, "wgan": 3}
    assert found.volumes.query("condition == 'gan'")["seeds_share"].tolist() == pytest.approx([2 / 3] * 3)
    assert found.explored[1].distances[1].tolist() == [inf, inf]
    given_up = found.outcomes[found.outcomes["outcome"] == GIVEN_UP]
    assert given_up[["condition", "phase", "members"]].to_numpy().tolist() == [["gan", "explore", 2]]
    assert said(found.notes, "Explore trials that were given up count as failed at every distance: 1 of gan.")


# --- what is said in words


def test_a_study_that_has_not_begun_says_so(tmp_path):
    notes = notes_of(tmp_path, stable_below_a_thousandth, trials=0)
    assert said(notes, "No volume, width or budget curve: no explore trial counts yet.")


def test_a_study_whose_trials_were_all_given_up_says_so(tmp_path):
    found = Comparison(simulate(tmp_path, lambda planned, seed: None))
    assert found.targets == ()
    assert found.volumes.empty
    assert said(found.notes, "no trial has finished")
    assert said(found.notes, "count as failed at every distance: 3 of wgan, 3 of gan.")
    assert len(said(found.notes, "was given up there")) == 1
    assert found.ranking["failure_rate"].tolist() == [1, 1]
    given = Comparison(found.results, tau=[0.1])
    assert given.volumes["volume"].tolist() == [0, 0]
    assert given.volumes["progress"].isna().all()


def test_a_study_in_which_all_failed_says_so(tmp_path):
    found = Comparison(simulate(tmp_path, lambda planned, seed: LOST))
    assert (found.volumes["volume"] == 0).all()
    assert (found.volumes["volume_high"] == wilson(0, 3)[1]).all()
    assert (found.widths["width"] == 0).all()
    assert (found.chances["chance"] == 0).all()
    assert found.pairs["p_value"].tolist() == [1]
    assert said(found.notes, "Every condition failed")
    assert not said(found.notes, "No distance")  # the answer says that every seed failed,
    assert not said(found.notes, "No configuration of any condition reaches")  # and that no setting works


def test_few_configurations_and_one_seed_are_said(tmp_path):
    overrides = ["search.explore=2", "seeds=1", "search.confirm.seeds=1"]
    found = Comparison(simulate(tmp_path, stable_below_a_thousandth, *overrides))
    assert said(found.notes, "Fewer than 8 configurations (2): the intervals of volumes")
    assert said(found.notes, "One seed a configuration")
    assert said(found.notes, "Fewer than 10 confirm seeds: the intervals")
    assert said(found.notes, "one confirm seed; no pair with it can be tested")
    assert found.pairs["p_value"].isna().all()
    assert found.volumes["volume"].tolist() == found.volumes["seeds_share"].tolist()


def test_pairs_that_cannot_be_decided_are_said(tmp_path):
    notes = notes_of(tmp_path, stable_below_a_thousandth, "search.confirm.seeds=3")
    assert said(notes, "The smallest p-value that 3 and 3 confirm seeds can have is 0.1: none can be decided.")


def test_one_condition_is_said(tmp_path):
    text = STUDY[: STUDY.rindex("[[conditions]]")]
    found = Comparison(simulate(tmp_path, stable_below_a_thousandth, text=text))
    assert said(found.notes, "One condition: there is nothing to compare it with.")
    assert found.pairs.empty
    assert found.volume_differences.empty
    assert len(found.ranking) == 1


def test_a_grid_is_said_and_has_neither_interval_nor_curve(tmp_path):
    grid = "conditions.wgan.training.n_critic={grid=[1,2]}"
    found = Comparison(simulate(tmp_path, stable_below_a_thousandth, grid))
    assert said(found.notes, "Listed, not drawn, are the values of n_critic for wgan: a volume is")
    assert found.volumes.query("condition == 'wgan'")[["volume_low", "volume_high"]].isna().all(axis=None)
    assert set(found.chances["condition"]) == {"gan"}
    assert found.volume_differences.empty
    assert found.shares["value"].unique().tolist() == ["1", "2"]
    assert set(found.widths["condition"]) == {"gan", "wgan"}  # its other knobs were drawn


def test_a_winner_that_was_given_up_in_confirm_is_said(tmp_path):
    def fate(planned, seed):
        lost = (planned.condition, planned.phase, planned.index) == ("gan", "confirm", 0)
        return None if lost else (*RISING, 0.97)

    found = Comparison(simulate(tmp_path, fate, "search.confirm.best=2"))
    assert found.ranking["condition"].tolist() == ["wgan", "gan"]
    row = found.ranking.iloc[1]
    assert (row["trial"], row["failure_rate"], row["members"]) == (0, 1, 4)
    assert np.isnan(row["distance"])
    (note,) = said(found.notes, "given up there")
    assert note.startswith("gan:")
    assert note.endswith("What was confirmed besides is in the table of trials.")


def test_the_members_of_a_winner_that_was_given_up_failed_in_every_table(tmp_path):
    def fate(planned, seed):
        lost = (planned.condition, planned.phase) == ("gan", "confirm")
        return None if lost else (*RISING, 0.97)

    found = Comparison(simulate(tmp_path, fate))
    assert len(found.results.members) + 4 == len(found.results.ended_members)
    assert found.pairs[["condition", "other", "effect"]].to_numpy().tolist() == [["wgan", "gan", 1]]
    assert found.robustness.query("condition == 'gan'")["stable"].eq(0).all()
    assert found.equal_critic_steps["condition"].tolist() == ["wgan", "gan"]
    lost = found.outcomes.query("condition == 'gan' and phase == 'confirm' and members > 0")
    assert lost[["outcome", "members"]].to_numpy().tolist() == [[GIVEN_UP, 4]]
    pd.testing.assert_frame_equal(found.ranking, found.results.ranking[list(RANKING)])
    with pytest.raises(InputError, match="gan: the trial that confirms it was given up"):
        found.results.best("gan")


def test_a_condition_is_confirmed_by_its_winner_alone(tmp_path):
    found = simulate(tmp_path, lambda planned, seed: (*RISING, 0.97), "search.confirm.best=2")
    slow = next(
        trial for trial in found.planned if (trial.condition, trial.phase, trial.index) == ("gan", "confirm", 0)
    )
    (found.ledger.entry(slow.address).folder / "facts.json").unlink()
    compared = Comparison(type(found)(found.ledger, found.ledger.read_study("simulated")))
    confirm = compared.results.members.query("phase == 'confirm'").groupby("condition", observed=True)["trial"]
    assert confirm.unique().map(list).to_dict() == {"wgan": [0, 1], "gan": [1]}
    assert compared.ranking["condition"].tolist() == ["wgan"]
    assert compared.outcomes.query("phase == 'confirm'")["condition"].unique().tolist() == ["wgan"]


def test_a_condition_without_a_knob_is_said(tmp_path):
    def fate(planned, seed):
        return (*RISING, 0.97)

    fixed = "training.critic_optimizer.lr=1e-3"
    found = Comparison(simulate(tmp_path, fate, fixed))
    assert said(found.notes, "No knob is searched for gan: the volume")
    assert "gan" not in set(found.widths["condition"])
    assert found.volumes.query("condition == 'gan'")["volume_low"].tolist() == [wilson(3, 3)[0]] * 3


# --- the authors' arm


def test_the_authors_arm_is_held_against_what_was_found_and_is_not_ranked(tmp_path):
    def fate(planned, seed):
        lost = planned.condition == "gan" and planned.phase == "authors" and seed % 4 == 3
        return LOST if lost else (*RISING, 0.9 if planned.phase == "authors" else 0.96)

    found = Comparison(simulate(tmp_path, fate, "search.confirm.authors=true"))
    table = found.tuning.set_index("condition")
    # ref 3 and floor 1 in confirm
    assert table["distance"].tolist() == pytest.approx([1.08, 1.08])
    assert table["authors_distance"].tolist() == pytest.approx([1.2, 1.2])
    assert table["authors_failure_rate"].to_dict() == {"gan": 0.25, "wgan": 0}
    assert (table.loc["gan", "authors_failure_low"], table.loc["gan", "authors_failure_high"]) == wilson(1, 4)
    assert table["effect"].tolist() == [1, 1]
    assert table["p_value"].tolist() == pytest.approx([2 / 70] * 2)
    assert table["p_adjusted"].tolist() == pytest.approx([4 / 70] * 2)
    assert found.ranking["distance"].tolist() == pytest.approx([1.08, 1.08])
    authors = found.outcomes.query("phase == 'authors' and outcome == 'stable'").set_index("condition")
    assert authors["members"].to_dict() == {"gan": 3, "wgan": 4}
    assert (authors.loc["gan", "low"], authors.loc["gan", "high"]) == wilson(3, 4)


def test_distances_to_reach_do_not_come_from_the_authors_arm(tmp_path):
    def fate(planned, seed):
        return (*RISING, 0.97) if planned.phase == "authors" else None

    found = Comparison(simulate(tmp_path, fate, "search.confirm.authors=true"))
    assert found.results.lines["ref"] == 3
    assert found.targets == ()


def test_a_condition_without_a_preset_has_no_authors(tmp_path):
    own = STUDY.replace('preset = "gan"', 'objective.kind = "minimax"')
    found = Comparison(simulate(tmp_path, stable_below_a_thousandth, "search.confirm.authors=true", text=own))
    assert found.tuning["condition"].tolist() == ["wgan"]
    assert said(found.notes, "gan: no preset, so no authors' setting")
