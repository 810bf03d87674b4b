"""Counts of the trials that ended, by condition."""

import math

import pytest
from recorded import load_tiny, run_pending

from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.progress import tallies
from studies.progress.tallies import WITHOUT_RESULT, Tallies


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    study = load_tiny(tmp_path_factory.mktemp("tallies"))
    return run_pending(study), results("tiny", root=study.ledger.root)


def test_tallies_of_a_finished_study_are_those_of_its_tables(finished):
    progress, tables = finished
    counted = Tallies(tables.study)
    counted.add_ended(progress.standing())
    assert counted.ended == len(tables.trials) == 8
    for condition, trials in tables.trials.groupby("condition", observed=True):
        members = tables.members[tables.members["condition"] == condition]
        tally, searched = counted.by_condition[condition], trials[trials["phase"] != "confirm"]
        assert dict(tally.ended) == {"explore": 2, "exploit": 1, "confirm": 1}
        assert dict(tally.outcomes) == members["outcome"].astype("str").value_counts().to_dict()
        assert tally.outcomes.total() == 3 * 3 + 4
        assert tally.stable_share == (members["outcome"] == "stable").sum() / 13
        assert tally.best_score == searched["search_score"].max()
        smallest = trials["distance"].min()
        assert tally.smallest_distance == (math.inf if math.isnan(smallest) else smallest)


@pytest.mark.parametrize("together", [1, 3, 500])
def test_tallies_do_not_depend_on_how_many_trials_are_read_together(finished, together, monkeypatch):
    progress, tables = finished
    monkeypatch.setattr(tallies, "READ_TOGETHER", together)
    counted, at_once = Tallies(tables.study), Tallies(tables.study)
    counted.add_ended(progress.standing())
    at_once.add(tables.trial_records)
    assert counted.by_condition == at_once.by_condition


def test_a_trial_counts_once_and_one_that_runs_does_not_count(finished):
    _, tables = finished
    counted, first = Tallies(tables.study), tables.trial_records[0]
    counted.add([TrialRecord(first.spec, "running")])
    assert counted.ended == 0
    counted.add([first, first])
    counted.add([first])
    assert counted.ended == 1
    assert counted.by_condition[first.spec.condition].outcomes.total() == 3


def test_members_of_a_trial_without_a_result_count_as_that(finished):
    _, tables = finished
    spec = tables.trial_records[0].spec
    counted = Tallies(tables.study)
    counted.add([TrialRecord(spec, "timed_out", end=TrialEnd(state="timed_out", reason="too slow"))])
    tally = counted.by_condition[spec.condition]
    assert dict(tally.outcomes) == {WITHOUT_RESULT: 3}
    assert (tally.stable_share, tally.best_score, tally.smallest_distance) == (0.0, 0.0, math.inf)


def test_a_standing_has_the_trials_that_ended_and_counts_those_that_are_pending(tmp_path):
    progress = run_pending(load_tiny(tmp_path), trials=3)
    standing = progress.standing()
    ended = {spec.key for spec in standing.ended}
    assert ended == progress.ledger.committed()
    assert 3 <= len(ended) < 8
    assert standing.pending == len(progress.pending()) > 0
    assert not standing.without_result
