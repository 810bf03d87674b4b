"""The page tables.md: tables of results and of a comparison, with their columns."""

from collections.abc import Iterable, Mapping
from typing import Any

from gan_core import outcomes
from pages_from_code.markdown import column_types, words
from studies.analysis.ablation import PATHS, path_table
from studies.analysis.chances import CHANCES, chances
from studies.analysis.comparison import Comparison
from studies.analysis.importances import IMPORTANCES, importances
from studies.analysis.metric_pairs import METRIC_PAIRS, metric_pairs
from studies.analysis.metric_rankings import METRIC_RANKINGS, metric_rankings
from studies.analysis.outcome_shares import OUTCOME_SHARES
from studies.analysis.outcome_shares import outcomes as outcome_shares
from studies.analysis.pairs import PAIRS, pairs
from studies.analysis.profiles import PROFILES, STABLE_RANGES, profile_members, stable_ranges
from studies.analysis.reference_variation import REFERENCE_INTERVALS, reference_intervals
from studies.analysis.robustness import EQUAL_CRITIC_STEPS, ROBUSTNESS, equal_critic_steps, robustness
from studies.analysis.search_comparison import SEARCH_PAIRS, TUNING_CURVES, search_pairs, tuning_curves
from studies.analysis.stability_map import STABLE_AREAS, stable_areas
from studies.analysis.tuning_gain import TUNING, tuning
from studies.analysis.value_shares import SHARES, shares
from studies.analysis.volumes import VOLUME_DIFFERENCES, VOLUMES, volume_differences, volumes
from studies.tables.columns import MEMBER_COLUMNS, TRIAL_COLUMNS
from studies.tables.ranking import RANKING, rank
from studies.tables.results import Results

TABLES: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "stable_areas": (stable_areas, STABLE_AREAS),
    "volumes": (volumes, VOLUMES),
    "volume_differences": (volume_differences, VOLUME_DIFFERENCES),
    "profile_members": (profile_members, PROFILES),
    "stable_ranges": (stable_ranges, STABLE_RANGES),
    "importances": (importances, IMPORTANCES),
    "shares": (shares, SHARES),
    "chances": (chances, CHANCES),
    "tuning_curves": (tuning_curves, TUNING_CURVES),
    "search_pairs": (search_pairs, SEARCH_PAIRS),
    "reference_intervals": (reference_intervals, REFERENCE_INTERVALS),
    "metric_rankings": (metric_rankings, METRIC_RANKINGS),
    "metric_pairs": (metric_pairs, METRIC_PAIRS),
    "pairs": (pairs, PAIRS),
    "tuning": (tuning, TUNING),
    "paths": (path_table, PATHS),
    "robustness": (robustness, ROBUSTNESS),
    "equal_critic_steps": (equal_critic_steps, EQUAL_CRITIC_STEPS),
    "outcomes": (outcome_shares, OUTCOME_SHARES),
}
"""Tables of a comparison: the function that makes each, and its columns."""


def tables_page() -> Iterable[str]:
    """Paragraphs of the page."""
    yield from _results()
    yield from _comparison()


def _results() -> Iterable[str]:
    yield "# Tables"
    yield (
        "DataFrames of `studies.results(NAME)` and `studies.compare(NAME)`; `gan-study results` and `gan-study compare "
        "--format json` write the same tables. Distances are in the unit of the data (for the Dirac pair, of its "
        "parameters). Shares and rates lie between 0 and 1. `step` counts steps in the unit of the study's budget, "
        "other columns of steps say which steps they count. Times are in seconds. Every table of "
        "`studies.results` begins with the column `study`; those of `studies.compare` are of one study. "
        "An empty value means that the number does not exist."
    )
    yield "## Tables of `studies.results`"
    schemas = {"trials": TRIAL_COLUMNS, "members": MEMBER_COLUMNS, "curves": None, "ranking": RANKING}
    for name, schema in schemas.items():
        yield f"### `{name}`"
        yield words(getattr(Results, name))
        if schema is not None:
            yield column_types(schema)
    yield "Columns of `members`:"
    yield words(outcomes.MemberOutcomes)
    yield "Columns of `ranking`:"
    yield words(rank)


def _comparison() -> Iterable[str]:
    yield "## Tables of `studies.compare`"
    yield words(Comparison)
    for name, (made_by, schema) in TABLES.items():
        yield f"### `{name}`"
        yield words(made_by)
        yield column_types(schema)
