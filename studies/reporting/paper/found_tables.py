"""Tables about the settings found: ranking, settings, pairs, several metrics, tuning, outcomes."""

from typing import Any

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import OF_TWO
from studies.numbers import format_distance, interval_decimals
from studies.reporting.paper.evaluation_words import metric_name
from studies.reporting.paper.latex_text import Tex, bounds, code, escape, fixed, number, percents, scientific
from studies.reporting.paper.paper_table import NOTHING, TESTS, PaperTable, Row, effect_cell, tested, two_conditions
from studies.reporting.text.decided_pairs import decided_with_first
from studies.reporting.text.finding import failed_seeds
from studies.reporting.text.metric_agreement import measures_in_words
from studies.reporting.text.phrases import out_of

_SETTINGS = {
    "explore": "random",
    "exploit": "suggested",
    "confirm": "found",
    "authors": "authors'",
}
"""Settings that each phase trains, in a word."""


def ranking_table(compared: Comparison) -> PaperTable:
    """The ranking: distance and failure rate of each setting found, with intervals."""
    ranking = compared.ranking
    closer, _ = decided_with_first(compared) if len(ranking) else (pd.DataFrame(), None)
    best = ranking["condition"].iloc[0] if len(ranking) > 1 and len(closer) == len(ranking) - 1 else None
    bold = " Bold: decided to be closer than every other setting." if best is not None else ""
    caption = (
        f"Settings found: {metric_name(compared.results.study.distance)} from the real data on fresh seeds "
        f"(interquartile mean; smaller is better), and seeds that failed.{bold}{_on_failed(ranking)}"
    )
    rows = [_ranked(row, is_best=row["condition"] == best) for row in ranking.to_dict("records")]
    return PaperTable("ranking", caption, _RANKED, rows)


def equal_critic_steps_table(compared: Comparison) -> PaperTable:
    """The ranking at equal critic steps; no rows if every condition took the same number anyway."""
    ranking, measurements = compared.equal_critic_steps, compared.results.study.evaluation.measurements
    rows = [
        {**_ranked(row), "Critic steps": number(row["critic_steps"])}
        for row in ranking.to_dict("records")
        if (ranking["measurements"] < measurements).any()
    ]
    caption = (
        "Settings found, if the training of each had ended at the number of critic steps of the condition that took "
        f"the fewest. Columns as in the ranking; critic steps at the last evaluation before.{_on_failed(ranking)}"
    )
    return PaperTable("equal_critic_steps", caption, {**_RANKED, "Critic steps": "r"}, rows)


_RANKED = {
    "Condition": "l",
    **dict.fromkeys(("Distance", r"95\% interval", "Failed seeds", r"95\% interval of the rate"), "r"),
}


def _ranked(row: dict[str, Any], *, is_best: bool = False) -> Row:
    low, high = row["distance_low"], row["distance_high"]
    decimals = interval_decimals(low, high)
    distance = _distance(row["distance"], decimals)
    return {
        "Condition": code(row["condition"]),
        "Distance": Tex(rf"\textbf{{{distance}}}") if is_best else distance,
        r"95\% interval": bounds(low, high, decimals) if row["members"] > 1 else NOTHING,
        "Failed seeds": escape(out_of(failed_seeds(pd.Series(row)))),
        r"95\% interval of the rate": percents(row["failure_low"], row["failure_high"]),
    }


def _on_failed(ranking: pd.DataFrame) -> str:
    return " Failed: a failed seed remains in the middle half." if ranking["distance"].isna().any() else ""


def settings_table(compared: Comparison) -> PaperTable:
    """The searched hyperparameters of each setting found, in one column: conditions need not search the same ones."""
    rows: list[Row] = []
    for row in compared.results.ranking.to_dict("records"):
        found = {name: row.get(path) for path, name in compared.results.study.short_names.items()}
        values = [f"{escape(name)} = {_setting(value)}" for name, value in found.items() if not pd.isna(value)]
        if values:
            rows.append({"Condition": code(row["condition"]), "Setting found": Tex(", ".join(values))})
    columns = {"Condition": "l", "Setting found": r"p{0.7\textwidth}"}
    return PaperTable("settings", "Values of the searched hyperparameters in the settings found.", columns, rows)


