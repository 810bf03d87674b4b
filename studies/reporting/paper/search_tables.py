"""Tables about the search: searched hyperparameters, methods under search, shares that work, stable ranges, maps."""

from typing import Any

from studies.analysis.comparison import Comparison
from studies.file.messages import short_name
from studies.numbers import format_distance
from studies.reporting.paper.latex_text import Tex, code, escape, fixed, names, number, percent, percents, scientific
from studies.reporting.paper.law_words import searched_rows
from studies.reporting.paper.paper_table import NOTHING, TESTS, PaperTable, tested, two_conditions
from studies.reporting.paper.statistics_words import random_shares


def searched_table(compared: Comparison) -> PaperTable:
    """The searched hyperparameters with their distributions."""
    conditions = compared.results.study.conditions
    rows = [
        {
            "Hyperparameter": escape(name),
            "Distribution": law,
            "Conditions": Tex("all") if len(searching) == len(conditions) else names(searching),
        }
        for name, searching, law in searched_rows(conditions)
    ]
    caption = "Searched hyperparameters and their distributions."
    return PaperTable("searched", caption, dict.fromkeys(("Hyperparameter", "Distribution", "Conditions"), "l"), rows)


def search_pairs_table(compared: Comparison) -> PaperTable:
    """The tests of every two methods under search."""
    rows = [
        {
            **two_conditions(row),
            "Score": fixed(row["score"], 2),
            "Other score": fixed(row["other_score"], 2),
            "Difference": fixed(row["difference"], 3),
            **tested(row),
        }
        for row in compared.search_pairs.to_dict("records")
    ]
    n = compared.search_pairs["n"].unique().tolist()
    caption = (
        f"Comparison of the methods under search: expected search score of the best of {' or '.join(map(str, n))} "
        r"random configurations (0: a constant, 1: real data). $p$: permutation test over configurations; adjusted by "
        "Holm's method."
    )
    columns = {"Condition": "l", "Other": "l", **dict.fromkeys(("Score", "Other score", "Difference"), "r"), **TESTS}
    return PaperTable("search_pairs", caption, columns, rows)


def volumes_table(compared: Comparison) -> PaperTable:
    """The shares of random configurations that work."""
    rows = [
        {
            "Condition": code(row["condition"]),
            "Distance": scientific(format_distance(row["tau"])),
            "Configurations": Tex(f"{row['reached']} of {row['configurations']}"),
            "Share": percent(row["volume"]),
            r"95\% interval": percents(row["volume_low"], row["volume_high"]),
        }
        for row in random_shares(compared).to_dict("records")
    ]
    caption = (
        r"Random configurations that work: at least 80\% of their seeds are stable and end within the distance from "
        "the real data."
    )
    columns = {"Condition": "l", **dict.fromkeys(("Distance", "Configurations", "Share", r"95\% interval"), "r")}
    return PaperTable("volumes", caption, columns, rows)


def volume_differences_table(compared: Comparison) -> PaperTable:
    """The differences of these shares with their tests."""
    rows = [
        {
            **two_conditions(row),
            "Distance": scientific(format_distance(row["tau"])),
            "Difference": percent(row["difference"]),
            r"95\% interval": percents(row["low"], row["high"]),
            **tested(row),
        }
        for row in compared.volume_differences.to_dict("records")
    ]
    caption = (
        "Difference of the shares of random configurations that work. $p$: McNemar's exact test; adjusted for all "
        "pairs and distances by Holm's method."
    )
    columns = {
        "Condition": "l",
        "Other": "l",
        **dict.fromkeys(("Distance", "Difference", r"95\% interval"), "r"),
        **TESTS,
    }
    return PaperTable("volume_differences", caption, columns, rows)


def stable_ranges_table(compared: Comparison) -> PaperTable:
    """The stable ranges around the settings found."""
    rows = [
        {
            "Condition": code(row["condition"]),
            "Hyperparameter": escape(short_name(row["hyperparameter"])),
            "Distance": scientific(format_distance(row["tau"])),
            "Found": number(row["found"]),
            "Lower end": _range_end(row, "lower"),
            "Upper end": _range_end(row, "upper"),
            "Width": _width(row),
        }
        for row in compared.stable_ranges.to_dict("records")
    ]
    caption = (
        "Stable ranges around the settings found: values between which at least half of the seeds are expected to be "
        r"stable and to end within the distance, with 95\% intervals; * the range may go on beyond the searched one."
    )
    columns = {"Condition": "l", "Hyperparameter": "l"}
    columns |= dict.fromkeys(("Distance", "Found", "Lower end", "Upper end", "Width"), "r")
    return PaperTable("stable_ranges", caption, columns, rows)


def _range_end(row: dict[str, Any], end: str) -> Tex:
    if not row["works"]:
        return NOTHING
    border = "*" if row["border_low" if end == "lower" else "border_high"] else ""
    return Tex(f"{number(row[end])}{border} [{number(row[f'{end}_low'])}, {number(row[f'{end}_high'])}]")


def _width(row: dict[str, Any]) -> Tex:
    if not row["works"]:
        return NOTHING
    unit = " decades" if row["unit"] == "decades" else ""
    return Tex(f"{number(row['width'], 2)} [{number(row['width_low'], 2)}, {number(row['width_high'], 2)}]{unit}")


def stable_areas_table(compared: Comparison) -> PaperTable:
    """The stable shares of maps."""
    rows = [
        {
            "Condition": code(row["condition"]),
            "Axes": escape(" and ".join(filter(None, (row["x"], row["y"])))),
            "Cells": number(row["cells"]),
            "Stable": percent(row["stable_area"]),
            r"95\% interval": percents(row["stable_low"], row["stable_high"]),
            "Commonest failure": escape(row["commonest_failure"]) or NOTHING,
        }
        for row in compared.stable_areas.to_dict("records")
    ]
    columns = {
        "Condition": "l",
        "Axes": "l",
        "Cells": "r",
        "Stable": "r",
        r"95\% interval": "r",
        "Commonest failure": "l",
    }
    return PaperTable("stable_areas", "Share of each stability map that is stable.", columns, rows)
