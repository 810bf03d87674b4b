"""Sentences about stability maps."""

from pathlib import Path

from mapped import mapped

from studies.analysis.comparison import Comparison
from studies.numbers import format_shares
from studies.reporting.text.map_sentences import map_clause, map_sentences
from studies.reporting.text.verdict import ANSWER, verdict


def test_the_answer_opens_with_the_stable_shares_of_the_maps(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path))
    areas = comparison.stable_areas.set_index("condition")
    first, other = (
        format_shares(areas.loc[name, "stable_low"], areas.loc[name, "stable_high"]) for name in ("wgan-gp", "clipped")
    )
    topics = {topic.title: topic.sentences for topic in verdict(comparison)}
    assert topics[ANSWER][0] == (
        f"wgan-gp is stable on 62% ({first}) of its map, against 50% ({other}) for clipped; which share is the largest "
        "is undecided: the 95% interval of the difference includes 0."
    )
    assert topics["Stability maps"] == (
        "Each map has 12 cells at equally spaced quantiles of the ranges, with 2 seeds each. A percentage is the mean "
        "share of stable seeds over the cells, with its 95% interval for other seeds; it depends on the ranges in the "
        "study file.",
        "The commonest failure, with its share of the seeds: wgan-gp diverged (38%) and clipped diverged (50%).",
        "Outcome of the cell with the authors' values of the axes, whose other settings may differ from theirs: "
        "wgan-gp stable (10, 0.0001).",
    )
    assert "Share of settings that work" not in topics
    assert (
        "The cells of a map are not drawn at random: there are no tuning curves and no share of random settings that "
        "work." in topics["Caveats"]
    )


def test_a_larger_map_decides_which_share_is_the_largest(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, "search.explore.map.resolution=[2,24]"))
    assert map_clause(comparison).endswith("the 95% interval of the difference excludes 0")


def test_maps_without_a_stable_seed_are_said_to_have_none(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, metrics=lambda trial, seed: {"modes_covered": 2.0}))
    assert map_clause(comparison) == "no seed in any cell of the maps is stable"


def test_an_interrupted_map_says_how_many_cells_count(tmp_path: Path) -> None:
    *_, last = map_sentences(Comparison(mapped(tmp_path, trials=7)))
    assert last == (
        "Cells that count so far, spread evenly over each map: 4 of 12 for wgan-gp and 3 of 12 for clipped. They are "
        "those before the first trial that has not ended, because among later trials failures end first."
    )


def test_nothing_is_said_without_a_trained_cell(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, trials=0))
    assert map_clause(comparison) == ""
    assert list(map_sentences(comparison)) == []
