import json
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapped import load
from mlflow_contents import TABLES, artifact, client_of, recorded_tiny, rows_of, runs_of
from recorded import QUESTION, load_tiny

from gan_core.metrics import METRICS
from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.progress.summaries import summarize
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentence
from studies.tracking.notes import experiment_note
from studies.tracking.run_content import Quartile, logged_metrics, metric_name
from studies.tracking.view_tags import VIEW_TAG

SLICED = "sliced_wasserstein"
SHARES: dict[Quartile, float] = {"q25_": 0.25, "": 0.5, "q75_": 0.75}
stored = pytest.mark.slow  # reads a database of MLflow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return recorded_tiny(tmp_path_factory)


# -- names and numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "distance", "logged"),
    [
        ("sliced_wasserstein", SLICED, "distance/sliced_wasserstein"),
        ("sliced_wasserstein_of_average", SLICED, "distance/sliced_wasserstein_of_average"),
        ("distance_to_equilibrium", "distance_to_equilibrium", "distance/distance_to_equilibrium"),
        ("wasserstein_1", SLICED, "samples/wasserstein_1"),
        ("wasserstein_1", "wasserstein_1", "distance/wasserstein_1"),
        ("sliced_wasserstein", "wasserstein_1", "samples/sliced_wasserstein"),
        ("cells_of_average", SLICED, "samples/cells_of_average"),
        ("critic_slope", SLICED, "training/critic_slope"),
        ("balance", SLICED, "training/balance"),
        ("my_own", SLICED, "own/my_own"),
    ],
)
def test_the_section_of_a_metric_is_distance_samples_training_or_own(metric, distance, logged):
    assert metric_name(metric, distance) == logged


@pytest.mark.parametrize("metric", [*METRICS, "my_own"])
def test_median_and_quartiles_can_be_told_apart_in_a_narrow_column(metric):
    """In a column of MLflow's default width of 100 pixels the longest section leaves five characters of the rest."""
    shown = {metric_name(metric, SLICED, quartile)[:14] for quartile in SHARES}
    assert len(shown) == 3


def test_quartiles_are_those_of_the_finite_members():
    summary = summarize(
        10, None, {"sliced_wasserstein": [3.0, np.nan, 1.0, np.inf, 2.0], "cells": [np.nan] * 5}, SLICED
    )
    assert logged_metrics(summary, SLICED) == {
        "outcomes/measured": 3.0,
        "distance/q25_sliced_wasserstein": 1.5,
        "distance/sliced_wasserstein": 2.0,
        "distance/q75_sliced_wasserstein": 2.5,
    }


@given(st.lists(st.floats(width=64), max_size=8))
def test_a_logged_metric_is_always_a_finite_number(values):
    metrics = logged_metrics(summarize(0, None, {SLICED: values}, SLICED), SLICED)
    assert all(np.isfinite(value) for value in metrics.values())
    assert metrics["outcomes/measured"] == np.isfinite(values).sum()


def test_the_note_of_an_experiment_describes_the_metric_that_decides(tmp_path):
    study = load_tiny(tmp_path)
    assert "lower is better: sliced Wasserstein distance" in experiment_note(study, "")
    own = replace(study, evaluation=replace(study.evaluation, distance="pesq"))  # a user's, read without its class
    assert "| `distance/pesq` |" in experiment_note(own, "")
    assert "over the members, the metric that decides |" in experiment_note(own, "")


# -- in a real store ---------------------------------------------------------------------------------------------------


