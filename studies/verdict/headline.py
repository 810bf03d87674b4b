"""The answer in one sentence: what the confirmed settings say, and which of those that were tried work."""

from collections.abc import Iterator, Sequence

import pandas as pd

from studies.comparison import Comparison
from studies.comparison.power import pair_power
from studies.sentences import counted
from studies.verdict.crossed import crossed
from studies.verdict.modes import modes
from studies.verdict.phrases import ALL, MOST, distance, failed_of, goal, listed, p_value
from studies.verdict.start import start
from studies.verdict.tried import tried


def headline(compared: Comparison) -> str:
    """The sentence. What is undecided stands in it as undecided.

    Where the modes of the data are known it is about who covers them; where conditions differ in their constraint
    alone, about the constraints; else about who comes closest. Then where the knobs that were tried work.
    """
    clauses = [_so_far(compared), *_clauses(compared)[0]]
    return _sentence(compared, "; ".join(clause for clause in clauses if clause) or "nothing is known yet")


def besides(compared: Comparison) -> Iterator[str]:
    """What the sentence leaves out, where it is about something else than who comes closest and what works."""
    yield from (_sentence(compared, clause) for clause in _clauses(compared)[1] if clause)


def _sentence(compared: Comparison, clause: str) -> str:
    names = {one.name for one in compared.results.study.conditions}
    begins_with_a_name = clause.split(" ")[0].rstrip(",") in names
    return f"{clause if begins_with_a_name else clause[0].upper() + clause[1:]}."


def _so_far(compared: Comparison) -> str:
    ranked, conditions = len(compared.ranking), len(compared.results.study.conditions)
    if not compared.results.study.search.confirm.best or ranked == conditions:
        return ""
    if not ranked:
        return "nothing is confirmed yet"
    return f"only {ranked} of {conditions} conditions {'is' if ranked == 1 else 'are'} confirmed"


def _clauses(compared: Comparison) -> tuple[list[str], list[str]]:
    """Those of the sentence, and what is said besides."""
    about = [clause for clause in (modes(compared), crossed(compared)) if clause]
    closest, works = _closest(compared), tried(compared)
    if about:
        return about, [closest, works]
    failed = len(compared.ranking) > 0 and bool(compared.ranking["distance"].isna().all())
    if works and len(compared.explored) == 1 and compared.explored[0].grids:
        return [start(compared), works], [closest] if failed else []
    if works and len(compared.ranking) == 1 and not failed:
        return [start(compared), works], []
    return [start(compared), closest, works], []


# -- who comes closest -------------------------------------------------------------------------------------------------


def _closest(compared: Comparison) -> str:
    ranking = compared.ranking
    if ranking.empty:
        return ""
    if ranking["distance"].isna().all():
        return _nobody(ranking)
    if len(ranking) == 1:
        return _alone(compared, ranking.iloc[0])
    best, *others = ranking["condition"].tolist()
    mine = compared.pairs[(compared.pairs["condition"] == best) | (compared.pairs["other"] == best)]
    decided = mine[mine["decided"]]
    beaten = [name for name in others if name in {*decided["condition"], *decided["other"]}]
    if len(beaten) == len(others):
        if len(others) == 1:
            return f"{best} comes closer to {goal(compared)} than {others[0]} ({_sure(decided)})"
        return f"{best} comes closest to {goal(compared)} ({_sure(decided)} against each of the {len(others)} others)"
    if beaten:
        open_ = [name for name in others if name not in beaten]
        than = listed(beaten) if len(beaten) <= MOST else f"{len(beaten)} of the {len(others)} others"
        return (
            f"{best} comes closer to {goal(compared)} than {than} ({_sure(decided)}), but cannot be told from "
            f"{listed(open_)}"
        )
    return f"{_which(ranking['condition'].tolist())} to {goal(compared)} is undecided{_why(compared)}"


def _nobody(ranking: pd.DataFrame) -> str:
    first, *others = (row for _, row in ranking.iterrows())
    if not others:
        return f"the setting found for {first['condition']} is not stable, {failed_of(first)} fresh seeds failed"
    lost = [f"{failed_of(first)} fresh seeds failed for {first['condition']}"]
    lost += [f"{failed_of(row)} for {row['condition']}" for row in others]
    return f"no setting that was found is stable, {listed(lost, 'and', ALL)}"


def _alone(compared: Comparison, row: pd.Series) -> str:
    failed = f"{failed_of(row)} fresh seeds failed"
    return f"the setting found for {row['condition']} ends {distance(row['distance'])} from {goal(compared)}, {failed}"


def _which(names: Sequence[str]) -> str:
    if len(names) == 2:
        return f"which of {names[0]} and {names[1]} comes closer"
    return f"which of the {len(names)} conditions comes closest"


def _why(compared: Comparison) -> str:
    """Why nobody is called the closest."""
    seeds, pairs = int(compared.ranking["members"].min()), compared.pairs
    if seeds == 1:
        return ", since one fresh seed each is too few for a test"
    by = f"{counted(seeds, 'fresh seed')} each"
    if len(pairs) == 1:
        return f" by {by} (p = {p_value(pairs['p_adjusted'].iloc[0])})"
    if pair_power(1.0, seeds, comparisons=len(pairs)) == 0:
        return f", since {by} are too few to tell any of {len(pairs)} pairs apart"
    return f" by {by}"


def _sure(decided: pd.DataFrame) -> str:
    return f"p {'=' if len(decided) == 1 else '<='} {p_value(decided['p_adjusted'].max())}"
