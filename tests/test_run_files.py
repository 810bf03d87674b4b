"""A hostile tracking server: every answer is refused in one sentence, or changes nothing; no file is written."""

import copy
import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hostile_server import Store, files_written, light, serving, tags_of
from mlflow_contents import TABLES, assert_equal_results, recorded_tiny

from studies.design import Design
from studies.errors import InputError, TrackingError
from studies.ledger.sealed import FORMAT, seal
from studies.locate import results
from studies.tracking import run_search
from studies.tracking.bundle import BUNDLE_TAG, FIRST_BUNDLE_TAG, SEGMENT
from studies.tracking.run_content import TRIAL_FILE
from studies.tracking.run_files import LARGEST_FILE

pytestmark = pytest.mark.slow  # writes a database of MLflow
DEEP = b"[" * 200_000
CONTROL = "\x1b[31mred\n\x07"
Falsify = Callable[[Store], None]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return recorded_tiny(tmp_path_factory)


@pytest.fixture(scope="module")
def true_store(recorded):
    return Store.of(recorded)


@pytest.fixture
def store(true_store):
    return copy.deepcopy(true_store)


def read(store: Store) -> Any:
    """Results from a server with this content, whose reading writes no file."""
    with serving(store) as uri, files_written() as written:
        found = results("tiny", tracking_uri=uri)
        for table in TABLES:
            getattr(found, table)
    assert written == []
    return found


def refusal(store: Store, *mentioned: str) -> None:
    """Check that the content is refused in one short, printable sentence that has these parts."""
    with serving(store) as uri, files_written() as written, pytest.raises((TrackingError, InputError)) as refused:
        results("tiny", tracking_uri=uri)
    assert written == []
    message = str(refused.value)
    assert message.isprintable()
    assert len(message) < 500
    assert all(part in message for part in mentioned), message


def test_every_file_that_is_written_is_noticed(tmp_path):
    with files_written() as written:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("x")
        os.rename(tmp_path / "file", tmp_path / "other")
    assert written == [str(tmp_path / name) for name in ("folder", "file", "file")]


def test_a_true_server_gives_the_tables_of_the_ledger(store, recorded):
    assert_equal_results(read(store), recorded.results)


# -- addresses, names and sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../tiny", "/etc/passwd", "a/../../b", "tiny'; --", CONTROL])
def test_a_name_that_is_none_never_reaches_the_server(store, name):
    store.answers[""] = lambda true: pytest.fail("a request was sent")
    with serving(store) as uri, pytest.raises(InputError) as refused:
        results(name, tracking_uri=uri)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/etc", "a path of another machine"),
        ("../../etc", "a path of another machine"),
        ("file:///etc", "a path of another machine"),
        ("FILE:///etc", "a path of another machine"),
        ("\tfile:///etc", "a path of another machine"),
        ("mlflow-artifacts://elsewhere:80/x", "which is not on this server"),
        ("http://169.254.169.254/latest", "which is not on this server"),
        ("runs:/0123/x", "which is not on this server"),
        ("models:/x/1", "which is not on this server"),
        ("ftp://elsewhere/x", "which is not on this server"),
        ("sqlite:////etc/x", "which is not on this server"),
        (f"nothing:{CONTROL}", "which is not on this server"),
    ],
)
def test_artifacts_are_read_from_the_server_alone(store, address, sentence):
    store.study_run["info"]["artifact_uri"] = address
    refusal(store, sentence)


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../study.json"},
        {"path": "/etc/study.json"},
        {"path": "..%2fstudy.json"},
        {"path": "folder/study.json"},
        {"is_dir": True},
        {"file_size": str(LARGEST_FILE + 1)},
        {"file_size": str(2**62)},
        {"file_size": "-1"},
        {"file_size": "many"},
        {"file_size": [1]},
        {"file_size": "17"},
        {"file_size": "1000000"},
    ],
    ids=str,
)
def test_a_false_listing_is_refused(store, change):
    def falsify(true):
        files = true.get("files", [])
        return {"files": [file | change if file["path"] == "study.json" else file for file in files]}

    store.answers["/mlflow-artifacts/artifacts"] = falsify
    refusal(store)


def test_no_more_is_read_of_a_file_than_the_server_said(store):
    store.answers["/study.json"] = lambda true: true + b" " * 50_000_000
    refusal(store, "sends study.json with another size than it says")


def test_a_file_that_is_listed_but_missing_is_refused(store):
    store.answers["/study.json"] = lambda true: None
    refusal(store)