@stored
def test_mlflow_has_the_numbers_of_the_ledger(recorded):
    found = recorded.results
    client = client_of(recorded.uri)
    (study,), runs = runs_of(recorded.uri)
    assert Counter(run.info.run_name for run in runs) == Counter(
        f"{row.condition}-{row.phase}-{row.trial}" for row in found.trials.itertuples()
    )
    runs_by_trial = {
        (run.data.tags["condition"], run.data.tags["phase"], int(run.data.tags["trial"])): run for run in runs
    }
    for row in found.trials.to_dict("records"):
        run = runs_by_trial[row["condition"], row["phase"], row["trial"]]
        assert run.data.tags["mlflow.parentRunId"] == study.info.run_id
        assert run.info.status == "FINISHED"
        for path in found.study.condition(row["condition"]).hyperparameters:
            assert float(run.data.params[found.study.short_names[path]]) == row[path]
        logged = ("distance", "late_distance", "failure_rate", "search_score", "spent/elapsed_seconds")
        for name in (*logged, "spent/critic_steps"):
            value = row[name.removeprefix("spent/")]
            assert run.data.metrics.get(name) == (None if np.isnan(value) else value)
        outcomes = Counter(rows_of(found.members, row)["outcome"])
        assert {outcome: run.data.metrics[f"outcomes/{outcome}"] for outcome in OUTCOMES} == {
            outcome: outcomes[outcome] for outcome in OUTCOMES
        }
        assert_quartiles(client, run, rows_of(found.curves, row))


def assert_quartiles(client, run, curves):
    for metric, values in curves.groupby("metric", observed=True):
        finite = values[np.isfinite(values["value"])].groupby("step")["value"]
        for quartile, share in SHARES.items():
            history = client.get_metric_history(run.info.run_id, metric_name(metric, SLICED, quartile))
            expected = finite.quantile(share).to_dict()  # pandas and NumPy round the last bit differently
            assert {logged.step: logged.value for logged in history} == pytest.approx(expected, rel=1e-12)
            assert len(history) == len({logged.step for logged in history})


@stored
def test_infinite_and_missing_values_never_reach_mlflow(recorded):
    assert not np.isfinite(recorded.results.curves["value"]).all(), "the study must have some, or this shows nothing"
    for run in chain(*runs_of(recorded.uri)):
        assert all(abs(value) < 1e300 for value in run.data.metrics.values())


@stored
def test_parameters_have_short_names(recorded):
    params = {run.info.run_name: run.data.params for run in runs_of(recorded.uri)[1]}
    assert params["wgan-confirm-0"].keys() == {"objective", "constraint", "clip_value"}
    assert params["gan-confirm-0"].keys() == {"objective", "constraint", "critic lr", "n_critic"}
    assert (params["wgan-confirm-0"]["objective"], params["wgan-confirm-0"]["constraint"]) == (
        "wasserstein",
        "weight_clipping",
    )


@stored
def test_every_tag_that_mlflow_shows_is_for_readers(recorded):
    """MLflow's pages hide tags that begin with `mlflow.`."""
    (study,), runs = runs_of(recorded.uri)
    visible = [{name for name in run.data.tags if not name.startswith("mlflow.")} for run in runs]
    assert all(
        names == {"condition", "phase", "trial", "seeds", "study", "kind", "address", "outcome"} for names in visible
    )
    assert {name for name in study.data.tags if not name.startswith("mlflow.")} == {"kind", "study", "outcome"}


@stored
def test_the_experiment_has_answer_question_and_view_and_the_studys_run_its_tables(recorded):
    found = recorded.results
    client = client_of(recorded.uri)
    experiment = client.get_experiment_by_name("tiny")
    note = experiment.tags["mlflow.note.content"]
    assert QUESTION in note
    assert note.startswith(sentence(next(answer(Comparison(found)))))
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    columns = json.loads(json.loads(experiment.tags[VIEW_TAG])["state"])["selectedColumns"]
    assert {"metrics.`distance`", "tags.`outcome`", "params.`clip_value`"} <= set(columns)
    (study,), _ = runs_of(recorded.uri)
    assert study.info.status == "FINISHED"
    for table in TABLES:
        read = pd.read_parquet(artifact(client, study, f"tables/{table}.parquet"))
        pd.testing.assert_frame_equal(read, getattr(found, table), check_exact=True, check_dtype=False)
    record = json.loads(artifact(client, study, "study.json").read_text())
    assert record["study"] == found.study.table()
    environment = json.loads(artifact(client, study, "environment.json").read_text())
    assert environment["versions"]["mlflow"]
    assert environment["hardware"]["cores"] >= 1


def test_the_note_of_a_study_of_maps_says_that_explore_trains_cells(tmp_path: Path) -> None:
    note = experiment_note(load(tmp_path), "")
    assert "* *explore*, 12 per condition: the cells of a stability map, at equally spaced quantiles" in note
    assert "drawn at random" not in note