def _setting(value: Any) -> Tex:
    return escape(value) if isinstance(value, str) else number(value)


def pairs_table(compared: Comparison) -> PaperTable:
    """The tests of every two settings found."""
    in_groups = compared.results.study.search.confirm.groups > 1
    rows = [
        {
            **two_conditions(row),
            **({"Seeds": number(row["members"])} if in_groups else {}),
            "Effect": effect_cell(row["effect"]),
            **tested(row),
        }
        for row in compared.pairs.to_dict("records")
    ]
    test = "group-sequential permutation test" if in_groups else "permutation test"
    caption = (
        "Comparison of the settings found. Effect: chance that a seed of the first ends closer to the real data than "
        "one of the other, plus half the chance of a tie. "
        rf"$p$: {test} of Brunner and Munzel's statistic; adjusted by Holm's method."
    )
    if in_groups:
        caption += " Seeds: number of each condition on which the test rests."
    seeds = {"Seeds": "r"} if in_groups else {}
    return PaperTable("pairs", caption, {"Condition": "l", "Other": "l", **seeds, "Effect": "r", **TESTS}, rows)


def metrics_table(compared: Comparison) -> PaperTable:
    """The settings found under several metrics, a column for each, beside the controls."""
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
        "with the mean and covariance of the real data. Interquartile means over fresh seeds. "
        f"{measures_in_words(rankings)}"
    )
    return PaperTable("metrics", caption, {"": "l", **dict.fromkeys(headings.values(), "r")}, list(rows.values()))


def _measure_heading(measure: str) -> str:
    name = measure if measure in OF_TWO else metric_name(measure)
    return name[0].upper() + name[1:]


def tuning_table(compared: Comparison) -> PaperTable:
    """Each setting found against the authors' setting."""
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
                "Effect": effect_cell(row["effect"]),
                **tested(row),
            }
        )
    caption = (
        "Distance of the setting found and of the authors' setting on the same seeds. Effect: chance that a seed of "
        "the setting found ends closer to the real data, plus half the chance of a tie. $p$: as in the comparison of "
        "the settings found, adjusted for the number of conditions."
    )
    columns = {"Condition": "l", **dict.fromkeys(("Found", "Authors'", r"95\% interval", "Effect"), "r"), **TESTS}
    return PaperTable("tuning", caption, columns, rows)


def _distance(distance: float, decimals: int) -> Tex:
    return Tex("failed") if pd.isna(distance) else fixed(distance, decimals)


def outcomes_table(compared: Comparison) -> PaperTable:
    """Table of the numbers of GANs that ended with each outcome (stable, collapsed, ...), by condition and phase."""
    shares = compared.outcomes
    found = [outcome for outcome in dict.fromkeys([*OUTCOMES, *shares["outcome"]]) if _seeds_with(shares, outcome)]
    rows = [
        {
            "Condition": code(condition),
            "Settings": Tex(_SETTINGS[phase]),
            **{name.capitalize(): _count(group, name) for name in found},
        }
        for (condition, phase), group in shares.groupby(["condition", "phase"], sort=False)
    ]
    columns = {"Condition": "l", "Settings": "l", **{name.capitalize(): "r" for name in found}}
    return PaperTable("outcomes", "Number of GANs with each outcome.", columns, rows)


def _seeds_with(shares: pd.DataFrame, outcome: str) -> int:
    return int(shares.loc[shares["outcome"] == outcome, "members"].sum())


def _count(group: pd.DataFrame, outcome: str) -> Tex:
    return number(_seeds_with(group, outcome))