@pytest.mark.parametrize("answer", [b"no JSON", b'{"runs": ' + DEEP, [], {"runs": 5}, {"runs": [{"info": {}}]}])
def test_answers_of_another_form_are_refused(store, answer):
    store.answers["runs/search"] = lambda true: answer
    refusal(store)


def test_runs_without_an_end_are_refused(store, monkeypatch):
    monkeypatch.setattr(run_search, "MOST_PAGES", 3)
    store.answers["runs/search"] = lambda true: true | {"next_page_token": "more"}
    refusal(store, "more than 3 pages of runs")


def test_an_answer_that_is_none_of_mlflow_is_printable(store):
    store.answers["experiments/get-by-name"] = lambda true: CONTROL.encode() * 1000
    refusal(store, "is another server")


# -- the study's record ------------------------------------------------------------------------------------------------


def record_of(store: Store) -> dict[str, Any]:
    record = json.loads(store.files[store.path(store.study_run, "study.json")])
    return {name: value for name, value in record.items() if name not in ("format", "checksum")}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"5", DEEP, seal({}), seal({"study": [], "provenance": 5})],
    ids=["empty", "cut", "not-utf-8", "list", "number", "deep", "nothing", "other-types"],
)
def test_a_record_that_is_none_is_refused(store, content):
    store.files[store.path(store.study_run, "study.json")] = content
    refusal(store, "study.json")


@pytest.mark.parametrize(
    "change",
    [
        {"question": CONTROL},
        {"question": 5},
        {"environment": []},
        {"provenance": []},
        {"provenance": {"sources": 5}},
        {"study": {"name": "tiny"}},
        {"study": []},
    ],
    ids=str,
)
def test_a_record_with_wrong_parts_is_refused(store, change):
    store.files[store.path(store.study_run, "study.json")] = seal({**record_of(store), **change})
    refusal(store, "study.json")


def test_the_record_of_another_study_is_refused(store):
    record = record_of(store)
    record["study"]["name"] = "other"
    store.files[store.path(store.study_run, "study.json")] = seal(record)
    refusal(store, "it is the record of other")


def test_a_record_of_another_budget_does_not_fit_the_trials(store):
    record = record_of(store)
    record["study"]["budget"]["steps"] = 9
    store.files[store.path(store.study_run, "study.json")] = seal(record)
    refusal(store, "is not one that the study can have")


def test_a_record_of_another_version_is_refused(store):
    path = store.path(store.study_run, "study.json")
    store.files[path] = store.files[path].replace(f'"format": {FORMAT}'.encode(), b'"format": 99')
    refusal(store, "study.json")


# -- the bundle --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag", ["", "x", "1", "-1  ", "1 2 3", "٣  " + "0" * 64, "9" * 5000 + "  " + "0" * 64, CONTROL]
)
def test_a_tag_that_names_no_bundle_makes_every_trial_be_read_by_itself(store, recorded, tag):
    store.set_tag(store.study_run, BUNDLE_TAG, tag)
    assert_equal_results(read(store), recorded.results)


def test_a_tag_of_another_bundle_is_refused(store):
    number, segment, plan = tags_of(store.study_run)[BUNDLE_TAG].split(" ")
    for tag in (f"{number} {segment} {'0' * 64}", f"{number} {'0' * 32} {plan}"):
        store.set_tag(store.study_run, BUNDLE_TAG, tag)
        refusal(store, "are damaged")


def changed_trial(**changes: Any) -> Falsify:
    """Function that changes the specification of the first trial in the plan."""

    def falsify(store: Store) -> None:
        plan = store.plan()
        plan[0]["spec"] |= changes
        store.replace_plan(plan)

    return falsify


def in_plan(change: Callable[[list[Any]], Any]) -> Falsify:
    """Function that replaces the plan by what `change` returns."""
    return lambda store: store.replace_plan(change(store.plan()))


