"""Tables about single hyperparameters: their importance, and the path from the authors' settings."""

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import interval_decimals
from studies.reporting.paper.latex_text import Tex, bounds, code, escape, fixed
from studies.reporting.paper.paper_table import TESTS, PaperTable, tested


def importances_table(compared: Comparison) -> PaperTable:
    """The importance of each hyperparameter of each condition."""
    names = compared.results.study.short_names
    rows = [
        {
            "Condition": code(row["condition"]),
            "Hyperparameter": escape(names[row["hyperparameter"]]),
            "Importance": fixed(row["importance"], 2),
            r"95\% interval": bounds(row["low"], row["high"], 2),
        }
        for row in compared.importances.to_dict("records")
    ]
    caption = (
        "Importance of each hyperparameter for being among the best quarter of a condition's random configurations, as "
        "a share of the sum over its hyperparameters. An interval from 0: chance alone explains it."
    )
    columns = {"Condition": "l", "Hyperparameter": "l", "Importance": "r", r"95\% interval": "r"}
    return PaperTable("importances", caption, columns, rows)


def paths_table(compared: Comparison) -> PaperTable:
    """The settings from the authors' to the setting found, with one change at a time."""
    rows = []
    for row in compared.paths.to_dict("records"):
        low, high = row["distance_low"], row["distance_high"]
        decimals = interval_decimals(low, high)
        failed = f"{round(row['failure_rate'] * row['seeds'])} of {row['seeds']}"
        rows.append(
            {
                "Condition": code(row["condition"]),
                "Change": Tex(escape(row["change"]).replace(escape("->"), r"$\to$")),
                "Distance": Tex("failed") if pd.isna(row["distance"]) else fixed(row["distance"], decimals),
                r"95\% interval": bounds(low, high, decimals),
                "Failed": Tex(failed),
                **tested(row),
            }
        )
    caption = (
        "From the authors' settings to the settings found, one change after the other, on the same seeds. $p$: against "
        "the setting before, as in the comparison of the settings found, adjusted for the changes of a condition."
    )
    columns = {"Condition": "l", "Change": "l", "Distance": "r", r"95\% interval": "r", "Failed": "r", **TESTS}
    return PaperTable("paths", caption, columns, rows)
