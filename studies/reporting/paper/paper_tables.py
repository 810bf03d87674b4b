"""The tables of a study for a paper: fewer columns than tables of results, rounded to what their intervals support."""

from collections.abc import Callable, Iterator, Mapping

from studies.analysis.comparison import Comparison
from studies.reporting.paper import found_tables, path_tables, search_tables
from studies.reporting.paper.paper_table import PaperTable

TABLES: Mapping[str, Callable[[Comparison], PaperTable]] = {
    "searched": search_tables.searched_table,
    "ranking": found_tables.ranking_table,
    "equal_critic_steps": found_tables.equal_critic_steps_table,
    "settings": found_tables.settings_table,
    "pairs": found_tables.pairs_table,
    "metrics": found_tables.metrics_table,
    "search_pairs": search_tables.search_pairs_table,
    "tuning": found_tables.tuning_table,
    "paths": path_tables.paths_table,
    "volumes": search_tables.volumes_table,
    "volume_differences": search_tables.volume_differences_table,
    "stable_ranges": search_tables.stable_ranges_table,
    "importances": path_tables.importances_table,
    "stable_areas": search_tables.stable_areas_table,
    "outcomes": found_tables.outcomes_table,
}
"""Functions that make the tables, by name."""


def paper_tables(compared: Comparison) -> Iterator[PaperTable]:
    """Every table of the study that has rows."""
    for make in TABLES.values():
        table = make(compared)
        if table.rows:
            yield table