PLANS = {
    "bomb": lambda store: store.replace_plan(gzip.compress(b" " * (2**28 + 1))),
    "no-gzip": lambda store: store.replace_plan(b"nothing"),
    "cut": lambda store: store.replace_plan(gzip.compress(seal({"trials": []}))[:-9]),
    "deep": lambda store: store.replace_plan(gzip.compress(b'{"trials":' + DEEP)),
    "text": lambda store: store.replace_plan(gzip.compress(seal({"key": "", "trials": "x"}))),
    "no-tables": in_plan(lambda plan: [{}]),
    "list-as-specification": in_plan(lambda plan: [{**plan[0], "spec": []}]),
    "unknown-key": changed_trial(other=1),
    "seeds": lambda store: changed_trial(identity={**store.plan()[0]["spec"]["identity"], "seeds": [5]})(store),
    "phase": changed_trial(phase=CONTROL),
    "phase-as-list": changed_trial(phase=[]),
    "index": changed_trial(index=1),
    "negative-index": changed_trial(index=-1),
    "index-as-text": changed_trial(index="0"),
    "configuration-as-text": changed_trial(configuration="x"),
    "configuration-of-another-type": changed_trial(configuration={"constraint.clip_value": CONTROL}),
    "outside-of-the-range": changed_trial(configuration={"constraint.clip_value": 1e9}),
    "address": changed_trial(address="0" * 24),
    "address-as-path": changed_trial(address="/etc/passwd"),
    "address-outside": changed_trial(evaluation_address="../../../x"),
    "evaluation": changed_trial(evaluation={"split": "test"}),
    "unknown-state": in_plan(lambda plan: [{**plan[0], "state": CONTROL}, *plan[1:]]),
    "end-of-another-state": in_plan(lambda plan: [{**plan[0], "state": "lost", "end": {"state": "error"}}]),
    "end-of-other-types": in_plan(
        lambda plan: [{**plan[0], "state": "lost", "end": {"state": "lost", "reason": [], "detail": 5}}]
    ),
    "end-with-other-keys": in_plan(lambda plan: [{**plan[0], "state": "lost", "end": {"state": "lost", "x": 1}}]),
}


@pytest.mark.parametrize("falsify", PLANS.values(), ids=PLANS.keys())
def test_a_plan_that_the_study_cannot_have_is_refused(store, falsify):
    falsify(store)
    refusal(store)


def test_trials_of_other_conditions_and_beyond_the_studys_numbers_are_left_out(store, recorded):
    plan, study = store.plan(), recorded.results.study
    other_condition, known = copy.deepcopy(plan[0]), plan[0]["spec"]
    other_condition["spec"]["condition"] = "/etc/passwd"
    condition = study.condition(known["condition"])
    setting = condition.setting(known["configuration"]).table()
    beyond = Design(study, recorded.results.provenance).spec(
        condition, "explore", study.search.explore, known["configuration"], setting, None
    )
    store.replace_plan([*plan, other_condition, {**plan[0], "spec": asdict(beyond)}])
    assert_equal_results(read(store), recorded.results)


def test_entries_of_foreign_trials_are_left_out(store, recorded):
    rows = store.rows()
    plan = [table for table in store.plan() if table["spec"]["phase"] != "exploit"]
    store.replace_plan(plan)  # the entries of exploit are now of no trial
    found = read(store)
    assert len(found.trials) == len(plan) < len(rows)
    expected = recorded.results.trials
    expected = expected[expected["phase"] != "exploit"].reset_index(drop=True)
    assert found.trials.equals(expected)


ROWS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "missing": lambda rows: [light(row) for row in rows[1:]],
    "nonfinite-steps": lambda rows: [light(rows[0], nonfinite_step=[0]), *map(light, rows[1:])],
    "nonfinite-step-as-text": lambda rows: [light(rows[0], nonfinite_step=["0", "0", "0"]), *map(light, rows[1:])],
    "costs": lambda rows: [light(rows[0], critic_steps="x"), *map(light, rows[1:])],
    "infinite-costs": lambda rows: [light(rows[0], elapsed_seconds=float("inf")), *map(light, rows[1:])],
    "huge-costs": lambda rows: [light(rows[0], critic_steps=10**30), *map(light, rows[1:])],
    "references": lambda rows: [light(rows[0], reference_distances={}), *map(light, rows[1:])],
    "reference-values": lambda rows: [light(rows[0], real_values=[1]), *map(light, rows[1:])],
    "distance": lambda rows: [light(rows[0], distance="unknown"), *map(light, rows[1:])],
    "distance-as-list": lambda rows: [light(rows[0], distance=[]), *map(light, rows[1:])],
    "metrics": lambda rows: [light(rows[0], metrics=[]), *map(light, rows[1:])],
    "steps": lambda rows: [light(rows[0], steps=[5, 4, 3, 2, 1]), *map(light, rows[1:])],
    "seeds": lambda rows: [light(rows[0], seeds=[9, 9, 9]), *map(light, rows[1:])],
    "identity": lambda rows: [light(rows[0], identity={}), *map(light, rows[1:])],
    "identity-of-another": lambda rows: [
        light(rows[0], identity=json.loads(rows[1].facts)["identity"]),
        *map(light, rows[1:]),
    ],
}


