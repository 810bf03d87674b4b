"""What is said about the settings that explore tried: how many work, and over which range."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.comparison import Comparison
from studies.comparison.explored import Explored, seeds_that_must_reach
from studies.comparison.notes import FEW_CONFIGURATIONS
from studies.sentences import counted, knob_name
from studies.verdict.phrases import ALL, MOST, distance, few, goal, in_order, listed, would_decide

_FEW_SUCCESSES = 3
"""Settings that must work before it is said how far a knob may be turned."""


def told(compared: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """A table's rows at the distance that sentences are about.

    It is the smallest that two conditions reach, else the largest: where nobody comes there is nothing to tell.
    """
    if not compared.targets:
        return table.iloc[:0]
    volumes = compared.volumes
    reached = volumes[volumes["reached"] > 0].groupby("tau")["condition"].nunique()
    shared = reached[reached >= 2]
    tau = shared.index.min() if len(shared) else max(target.tau for target in compared.targets)
    return table[table["tau"] == tau]


def by_volume(compared: Comparison) -> pd.DataFrame:
    """The volumes at the distance that sentences are about, the largest first."""
    return told(compared, compared.volumes).sort_values(["volume", "condition"], ascending=[False, True])


def searched(compared: Comparison) -> list[Explored]:
    """The conditions whose settings differ."""
    return [one for one in compared.explored if one.knobs and one.configurations]


def within(compared: Comparison, volumes: pd.DataFrame) -> str:
    """As in "stable within 0.138 of the real data"."""
    return f"stable within {distance(volumes['tau'].iloc[0])} of {goal(compared)}"


def share(row: pd.Series) -> str:
    """As in "3 of 8"."""
    return f"{row['reached']} of {row['configurations']}"


def interval(row: pd.Series) -> str:
    """As in " (14% to 69%)"; empty for listed settings."""
    if np.isnan(row["volume_low"]):
        return ""
    return f" ({row['volume_low']:.0%} to {row['volume_high']:.0%})"


# -- how many settings work --------------------------------------------------------------------------------------------


def volumes(compared: Comparison) -> Iterator[str]:
    """The shares of settings that work, and what is undecided about them."""
    every = by_volume(compared)
    if every.empty:
        return
    yield _what_works(compared, every)
    known = {one.condition: one for one in compared.explored}
    kinds = every["condition"].map({name: _kind(one) for name, one in known.items()})
    for kind, rows in every.groupby(kinds, sort=False):
        yield f"{kind}: {_items(grouped(rows, most=ALL))}."
    yield from _which_differ(compared, every)


def _kind(one: Explored) -> str:
    if one.grids:
        return "Listed settings that work"
    if one.knobs:
        return "Settings drawn from the ranges that work, with 95% intervals"
    return "Repetitions of the one setting that work, with 95% intervals"


def _what_works(compared: Comparison, every: pd.DataFrame) -> str:
    first = every.iloc[0]
    seeds, must = int(first["seeds"]), seeds_that_must_reach(int(first["seeds"]))
    which = "its seed ends" if seeds == 1 else f"all {seeds} of its seeds end"
    which = which if must == seeds else f"at least {must} of its {seeds} seeds end"
    near = "" if np.isnan(first["progress"]) else f", {first['progress']:.0%} of the way there from a constant"
    near = "" if goal(compared) == "the equilibrium" else near
    shared = (every["reached"] > 0).sum() > 1 and len(compared.targets) > 1
    why = f"; of {len(compared.targets)} distances it is the smallest that two conditions reach" if shared else ""
    return f"A setting works if {which} {within(compared, every)}{near}{why}."


def grouped(rows: pd.DataFrame, *, most: int = MOST, intervals: bool = True) -> list[str]:
    """As in "3 of 8 for gan (14% to 69%)", the conditions of one share together, as many as `most` by name."""
    parts = []
    for _, same in rows.groupby(["reached", "configurations"], sort=False):
        first = same.iloc[0]
        sure = interval(first) if intervals else ""
        parts.append(f"{share(first)} for {listed(same['condition'].tolist(), 'and', most)}{sure}")
    return parts


def _items(parts: list[str]) -> str:
    return "; ".join(parts) if any("," in part for part in parts) else ", ".join(parts)


def _which_differ(compared: Comparison, every: pd.DataFrame) -> Iterator[str]:
    differences = told(compared, compared.volume_differences)
    if differences.empty:
        return
    names = every["condition"].tolist()
    decided = in_order(differences, differences["difference"] > 0, names)
    yield from few(
        (f"More of them work for {listed(more)} than for {listed(fewer)}." for more, (fewer, _) in decided),
        "differences of stable volumes",
    )
    undecided = differences[~differences["decided"]]
    if undecided.empty:
        return
    if len(differences) == 1:
        yield "Whether the two differ in this is undecided."
    elif len(undecided) == len(differences):
        yield "No difference between two conditions is decided."
    else:
        yield f"{len(undecided)} of {counted(len(differences), 'pair')} are undecided."
    if differences["configurations"].min() >= FEW_CONFIGURATIONS:
        yield from would_decide(undecided, "configurations of each", "the shares")


# -- over which range ------------------------------------------------------------------------------------------------


def ranges(compared: Comparison) -> Iterator[str]:
    """How far the knobs of each condition may be turned, those first of which most settings work."""
    every = by_volume(compared)
    widths, shares = told(compared, compared.widths), told(compared, compared.shares)
    known = {one.condition: one for one in searched(compared)}
    every = every[every["condition"].isin(list(known))]
    if not every["reached"].any():
        return
    found: dict[str, list[str]] = {}
    for name, row in every[every["reached"] > 0].set_index("condition").iterrows():
        about = _range(known[str(name)], row, *(table[table["condition"] == name] for table in (widths, shares)))
        found.setdefault(about, []).append(str(name))
    about_all = (f"{listed(names, 'and', ALL)}: {about}." for about, names in found.items())
    yield from few(about_all, "stable widths" if len(widths) else "listed values")
    none = every.loc[every["reached"] == 0, "condition"].tolist()
    if none:
        yield f"No setting of {listed(none, 'or', ALL)} works, so there is no range."


def _range(one: Explored, row: pd.Series, widths: pd.DataFrame, shares: pd.DataFrame) -> str:
    by_value = [_by_value(knob_name(str(knob)), own) for knob, own in shares.groupby("knob", sort=False)]
    if len(widths) and row["reached"] < _FEW_SUCCESSES:
        at = [knob_name(knob) + " " + listed(_values(one, row, knob)) for knob in widths["knob"]]
        parts = [f"only {share(row)} settings {_work(row['reached'])}, too few for a range ({_items(at)})"]
    else:
        parts = [width(knob) for _, knob in widths.iterrows()]
        if len(one.knobs) > 1 and parts:
            parts[0] = f"averaged over the other knobs, {parts[0]}"
    return "; ".join([*parts, *by_value])


def _work(count: int) -> str:
    return "works" if count == 1 else "work"


def _values(one: Explored, row: pd.Series, knob: str) -> list[str]:
    reaching = one.reaching(row["tau"])
    return [f"{value:.3g}" for value, ok in zip(one.values(knob), reaching, strict=True) if ok]


def width(row: pd.Series) -> str:
    """How far one knob may be turned."""
    ends = [end for end in ("lower", "upper") if row[f"border_{'low' if end == 'lower' else 'high'}"]]
    at_least = "at least " if ends else ""
    open_ = f", {'neither end' if len(ends) == 2 else f'the {ends[0]} end not'} found" if ends else ""
    return (
        f"{knob_name(row['knob'])} works over {at_least}{row['width']:.2g} of {row['stated']:.2g} {row['unit']} "
        f"searched (interval {row['width_low']:.2g} to {row['width_high']:.2g}), with successes from "
        f"{row['lowest']:.3g} to {row['highest']:.3g}{open_}"
    )


def _by_value(knob: str, own: pd.DataFrame) -> str:
    own = own[own["configurations"] > 0]
    if (own["configurations"] == 1).all():
        works, fails = (
            own.loc[mask, "value"].map(_value).tolist() for mask in (own["reached"] > 0, own["reached"] == 0)
        )
        if not fails:
            return f"{knob} works at {listed(works, 'and', 9)}"
        return f"{knob} works at {listed(works, 'and', 9)}, not at {listed(fails, 'or', 9)}"
    by_value = [f"{row.reached} of {row.configurations} settings at {_value(row.value)}" for row in own.itertuples()]
    return f"by {knob}, {listed(by_value)} work"


def _value(text: str) -> str:
    return text.removesuffix(".0")
