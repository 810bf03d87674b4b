"""The Jinja environment of every template: undefined names are errors; numbers and lists have one format each."""

import math
from typing import TYPE_CHECKING, Any

from studies.file.messages import count_noun
from studies.numbers import (
    format_distance,
    format_interval,
    format_p,
    format_setting,
    format_share,
    format_shares,
    format_significant,
)
from studies.reporting.text.finding import MAX_ITEMS, MAX_NAMES
from studies.reporting.text.phrases import (
    budget_in_words,
    capitalize,
    counts_by_name,
    distance_in_words,
    distinct_series,
    end_in_words,
    format_width,
    found_for,
    interval_in_words,
    join_words,
    listing,
    ones_found_for,
    out_of,
    p_in_words,
    plain_value,
    plural,
    range_end,
    series,
    within,
)
from studies.reporting.wording import metric_label

if TYPE_CHECKING:
    from jinja2 import Environment

FILTERS = {
    "budget": budget_in_words,
    "capitalized": capitalize,
    "counts_by_name": counts_by_name,
    "distance": format_distance,
    "distance_in_words": distance_in_words,
    "end": end_in_words,
    "found_for": found_for,
    "interval": lambda ends: format_interval(*ends),
    "interval_in_words": interval_in_words,
    "listed": join_words,
    "metric": metric_label,
    "noun": count_noun,
    "ones_found_for": ones_found_for,
    "out_of": out_of,
    "p": format_p,
    "p_in_words": p_in_words,
    "plural": plural,
    "range_end": lambda end: range_end(*end),
    "setting": format_setting,
    "share": format_share,
    "shares": lambda ends: format_shares(*ends),
    "significant": format_significant,
    "value": plain_value,
    "width": format_width,
    "within": within,
}
"""Filters of every template, by name."""
GLOBALS = {
    "MAX_ITEMS": MAX_ITEMS,
    "MAX_NAMES": MAX_NAMES,
    "distinct_series": distinct_series,
    "listing": listing,
    "series": series,
}
"""Constants of every template, and functions for call blocks."""


def template_environment(package: str, **options: Any) -> "Environment":
    """An environment for the folder `templates` of a package; `options` are those of `jinja2.Environment`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        **options,
    )
    environment.filters |= FILTERS
    environment.tests["finite"] = math.isfinite
    environment.globals |= GLOBALS
    return environment
