"""Outcomes of the members of many trials, and the results of these trials, from facts and curves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated import STUDY, simulate

from gan_core.outcomes import OUTCOMES, MemberOutcomes, OutcomeRules
from studies.ledger.curves import Curves
from studies.statistics.intervals import interquartile_mean
from studies.tables.columns import MEMBER_COLUMNS
from studies.tables.member_outcomes import (
    classify_members,
    distances_of,
    late_distance,
    member_columns,
    member_curves,
    members_of,
    outcome_counts,
    trial_results,
)

RULES = OutcomeRules()
COSTS = {"generator_steps": 10, "critic_steps": 20, "real_samples_seen": 640, "elapsed_seconds": 0.5}


def facts_of(seeds, **changes) -> dict[str, Any]:
    plain = {
        "seeds": seeds,
        "distance": "sliced_wasserstein",
        "highest": None,
        "reference_distances": {"constant": 1.0, "real": 0.0},
        "real_cells": None,
        "known_modes": None,
        "nonfinite_step": [None] * len(seeds),
        **COSTS,
    }
    return plain | changes


def finished(rng, number):
    """Facts and curves of a trial; number of members, of evaluations, and columns differ from trial to trial."""
    seeds, steps = list(range(3 + number % 2)), list(range(0, 50 * (1, 4, 11)[number % 3], 50))
    change = rng.normal(-0.08, 0.1, (len(steps), len(seeds)))
    evaluations: list[dict[str, Any]] = [{"sliced_wasserstein": row} for row in 1 + np.cumsum(change, axis=0)]
    changes: dict[str, Any] = {}
    if number % 5 == 0:
        changes["real_cells"] = 20
        evaluations = [{**one, "cells": rng.integers(5, 20, len(seeds))} for one in evaluations]
    if number % 5 in (0, 1):
        evaluations = [{**one, "spread": rng.uniform(0, 0.5, len(seeds))} for one in evaluations]
    if number % 5 == 2:
        changes["known_modes"] = 8
        evaluations[-1]["modes_covered"] = rng.integers(4, 9, len(seeds))
    if number % 7 == 0:
        changes["nonfinite_step"] = [*[None] * (len(seeds) - 1), 17]
    return facts_of(seeds, **changes), Curves.from_evaluations(seeds, steps, evaluations)


def values_of(members):
    return [repr(row) for row in zip(*(column.tolist() for column in vars(members).values()), strict=True)]


def test_members_of_different_trials_are_classified_as_each_trial_alone():
    rng = np.random.default_rng(0)
    trials = [finished(rng, number) for number in range(90)]
    together = classify_members(trials, RULES)
    assert values_of(together) == [value for trial in trials for value in values_of(classify_members([trial], RULES))]
    assert set(together.names) == set(OUTCOMES)


def test_without_trials_there_are_no_members_and_no_results():
    nobody = classify_members([], RULES)
    assert len(nobody.outcome) == 0
    assert {name: len(values) for name, values in trial_results([], nobody).items()} == dict.fromkeys(
        ("distance", "failure_rate", "late_distance", "search_score", *COSTS), 0
    )


def test_member_curves_are_the_rows_of_facts_and_curves():
    evaluations = [{"w1": [4.0, 3.0], "modes_covered": [5.0, 6.0]}, {"w1": [2.0, 1.0]}]
    facts = facts_of([7, 8], distance="w1", known_modes=8, nonfinite_step=[None, 45])
    curves = member_curves([(facts, Curves.from_evaluations([7, 8], [0, 50], evaluations))] * 2)
    assert curves.step.tolist() == [[0, 50]] * 4
    assert curves.distance.tolist() == [[4.0, 2.0], [3.0, 1.0]] * 2
    assert (curves.constant.tolist(), curves.real.tolist()) == ([1.0] * 4, [0.0] * 4)
    assert (curves.cells, curves.real_cells, curves.spread) == (None, None, None)
    assert curves.known_modes is not None
    assert curves.known_modes.tolist() == [8] * 4
    np.testing.assert_array_equal(curves.modes_covered, [[5.0, np.nan], [6.0, np.nan]] * 2)
    assert curves.nonfinite_step.tolist() == [-1, 45] * 2


@pytest.mark.parametrize(("known", "measured"), [(None, True), (8, False)])
def test_modes_count_only_if_they_are_known_and_measured(known, measured):
    evaluation = {"sliced_wasserstein": [0.1]} | ({"modes_covered": [1.0]} if measured else {})
    trial = (
        facts_of([0], known_modes=known),
        Curves.from_evaluations([0], [0, 1], [{"sliced_wasserstein": [1.0]}, evaluation]),
    )
    assert member_curves([trial]).modes_covered is None


def test_of_a_metric_whose_higher_values_are_better_the_distance_is_its_best_value_less_the_metric():
    facts = facts_of([0, 1], distance="coverage", highest=1.0)
    curves = Curves.from_evaluations([0, 1], [0, 5, 9], [{"coverage": [0.25, 1.0]}, {}, {"coverage": [0.5, np.nan]}])
    np.testing.assert_array_equal(distances_of(facts, curves), [[0.75, np.nan, 0.5], [0.0, np.nan, np.nan]])


def test_members_of_trials_follow_each_other():
    sizes = np.array([2, 0, 3, 1])
    assert members_of(sizes, np.arange(4)).tolist() == [0, 1, 2, 3, 4, 5]
    assert members_of(sizes, np.array([3, 0])).tolist() == [5, 0, 1]
    assert members_of(sizes, np.array([], dtype=int)).tolist() == []


def outcomes_of(names, late_distances, late=0.0):
    numbers = {
        name: np.full(len(names), np.nan) for name in ("best", "gap", "roughness", "best_distance", "last_distance")
    }
    return MemberOutcomes(
        outcome=np.array([OUTCOMES.index(name) for name in names], dtype=np.int8),
        outcome_step=np.where(np.array(names) == "nonfinite", 7, -1),
        improving=np.zeros(len(names), dtype=bool),
        late=np.full(len(names), late),
        late_distance=np.array(late_distances, dtype=np.float64),
        **numbers,
    )


def test_results_of_trials_are_those_of_their_members():
    names = ["stable"] * 5 + ["stalled"] * 3 + ["stable", "stable", "nonfinite"]
    distances = [0.4, 0.1, 0.2, 0.3, 9.0, 0.5, 0.6, 0.9, 0.1, 0.2, np.nan]
    found = trial_results([facts_of(range(size)) for size in (5, 3, 3)], outcomes_of(names, distances, late=0.5))
    np.testing.assert_array_equal(found["distance"], [interquartile_mean(np.array(distances[:5])), np.nan, np.nan])
    assert found["failure_rate"].tolist() == [0.0, 1.0, 1 - 2 / 3]
    assert found["late_distance"].tolist() == [0.3, 0.6, (0.1 + 0.2) / 2]
    assert found["search_score"].tolist() == [0.5, 0.5, 1 / 3]
    assert {name: found[name].tolist() for name in COSTS} == {name: [value] * 3 for name, value in COSTS.items()}


def test_the_late_distance_of_members_is_the_median_of_the_finite_ones():
    assert late_distance(outcomes_of(["stable"] * 4, [3.0, np.nan, 1.0, np.inf])) == 2.0
    assert np.isnan(late_distance(outcomes_of(["nonfinite"] * 2, [np.nan, np.nan])))


def test_outcomes_are_counted_in_their_order():
    members = outcomes_of(["stalled", "stable", "stalled"], [0.1] * 3)
    assert list(outcome_counts(members).items()) == [
        (name, {"stable": 1, "stalled": 2}.get(name, 0)) for name in OUTCOMES
    ]


def test_columns_of_members_have_names_for_outcomes_and_no_step_where_there_is_none():
    columns = member_columns(outcomes_of(["nonfinite", "stable"], [np.nan, 0.1]))
    assert list(columns) == list(MEMBER_COLUMNS)
    assert list(columns["outcome"]) == ["nonfinite", "stable"]
    assert columns["outcome"].dtype == MEMBER_COLUMNS["outcome"]
    assert columns["outcome_step"].dtype == MEMBER_COLUMNS["outcome_step"]
    assert columns["outcome_step"].tolist()[0] == 7
    assert columns["outcome_step"].isna().tolist() == [False, True]


@pytest.mark.parametrize(("share", "outcome"), [(0.75, ["stalled", "stable"]), (0.5, ["stable", "stable"])])
def test_a_study_on_the_ring_calls_a_blob_over_four_of_eight_modes_stalled(tmp_path: Path, share, outcome):
    def progress(trial, seed):
        return [0.0, 0.5, 0.95]

    def metrics(trial, seed):
        return {"modes_covered": 4.0 if trial.condition == "wgan" else 6.0}

    text = STUDY + '[data]\nkind = "ring"\n'
    found = simulate(tmp_path, progress, f"outcomes.modes={share}", text=text, metrics=metrics)
    by_condition = found.members.groupby("condition", observed=True)["outcome"].unique()
    assert [list(by_condition[name]) for name in ("wgan", "gan")] == [[name] for name in outcome]
