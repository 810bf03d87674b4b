"""Findings about stability maps."""

from pathlib import Path

from mapped import mapped
from stated import about, every, kinds, stated, topics

from studies.analysis.comparison import Comparison
from studies.reporting.text.explore_caveats import CellsNotDrawn
from studies.reporting.text.finding import Part
from studies.reporting.text.map_findings import (
    AuthorsCell,
    AuthorsCells,
    CommonestFailures,
    IncompleteMaps,
    LargestArea,
    MapDesign,
    NothingStable,
    largest_area,
    map_findings,
)
from studies.reporting.text.verdict import ANSWER


def test_the_answer_opens_with_the_stable_shares_of_the_maps(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path))
    areas = comparison.stable_areas.set_index("condition")
    found = topics(comparison)
    first = stated(found[ANSWER][:1], LargestArea)
    assert not first.is_decided
    for area, name, share in zip((first.first, *first.others), ("wgan-gp", "clipped"), (0.625, 0.5), strict=True):
        interval = (areas.loc[name, "stable_low"], areas.loc[name, "stable_high"])
        assert area == (name, about(share), interval)
    design, failures, authors = found["Stability maps"]
    assert design == MapDesign(cells=12, seeds=2)
    assert isinstance(failures, CommonestFailures)
    assert failures.failures == (("wgan-gp", "diverged", 0.375), ("clipped", "diverged", 0.5))
    assert authors == AuthorsCells(cells=(AuthorsCell("wgan-gp", "stable", (10.0, 0.0001)),))
    assert "Share of settings that work" not in found
    assert every(found["Caveats"], CellsNotDrawn)


def test_a_larger_map_decides_which_share_is_the_largest(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, "search.explore.map.resolution=[2,24]"))
    assert stated(largest_area(comparison), LargestArea).is_decided


def test_maps_without_a_stable_seed_are_said_to_have_none(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, metrics=lambda trial, seed: {"modes_covered": 2.0}))
    assert list(largest_area(comparison)) == [NothingStable(maps=2)]


def test_an_interrupted_map_says_how_many_cells_count(tmp_path: Path) -> None:
    *_, last = map_findings(Comparison(mapped(tmp_path, trials=7)))
    assert last == IncompleteMaps(maps=(("wgan-gp", Part(4, 12)), ("clipped", Part(3, 12))))


def test_nothing_is_said_without_a_trained_cell(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, trials=0))
    assert kinds(largest_area(comparison)) == []
    assert kinds(map_findings(comparison)) == []
