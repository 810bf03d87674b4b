import pytest
from mlflow_contents import assert_equal_results, client_of, contents, recorded_tiny, runs_of

from studies.errors import InputError, TrackingError
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tracking.mlflow_runs import MlflowRuns
from studies.tracking.run_content import CHECKSUM_TAG
from studies.tracking.run_faults import examine, mend
from studies.tracking.study_run import StudyRun
from studies.tracking.tracker import sync

pytestmark = pytest.mark.slow  # writes a database of MLflow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return recorded_tiny(tmp_path_factory)


@pytest.fixture(scope="module")
def uri(recorded, tmp_path_factory):
    """A store with the recorded study, which every test mends again."""
    folder = tmp_path_factory.mktemp("faults")
    address = f"sqlite:///{folder}/mlflow.db"
    client_of(address).create_experiment("tiny", artifact_location=str(folder / "mlruns"))
    sync(recorded.ledger, "tiny", address)
    return address


def run_named(uri, name):
    return next(run for group in runs_of(uri) for run in group if run.info.run_name == name)


def found(ledger, uri):
    return [(fault.kind, fault.run) for fault in examine(ledger, "tiny", uri)]


def mended(recorded, uri):
    """Sentences of the mending, after which the store is as it was."""
    sentences = list(mend(recorded.ledger, examine(recorded.ledger, "tiny", uri), uri))
    assert examine(recorded.ledger, "tiny", uri) == []
    assert contents(uri).keys() == contents(recorded.uri).keys()
    assert {run["status"] for run in contents(uri).values()} == {"FINISHED"}
    assert_equal_results(results("tiny", tracking_uri=uri), recorded.results)
    return sentences


def test_a_study_that_is_wholly_recorded_has_no_fault(recorded, uri):
    assert examine(recorded.ledger, "tiny", uri) == []
    assert list(mend(recorded.ledger, [], uri)) == []


def test_runs_that_a_killed_driver_left_open_are_closed(recorded, uri):
    before = contents(uri)
    for name in ("tiny", "gan-explore-0"):
        client_of(uri).update_run(run_named(uri, name).info.run_id, status="RUNNING")
    assert found(recorded.ledger, uri) == [("open", "tiny"), ("open", "gan-explore-0")]
    assert mended(recorded, uri) == [
        f"tiny: the run of {name} in MLflow at {uri} is marked as running, but no run writes the study; it was "
        "recorded again from the ledger"
        for name in ("tiny", "gan-explore-0")
    ]
    assert contents(uri) == before


def test_runs_of_trials_that_the_plan_does_not_have_are_deleted(recorded, uri):
    (study,), _ = runs_of(uri)
    tags = {"kind": "trial", "condition": "gan", "phase": "explore", "trial": "7"}
    client_of(uri).create_run("1", tags={**tags, "mlflow.parentRunId": study.info.run_id}, run_name="gan-explore-7")
    assert found(recorded.ledger, uri) == [("orphan", "gan-explore-7")]
    (sentence,) = mended(recorded, uri)
    assert sentence.endswith("belongs to no trial of the ledger; it was deleted")


@pytest.mark.soak
def test_of_two_runs_of_a_trial_the_incomplete_one_is_deleted(recorded, uri):
    whole = run_named(uri, "gan-explore-0")
    tags = {name: value for name, value in whole.data.tags.items() if name != CHECKSUM_TAG}
    client_of(uri).create_run("1", tags=tags, run_name="gan-explore-0")
    assert found(recorded.ledger, uri) == [("duplicate", "gan-explore-0")]
    mended(recorded, uri)
    assert run_named(uri, "gan-explore-0").info.run_id == whole.info.run_id


def test_trials_without_a_run_or_with_an_incomplete_one_are_recorded(recorded, uri):
    client = client_of(uri)
    client.delete_run(run_named(uri, "gan-explore-1").info.run_id)
    client.delete_tag(run_named(uri, "wgan-confirm-0").info.run_id, CHECKSUM_TAG)
    assert sorted(found(recorded.ledger, uri)) == [("incomplete", "wgan-confirm-0"), ("missing", "gan-explore-1")]
    mended(recorded, uri)


@pytest.mark.soak
def test_another_run_of_the_study_itself_is_deleted(recorded, uri):
    (study,), _ = runs_of(uri)
    tags = study.data.tags
    client_of(uri).create_run("1", start_time=1, tags=tags, run_name="tiny")
    assert found(recorded.ledger, uri) == [("duplicate", "tiny")]
    mended(recorded, uri)


def test_a_study_that_is_being_written_or_is_not_in_mlflow_has_no_fault(recorded, uri, tmp_path):
    assert examine(recorded.ledger, "tiny", f"sqlite:///{tmp_path}/empty.db") == []
    run_id = run_named(uri, "tiny").info.run_id
    client_of(uri).update_run(run_id, status="RUNNING")
    with recorded.ledger.writing("tiny"):
        assert examine(recorded.ledger, "tiny", uri) == []
    mended(recorded, uri)


def test_what_cannot_be_examined_is_one_sentence(recorded, tmp_path):
    with pytest.raises(InputError, match="there is no such study"):
        examine(Ledger(tmp_path), "tiny", f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(TrackingError, match="nonsense"):
        examine(recorded.ledger, "tiny", "nonsense://here")


@pytest.mark.soak
def test_runs_of_a_user_among_the_trials_are_left_alone(recorded, uri):
    (study,), _ = runs_of(uri)
    tags = {"kind": "trial", "mlflow.parentRunId": study.info.run_id}
    own = client_of(uri).create_run("1", tags=tags, run_name="mine")
    client_of(uri).set_terminated(own.info.run_id, "FINISHED")
    assert examine(recorded.ledger, "tiny", uri) == []
    MlflowRuns(StudyRun(recorded.results.study, recorded.ledger, uri)).close()
    assert run_named(uri, "mine").info.lifecycle_stage == "active"
    client_of(uri).delete_run(own.info.run_id)
