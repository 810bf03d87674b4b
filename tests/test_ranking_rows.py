"""The ranking as text."""

from pathlib import Path

import pandas as pd
from invented import results_of
from simulated import RISING, simulate
from stated import kinds, stated

from studies.analysis.comparison import Comparison
from studies.reporting.text.differences import undecided_ranks
from studies.reporting.text.ranking_legend import (
    ColumnAtEqualCriticSteps,
    DistanceOfRanking,
    ReferenceDistances,
    WithoutRank,
    ranking_legend,
    reference_distances,
)
from studies.reporting.text.ranking_rows import NO_BREAK, ranking_rows
from studies.tables.results import Results


def test_a_row_has_intervals_outcomes_and_the_setting_found_as_pairs(on_ring: Results) -> None:
    rows = list(ranking_rows(Comparison(on_ring)))
    ranking = on_ring.ranking.set_index("condition")
    assert [row.condition for row in rows] == list(ranking.index)
    assert [row.rank for row in rows] == ["", ""]  # every seed failed
    for row in rows:
        found = ranking.loc[row.condition]
        paths = on_ring.study.condition(row.condition).hyperparameters
        pairs = row.setting.replace(NO_BREAK, " ").split(", ")
        names = on_ring.study.short_names
        assert pairs == [f"{names[path]} = {found[path]:.3g}" for path in paths]
        assert row.failure_rate == f"{found['failure_rate']:.0%}"


def test_a_condition_whose_seeds_failed_has_no_distance(tmp_path: Path) -> None:
    results = results_of(tmp_path, "one", outcomes=lambda *_: ("stalled", None))
    (row,) = ranking_rows(Comparison(results))
    assert (row.distance, row.interval, row.failure_rate) == ("none (failed)", "–", "100%")
    assert row.outcomes.endswith(" stalled")


def test_there_is_no_row_before_a_condition_is_confirmed(tmp_path: Path) -> None:
    assert list(ranking_rows(Comparison(results_of(tmp_path, "one", confirm=0)))) == []


def test_a_condition_of_which_every_seed_failed_has_no_rank_and_the_legend_says_so(tmp_path: Path) -> None:
    results = results_of(
        tmp_path,
        "fails",
        "works",
        outcomes=lambda condition, *_: ("stalled" if condition == "fails" else "stable", None),
    )
    comparison = Comparison(results)
    assert [(row.rank, row.condition) for row in ranking_rows(comparison)] == [("1", "works"), ("", "fails")]
    assert results.ranks == {"works": 1}
    assert kinds(ranking_legend(comparison)) == [DistanceOfRanking, WithoutRank]
    assert stated(ranking_legend(comparison), WithoutRank).count == 1


def test_two_conditions_without_a_rank_are_no_undecided_pair(tmp_path: Path) -> None:
    def outcomes(condition: str, phase: str, trial: int, seed: int) -> tuple[str, int | None]:
        return ("stable" if condition == "one" else "stalled"), None

    comparison = Comparison(results_of(tmp_path, "one", "two", "three", confirm=2, outcomes=outcomes))
    assert not comparison.pairs["decided"].any()
    finding = undecided_ranks(comparison)
    assert finding is not None
    assert {frozenset(pair) for pair in finding.undecided} == {frozenset(("one", name)) for name in ("two", "three")}
    assert finding.pairs == 2


def test_where_critic_steps_differ_a_column_has_distance_and_rank_at_equal_critic_steps(tmp_path: Path) -> None:
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: (*RISING, 0.9)))
    table = comparison.equal_critic_steps.set_index("condition")
    rows = {row.condition: row.equal_steps for row in ranking_rows(comparison)}
    assert len({trial.critic_steps for trial in comparison.confirmed}) > 1
    assert rows == {
        condition: "none (failed)" if pd.isna(row["rank"]) else f"{row['distance']:.3f} ({row['rank']})"
        for condition, row in table.iterrows()
    }
    assert table["rank"].notna().any()
    steps = min(trial.critic_steps for trial in comparison.confirmed)
    assert stated(ranking_legend(comparison), ColumnAtEqualCriticSteps).steps == steps


def test_where_critic_steps_are_equal_there_is_no_such_column(tmp_path: Path) -> None:
    comparison = Comparison(results_of(tmp_path, "one", "two"))
    assert {row.equal_steps for row in ranking_rows(comparison)} == {None}
    assert stated(reference_distances(comparison), ReferenceDistances) == ReferenceDistances(
        real=0.03, gaussian=0.05, constant=0.45
    )
