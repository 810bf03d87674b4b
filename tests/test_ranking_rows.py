"""The ranking as text."""

from pathlib import Path

from invented import results_of

from studies.reporting.text.ranking_rows import NO_BREAK, ranking_rows
from studies.tables.results import Results


def test_a_row_has_intervals_outcomes_and_the_setting_found_as_pairs(on_ring: Results) -> None:
    rows = list(ranking_rows(on_ring))
    ranking = on_ring.ranking.set_index("condition")
    assert [row.condition for row in rows] == list(ranking.index)
    assert [row.rank for row in rows] == ["1", "2"]
    for row in rows:
        found = ranking.loc[row.condition]
        paths = on_ring.study.condition(row.condition).hyperparameters
        pairs = row.setting.replace(NO_BREAK, " ").split(", ")
        names = on_ring.study.short_names
        assert pairs == [f"{names[path]} = {found[path]:.3g}" for path in paths]
        assert row.failure_rate == f"{found['failure_rate']:.0%}"


def test_a_condition_whose_seeds_failed_has_no_distance(tmp_path: Path) -> None:
    results = results_of(tmp_path, "one", outcomes=lambda *_: ("stalled", None))
    (row,) = ranking_rows(results)
    assert (row.distance, row.interval, row.failure_rate) == ("none (failed)", "–", "100%")
    assert row.outcomes.endswith(" stalled")


def test_there_is_no_row_before_a_condition_is_confirmed(tmp_path: Path) -> None:
    assert list(ranking_rows(results_of(tmp_path, "one", confirm=0))) == []
