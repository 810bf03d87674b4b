"""Tables of a study for a paper: fewer columns than the tables of results, rounded to what their intervals support."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import PRECISION_AND_COVERAGE
from studies.file.messages import short_name
from studies.numbers import format_distance, format_p, interval_decimals
from studies.reporting.paper.evaluation_words import metric_name
from studies.reporting.paper.latex_text import (
    Tex,
    bounds,
    code,
    escape,
    fixed,
    names,
    number,
    percent,
    percents,
    scientific,
)
from studies.reporting.paper.law_words import searched_rows
from studies.reporting.text.phrases import decided_with_first, failed_count

NOTHING = Tex("--")
"""Cell without a value."""
Row = Mapping[str, str]


@dataclass(frozen=True)
class PaperTable:
    """A table for a paper; every text is LaTeX source.

    name     of the file and the label
    caption  the meaning of the columns
    columns  headings, and "l" or "r" for the alignment of each column
    rows     cells by heading
    """

    name: str
    caption: str
    columns: dict[str, str]
    rows: Sequence[Row]


def paper_tables(compared: Comparison) -> Iterator[PaperTable]:
    """Every table of the study that has rows, that of the searched ranges first."""
    for make in _TABLES.values():
        table = make(compared)
        if table.rows:
            yield table


def ranking_table(compared: Comparison) -> PaperTable:
    """The ranking: distance and failure rate of each setting found, with intervals."""
    ranking = compared.ranking
    closer, _ = decided_with_first(compared) if len(ranking) else (pd.DataFrame(), None)
    best = ranking["condition"].iloc[0] if len(ranking) > 1 and len(closer) == len(ranking) - 1 else None
    rows = []
    for row in ranking.to_dict("records"):
        low, high = row["distance_low"], row["distance_high"]
        decimals = interval_decimals(low, high)
        distance = Tex("failed") if pd.isna(row["distance"]) else fixed(row["distance"], decimals)
        if row["condition"] == best:
            distance = Tex(rf"\textbf{{{distance}}}")
        rows.append(
            {
                "Condition": code(row["condition"]),
                "Distance": distance,
                r"95\% interval": bounds(low, high, decimals) if row["members"] > 1 else NOTHING,
                "Failed seeds": escape(failed_count(pd.Series(row))),
                r"95\% interval of the rate": percents(row["failure_low"], row["failure_high"]),
            }
        )
    bold = " Bold: decided to be closer than every other setting." if best is not None else ""
    caption = (
        f"Settings found: {metric_name(compared.results.study.distance)} from the real data on fresh seeds "
        f"(interquartile mean; smaller is better), and seeds that failed.{bold}"
    )
    aligned = dict.fromkeys(("Distance", r"95\% interval", "Failed seeds", r"95\% interval of the rate"), "r")
    return PaperTable("ranking", caption, {"Condition": "l", **aligned}, rows)


def _searched(compared: Comparison) -> PaperTable:
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


def _settings(compared: Comparison) -> PaperTable:
    ranking, study = compared.results.ranking, compared.results.study
    paths = [path for path in study.short_names if path in ranking and ranking[path].notna().any()]
    headings = {path: str(escape(study.short_names[path])) for path in paths}
    rows = [
        {"Condition": code(row["condition"]), **{headings[path]: _setting(row[path]) for path in paths}}
        for row in ranking.to_dict("records")
    ]
    columns = {"Condition": "l", **dict.fromkeys(headings.values(), "r")}
    return PaperTable(
        "settings", "Values of the searched hyperparameters in the settings found.", columns, rows if paths else []
    )


def _setting(value: Any) -> Tex:
    if pd.isna(value):
        return NOTHING
    return escape(value) if isinstance(value, str) else number(value)


def _pairs(compared: Comparison) -> PaperTable:
    rows = [
        {
            **_two(row),
            "Effect": _effect(row["effect"]),
            **_tested(row),
        }
        for row in compared.pairs.to_dict("records")
    ]
    caption = (
        "Comparison of the settings found. Effect: chance that a seed of the first ends closer to the real data than "
        "one of the other, plus half the chance of a tie. "
        r"$p$: permutation test of Brunner and Munzel's statistic; adjusted by Holm's method."
    )
    return PaperTable("pairs", caption, _columns("Condition", "Other", effect=True), rows)


def _search_pairs(compared: Comparison) -> PaperTable:
    rows = [
        {
            **_two(row),
            "Score": fixed(row["score"], 2),
            "Other score": fixed(row["other_score"], 2),
            "Difference": fixed(row["difference"], 3),
            **_tested(row),
        }
        for row in compared.search_pairs.to_dict("records")
    ]
    n = compared.search_pairs["n"].unique().tolist()
    caption = (
        f"Comparison of the methods under search: expected search score of the best of {' or '.join(map(str, n))} "
        r"random configurations (0: a constant, 1: real data). $p$: permutation test over configurations; adjusted by Holm's "
        "method."
    )
    columns = {"Condition": "l", "Other": "l", **dict.fromkeys(("Score", "Other score", "Difference"), "r"), **_TESTS}
    return PaperTable("search_pairs", caption, columns, rows)


def _metric_rankings(compared: Comparison) -> PaperTable:
    rankings = compared.metric_rankings
    headings = {measure: _measure_heading(measure) for measure in rankings["metric"].unique()}
    rows: dict[str, dict[str, str]] = {}
    for row in rankings.to_dict("records"):
        name = escape(row["condition"]) if row["control"] else code(row["condition"])
        cells = rows.setdefault(name, {"": name, **dict.fromkeys(headings.values(), NOTHING)})
        place = "" if pd.isna(row["rank"]) else f" ({row['rank']})"
        cells[headings[row["metric"]]] = Tex(f"{scientific(format_distance(row['value']))}{place}")
    caption = (
        "The settings found under several metrics, with ranks in parentheses, beside other real samples and a Gaussian "
        "with the mean and covariance of the real data. Interquartile means over fresh seeds; precision and coverage: "
        "their harmonic mean, larger is better; otherwise smaller is better."
    )
    return PaperTable("metrics", caption, {"": "l", **dict.fromkeys(headings.values(), "r")}, list(rows.values()))


def _measure_heading(measure: str) -> str:
    name = measure if measure == PRECISION_AND_COVERAGE.name else metric_name(measure)
    return name[0].upper() + name[1:]


def _volumes(compared: Comparison) -> PaperTable:
    rows = [
        {
            "Condition": code(row["condition"]),
            "Distance": scientific(format_distance(row["tau"])),
            "Configurations": Tex(f"{row['reached']} of {row['configurations']}"),
            "Share": percent(row["volume"]),
            r"95\% interval": NOTHING
            if pd.isna(row["volume_low"])
            else percents(row["volume_low"], row["volume_high"]),
        }
        for row in compared.volumes.to_dict("records")
    ]
    caption = (
        r"Random configurations that work: at least 80\% of their seeds are stable and end within the distance from "
        "the real data."
    )
    columns = {"Condition": "l", **dict.fromkeys(("Distance", "Configurations", "Share", r"95\% interval"), "r")}
    return PaperTable("volumes", caption, columns, rows)


def _volume_differences(compared: Comparison) -> PaperTable:
    rows = [
        {
            **_two(row),
            "Distance": scientific(format_distance(row["tau"])),
            "Difference": percent(row["difference"]),
            r"95\% interval": percents(row["low"], row["high"]),
            **_tested(row),
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
        **_TESTS,
    }
    return PaperTable("volume_differences", caption, columns, rows)


def _stable_ranges(compared: Comparison) -> PaperTable:
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


def _tuning(compared: Comparison) -> PaperTable:
    rows = []
    for row in compared.tuning.to_dict("records"):
        low, high = row["authors_distance_low"], row["authors_distance_high"]
        decimals = interval_decimals(low, high)
        rows.append(
            {
                "Condition": code(row["condition"]),
                "Found": _distance(row["distance"], decimals),
                "Authors'": _distance(row["authors_distance"], decimals),
                r"95\% interval": bounds(low, high, decimals),
                "Effect": _effect(row["effect"]),
                **_tested(row),
            }
        )
    caption = (
        "Distance of the setting found and of the authors' setting on the same seeds. Effect: chance that a seed of "
        "the setting found ends closer to the real data, plus half the chance of a tie. $p$: as in the comparison of the "
        "settings found, adjusted for the number of conditions."
    )
    columns = {"Condition": "l", **dict.fromkeys(("Found", "Authors'", r"95\% interval", "Effect"), "r"), **_TESTS}
    return PaperTable("tuning", caption, columns, rows)


def _outcomes(compared: Comparison) -> PaperTable:
    shares = compared.outcomes
    found = [outcome for outcome in dict.fromkeys([*OUTCOMES, *shares["outcome"]]) if _seeds_with(shares, outcome)]
    rows = [
        {
            "Condition": code(condition),
            "Phase": escape(phase),
            **{name.capitalize(): _count(group, name) for name in found},
        }
        for (condition, phase), group in shares.groupby(["condition", "phase"], sort=False)
    ]
    columns = {"Condition": "l", "Phase": "l", **{name.capitalize(): "r" for name in found}}
    return PaperTable("outcomes", "Number of GANs with each outcome.", columns, rows)


def _seeds_with(shares: pd.DataFrame, outcome: str) -> int:
    return int(shares.loc[shares["outcome"] == outcome, "members"].sum())


def _count(group: pd.DataFrame, outcome: str) -> Tex:
    return number(_seeds_with(group, outcome))


def _stable_areas(compared: Comparison) -> PaperTable:
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


_TESTS = {"$p$": "r", "Adjusted $p$": "r", "Decided": "l"}
_TABLES: dict[str, Callable[[Comparison], PaperTable]] = {
    "searched": _searched,
    "ranking": ranking_table,
    "settings": _settings,
    "pairs": _pairs,
    "metrics": _metric_rankings,
    "search_pairs": _search_pairs,
    "tuning": _tuning,
    "volumes": _volumes,
    "volume_differences": _volume_differences,
    "stable_ranges": _stable_ranges,
    "stable_areas": _stable_areas,
    "outcomes": _outcomes,
}


def _two(row: dict[str, Any]) -> Row:
    return {"Condition": code(row["condition"]), "Other": code(row["other"])}


def _columns(*text: str, effect: bool = False) -> dict[str, str]:
    return {**dict.fromkeys(text, "l"), **({"Effect": "r"} if effect else {}), **_TESTS}


def _tested(row: dict[str, Any]) -> Row:
    return {
        "$p$": _p(row["p_value"]),
        "Adjusted $p$": _p(row["p_adjusted"]),
        "Decided": Tex("yes" if row["decided"] else "no"),
    }


def _p(p_value: float) -> Tex:
    return NOTHING if pd.isna(p_value) else scientific(format_p(p_value))


def _effect(effect: float) -> Tex:
    return NOTHING if pd.isna(effect) else fixed(effect, 2)


def _distance(distance: float, decimals: int) -> Tex:
    return Tex("failed") if pd.isna(distance) else fixed(distance, decimals)