@pytest.mark.parametrize("falsify", ROWS.values(), ids=ROWS.keys())
def test_entries_with_edited_facts_are_refused(store, falsify):
    store.replace_rows(falsify(store.rows()))
    refusal(store, "are damaged")


def test_swapped_entries_are_refused(store):
    first, second, *others = store.rows()
    swapped = [light(first), light(second)]
    swapped[0], swapped[1] = (
        type(swapped[0])(first.key, *vars_of(swapped[1])),
        type(swapped[1])(second.key, *vars_of(swapped[0])),
    )
    store.replace_rows([*swapped, *map(light, others)])
    refusal(store, "is not the address of the trial that it holds")


def vars_of(row: Any) -> list[Any]:
    return [row.facts, row.values, row.generators, row.samples, row.log]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 1000, DEEP])
def test_a_segment_that_is_none_is_refused(store, content):
    store.files[store.bundled(SEGMENT)] = content
    refusal(store, "are damaged")


# -- runs of trials ----------------------------------------------------------------------------------------------------


def unbundled(store: Store) -> None:
    store.set_tag(store.study_run, BUNDLE_TAG, None)


@pytest.mark.parametrize(
    "content",
    [b"", DEEP, seal({}), seal({"spec": 5, "state": "finished"}), seal({"spec": {}, "state": "finished", "end": None})],
    ids=["empty", "deep", "nothing", "number", "no-keys"],
)
def test_a_table_of_a_trial_that_is_none_is_refused(store, content):
    unbundled(store)
    store.files[store.path(store.trial_run("gan-explore-0"), TRIAL_FILE)] = content
    refusal(store, "are damaged")


def entry_file(store: Store, name: str) -> str:
    """Path of the entry among the artifacts of a trial's run."""
    return next(path for path in store.files if path.startswith(store.path(store.trial_run(name), "entry/")))


def test_the_entry_of_another_trial_is_not_taken_for_a_trials_own(store):
    unbundled(store)
    own, other = entry_file(store, "gan-explore-0"), entry_file(store, "gan-explore-1")
    content = store.files.pop(own)
    store.files[f"{own.rpartition('/')[0]}/{other.rpartition('/')[2]}"] = store.files[other]
    refusal(store, "gan-explore-0 is said to be 'finished'")
    store.files[own] = content
    refusal(store, "it holds 2 entries, not one")


def test_a_run_of_a_trial_with_a_key_that_is_none_is_left_out(store, recorded):
    store.set_tag(store.trial_run("gan-explore-0"), FIRST_BUNDLE_TAG, store.bundle.next_number)
    store.set_tag(store.trial_run("gan-explore-0"), "mlflow.gan_studies.key", "../../etc")
    assert_equal_results(read(store), recorded.results)


def test_generators_and_samples_of_another_trial_are_refused(store, recorded):
    own, other = entry_file(store, "wgan-confirm-0"), entry_file(store, "gan-confirm-0")
    del store.files[own]
    store.files[f"{own.rpartition('/')[0]}/{other.rpartition('/')[2]}"] = store.files[other]
    with serving(store) as uri:
        found = results("tiny", tracking_uri=uri)
        np.testing.assert_array_equal(found.samples("gan"), recorded.results.samples("gan"))
        for use in (found.best, found.samples):
            with pytest.raises(TrackingError, match="it is not the entry of"):
                use("wgan")


def test_generators_of_other_phases_are_not_on_the_server(store):
    with serving(store) as uri:
        entry = next(trial.entry for trial in results("tiny", tracking_uri=uri).trial_records)
        assert entry is not None
        with pytest.raises(InputError, match="generators of confirm trials alone"):
            entry.generators()


@pytest.mark.parametrize("number", range(20))
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(store, recorded, number):
    rng = np.random.default_rng(number)
    unbundled(store) if number % 2 else None
    path = sorted(store.files)[rng.integers(len(store.files))]
    content = bytearray(store.files[path])
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    store.files[path] = bytes(content)
    found = None
    with suppress(TrackingError, InputError):
        found = read(store)
    if found is not None:
        assert_equal_results(found, recorded.results)
