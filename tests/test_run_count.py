"""One MLflow run for each trial, or one for the whole study."""

import pytest
from recorded import load_tiny

from studies.design import total
from studies.tracking.run_count import MOST_RUNS, has_one_run, in_words


@pytest.mark.parametrize(("explore", "one_run"), [(148, False), (149, True)])
def test_a_study_of_more_than_300_trials_has_one_run(tmp_path, explore, one_run):
    study = load_tiny(tmp_path, f"search.explore={explore}", "search.exploit.trials=1")
    assert total(study) == 2 * (explore + 2)
    assert has_one_run(study) is one_run is (total(study) > MOST_RUNS)


@pytest.mark.parametrize("explore", [2, 1000])
def test_the_field_of_the_study_file_decides(tmp_path, explore):
    for runs, one_run in (("study", True), ("trials", False)):
        study = load_tiny(tmp_path, f"search.explore={explore}", f'tracking.runs="{runs}"')
        assert has_one_run(study) is one_run


def test_one_run_is_said_in_one_sentence_and_a_run_for_each_trial_is_not(tmp_path):
    assert in_words(load_tiny(tmp_path)) == ""
    assert in_words(load_tiny(tmp_path, "search.explore=1000")) == (
        "MLflow: one run holds the tables of all 2004 trials; tracking.runs = 'trials' gives each trial a run, the "
        "default up to 300 trials"
    )
