"""What a trial and a study look like in MLflow: names, numbers, texts. Knows no MLflow."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from gan_core.metrics.meanings import AVERAGE, MEANINGS
from gan_core.stability import OUTCOMES, Verdict
from gan_core.training import Training
from studies.design import Planned
from studies.judgement import DISTANCES, ending, outcome_counts, verdicts
from studies.ledger import Entry, Facts
from studies.results import Results
from studies.study import Budget, Study
from studies.validation import build

PROJECTION_VERSION = 2
"""Raised by hand by every change of what is written below: `sync` then replaces the runs of an older version."""

MEASURED = "outcomes/measured"
"""How many members had a finite distance: logged with every measurement, so its steps are those that MLflow has."""

_COSTS = ("generator_steps", "critic_steps", "real_samples_seen", "elapsed_seconds")


@dataclass(frozen=True)
class Measurement:
    """One measurement of all members: numbers that exist, by their names in MLflow.

    step     on the budget's clock
    seconds  of training until then; None in ledgers that did not keep it
    """

    step: int
    seconds: float | None
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialRun:
    """A trial as an MLflow run."""

    name: str
    mark: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    measurements: Sequence[Measurement]
    summary: Mapping[str, float]
    members: pd.DataFrame
    seconds: float


def over_members(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Median and quartiles over the members with a finite value; a metric that no member has is left out.

    The distance comes first, since MLflow's comparison of runs opens on the first number that all of them have.
    """
    metrics: dict[str, float] = {}
    for name, members in sorted(values.items(), key=lambda named: named[0] not in DISTANCES):
        finite = [value for value in members if math.isfinite(value)]
        if finite:
            low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75])
            named = in_section(name)
            metrics |= {f"{named}.median": float(middle), f"{named}.q25": float(low), f"{named}.q75": float(high)}
        if name in DISTANCES:
            metrics[MEASURED] = float(len(finite))
    return metrics


def in_section(name: str) -> str:
    """A metric's name in MLflow, whose charts come in sections named by what stands before the slash.

    They are in the order of the alphabet and only the first is open: it is the one that decides.
    """
    measured = name.removesuffix(AVERAGE)
    if measured in DISTANCES:
        return f"distance/{name}"
    meaning = MEANINGS.get(measured)  # a user's own objective may measure what nobody here knows
    return f"samples/{name}" if meaning is not None and meaning.of_samples else f"training/{name}"


def measurements(facts: Facts, curves: pd.DataFrame) -> list[Measurement]:
    """A trial's whole course."""
    wide = curves.pivot_table(
        index=["step", "seed"], columns="metric", values="value", dropna=False, sort=True, observed=True
    )
    steps = sorted(set(curves["step"]))
    seconds = facts.get("measured_seconds", [None] * len(steps))
    return [
        Measurement(int(step), at, over_members(wide.loc[step].to_dict("list")))
        for step, at in zip(steps, seconds, strict=True)
    ]


def measurements_so_far(planned: Planned, checkpoint: Mapping[str, Any]) -> list[Measurement]:
    """The course of a trial that was interrupted, up to its last checkpoint."""
    training = build(Training, planned.identity["training"], ("training",))  # not all of it: it may name user's classes
    budget = build(Budget, planned.identity["budget"], ("budget",))
    steps = [budget.clock(training, turns) for turns in budget.measured_turns(training)]
    told = zip(checkpoint["measured_seconds"], checkpoint["measured"], strict=True)
    return [
        Measurement(step, at, over_members(measured)) for step, (at, measured) in zip(steps, told, strict=False)
    ]  # fewer than the steps: the later ones are not measured yet


def trial_run(study: Study, planned: Planned, entry: Entry) -> TrialRun:
    """A trial that ended, finished or given up."""
    if not entry.finished:
        return _given_up(study, planned, entry)
    facts, course = entry.facts(), entry.course()
    judged = verdicts(facts, course, study.stability)
    end = ending(facts, list(judged.values()))
    counts = outcome_counts(judged.values())
    named = {f"spent/{name}" if name in _COSTS else name: float(value) for name, value in end.items()}
    summary = {name: value for name, value in named.items() if math.isfinite(value)}
    summary |= {f"outcomes/{outcome}": float(counts[outcome]) for outcome in OUTCOMES}
    outcome = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return TrialRun(
        name=planned.name,
        mark=mark(study, planned, facts),
        params=params(planned),
        tags=tags(study, planned) | {"outcome": outcome, "mlflow.note.content": _trial_note(planned, judged, end)},
        measurements=measurements(facts, course.frame()),
        summary=summary,
        members=members(planned, judged),
        seconds=facts["elapsed_seconds"],
    )


def _given_up(study: Study, planned: Planned, entry: Entry) -> TrialRun:
    error = entry.error() or "unknown"
    note = f"{_headline(planned)}\n\nGiven up without a result: `{error}`\n\n`log.txt` among the artifacts says more."
    return TrialRun(
        name=planned.name,
        mark=mark(study, planned, {"error": error}),
        params=params(planned),
        tags=tags(study, planned) | {"outcome": "given up", "mlflow.note.content": note},
        measurements=[],
        summary={},
        members=pd.DataFrame(),
        seconds=0.0,
    )


def mark(study: Study, planned: Planned, facts: Mapping[str, Any]) -> str:
    """The hash of what a trial's run is made of: a run that bears it is up to date."""
    known = [PROJECTION_VERSION, asdict(study.stability), planned.name, facts.get("checksums"), facts.get("error")]
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def params(planned: Planned) -> dict[str, str]:
    """The method and the values of the searched knobs, under their dotted paths."""
    method = {f"{part}.kind": planned.identity[part]["kind"] for part in ("objective", "constraint")}
    knobs = {path: str(value) for path, value in planned.configuration.items()}
    return method | knobs


def tags(study: Study, planned: Planned) -> dict[str, str]:
    """What a trial's run is found by, in the order in which MLflow suggests it to whoever types `tags.`."""
    return {
        "condition": planned.condition,
        "phase": planned.phase,
        "trial": str(planned.index),
        "seeds": ", ".join(str(seed) for seed in planned.seeds),
        "study": study.name,
        "kind": "trial",
        "address": planned.address,
    }


def members(planned: Planned, judged: Mapping[int, Verdict]) -> pd.DataFrame:
    """A row per member of one trial."""
    place = {"condition": planned.condition, "phase": planned.phase, "trial": planned.index}
    frame = pd.DataFrame([{**place, "seed": seed, **vars(verdict)} for seed, verdict in judged.items()])
    return frame.astype({"outcome_step": "Int64"})


# -- what a browser shows ------------------------------------------------------------------------------------------

VIEW = "gan-studies"
"""The view of an experiment's runs that is opened first; the others are named after it."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"

KNOBS_SECTION = "knobs"
"""The charts' section of parallel coordinates, a chart for each set of knobs that some condition has."""


def views(study: Study, created_ms: int) -> dict[str, str]:
    """The saved views of an experiment, by the tag that holds each: its runs as a reader of the answer wants them.

    MLflow's table hides every metric, param and tag until its reader chooses columns, and its charts show the first
    ten runs. A saved view is the one choice that others find there: in its list of views, the newest first, or by
    `viewStateShareKey` in an address.

    Source: mlflow 3.17.2, the code that runs in the browser.
    """
    grouped = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "condition"}]}
    charts = _knob_charts(study)
    told = {
        VIEW: ("Trials, the best first", _table(study, "tags.kind = 'trial'", "distance") | charts),
        f"{VIEW}-confirm": ("The settings found, side by side", _table(study, "tags.phase = 'confirm'", "distance")),
        f"{VIEW}-explore": (
            "Random settings by condition: what failed",
            _table(study, "tags.phase = 'explore'", "failure_rate")
            | charts
            | {"groupBy": grouped, "useGroupedValuesInCharts": False},
        ),
    }
    return {
        f"mlflow.sharedViewState.{key}": json.dumps(
            {"name": name, "createdAt": created_ms - place, "state": json.dumps(state)}
        )
        for place, (key, (name, state)) in enumerate(told.items())
    }


def _table(study: Study, wanted: str, order: str) -> dict[str, Any]:
    """The runs that are wanted, the lowest first, with what they came to and what they were set to."""
    knobs = sorted({path for condition in study.conditions for path in condition.knobs})
    metrics = [f"metrics.`{name}`" for name in ("distance", "failure_rate")]
    return {
        "searchFilter": wanted,
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": True,
        "selectedColumns": [*metrics, "tags.`outcome`", *(f"params.`{path}`" for path in knobs)],
    }


def _knob_charts(study: Study) -> dict[str, Any]:
    """Parallel coordinates from each set of knobs to what came of them; MLflow adds the curves below.

    A chart leaves out every run that lacks one of its axes, so its runs are those of the conditions that have its
    knobs. It ends in numbers that failed trials have too, which `distance` is not.
    """
    every = [tuple(condition.knobs) for condition in study.conditions if condition.knobs]
    shared = tuple(knob for knob in (every[0] if every else ()) if all(knob in one for one in every))
    outcome = [f"{in_section(_distance(study))}.median", "failure_rate"]
    charts = [
        {
            "type": "PARALLEL",
            "uuid": f"{KNOBS_SECTION}-{place}",
            "metricSectionId": KNOBS_SECTION,
            "runsCountToCompare": 10,
            "isGenerated": False,
            "deleted": False,
            "selectedParams": list(knobs),
            "selectedMetrics": outcome,
            "showAllRuns": True,
        }
        for place, knobs in enumerate(dict.fromkeys(filter(None, [shared, *every])))
    ]
    section = {"uuid": KNOBS_SECTION, "name": KNOBS_SECTION, "display": True, "isReordered": False, "columns": 1}
    return {"compareRunCharts": charts, "compareRunSections": [section]} if charts else {}


# -- texts for whoever reads them in the browser -------------------------------------------------------------------

_PHASES = {
    "explore": "drawn at random from the knobs' ranges",
    "exploit": "suggested by Optuna from what was found before",
    "confirm": "the best setting found for this condition, trained again on fresh seeds",
    "authors": "the method as its authors trained it, on the same seeds as confirm",
}

_DISTANCE_MEANS = {
    "sliced_wasserstein": "sliced Wasserstein distance between generated and real samples; lower is better",
    "distance_to_equilibrium": "distance of both players' parameters to the equilibrium; lower is better",
}


def _distance(study: Study) -> str:
    """The metric that decides."""
    return "distance_to_equilibrium" if study.data.kind == "dirac" else "sliced_wasserstein"


def experiment_note(study: Study, question: str, verdict: Sequence[str] = ()) -> str:
    """What the study answers, what it asks, and what its runs and metrics mean, in Markdown."""
    budget, search = study.budget, study.search
    clock = budget.unit.replace("_", " ")
    distance = _distance(study)
    beside = f" *authors* is {_PHASES['authors']}." if search.confirm.authors else ""
    names = ", ".join(condition.name for condition in study.conditions)
    return f"""{_opening(question, verdict)}**{study.name}** compares {names} on \
{study.data.kind} data. Every trial trains {study.seeds} GANs at once (members: same setting, different seeds) for \
{budget.steps} {clock}.

* The run named **{study.name}** is the study: its description has the ranking, its artifacts have all tables.
* Every run below it is a **trial**, named condition-phase-number. {search.explore} *explore* trials per condition are \
{_PHASES["explore"]}, {search.exploit} *exploit* trials are {_PHASES["exploit"]}, *confirm* is {_PHASES["confirm"]}: \
judge by confirm alone.{beside}
* **Views**, above at the right, holds three tables: the trials, the settings found, and the random settings by \
condition. The button with a curve shows charts of the same runs: curves over {clock}, and under *{KNOBS_SECTION}* \
parallel coordinates from the knobs to what came of them; a knob's name in their search box leaves its own.
* Type into the search box `tags.condition = '{study.conditions[0].name}'`, `tags.phase = 'confirm'`, \
`tags.outcome LIKE '%collapsed%'` or `metrics.failure_rate = 0`; *Group by* takes the tags too.
* *Compare* draws a run that lacks a knob at the upper end of that knob: choose runs of one condition there.

| metric | what it says |
| --- | --- |
| `distance` | what the trial came to: interquartile mean of the members' late distances; empty if it failed |
| `failure_rate` | share of the members that did not end stable |
| `outcomes/stable`, `relapsed`, `stalled`, `collapsed`, `diverged`, `nonfinite` | how many members ended so |
| `search_score` | what the search maximised, between 0 and 1 |
| `distance/{distance}.median`, `.q25`, `.q75` | over {clock}: {_DISTANCE_MEANS[distance]}; median and quartiles \
of the members |
| `samples/...` | over {clock}: how varied the generated samples are and how near the truth, median and quartiles |
| `training/...` | over {clock}: losses, gradients and the critic's slope, likewise |
| `outcomes/measured` | over {clock}: how many members still had a finite distance |
| `spent/...` | what each member took: steps, real samples, seconds of the trial |
"""


def study_note(results: Results, question: str, verdict: Sequence[str]) -> str:
    """The verdict and the ranking so far, in Markdown."""
    opening = _opening(question, verdict)
    ranking = results.ranking
    if ranking.empty:
        return opening
    seeds = results.study.search.confirm.seeds
    lines = [
        f"{opening}The setting found for each condition, on {seeds} fresh seeds. Distance: lower is better.\n",
        "| | condition | distance | 95 % interval | failed | 95 % interval | winning configuration |",
        "| ---: | --- | ---: | --- | ---: | --- | --- |",
    ]
    for row in ranking.to_dict("records"):
        knobs = results.study.condition(row["condition"]).knobs
        winner = ", ".join(f"{path} = {_short(row[path])}" for path in knobs)
        lines.append(
            f"| {row['rank']} | {row['condition']} | {_number(row['distance'])} "
            f"| {_number(row['distance_low'])} to {_number(row['distance_high'])} | {row['failure_rate']:.0%} "
            f"| {row['failure_low']:.0%} to {row['failure_high']:.0%} | {winner} |"
        )
    return "\n".join(lines)


def _opening(question: str, verdict: Sequence[str]) -> str:
    """The answer, then what was asked: of a note that nobody has opened MLflow shows the first line or two."""
    asked = [f"**Question:** {question}"] if question else []
    return "".join(f"{paragraph}\n\n" for paragraph in [*verdict, *asked])


def _trial_note(planned: Planned, judged: Mapping[int, Verdict], end: Mapping[str, float]) -> str:
    came = f"distance {end['distance']:.4g}" if math.isfinite(end["distance"]) else "failed"
    lines = [
        f"{_headline(planned)}\n",
        f"{came}; {end['failure_rate']:.0%} of the members failed.\n",
        "| seed | outcome | late distance | best distance |",
        "| ---: | --- | ---: | ---: |",
    ]
    for seed, one in judged.items():
        lines.append(f"| {seed} | {one.outcome} | {_number(one.late_distance)} | {_number(one.best_distance)} |")
    return "\n".join(lines)


def _headline(planned: Planned) -> str:
    knobs = ", ".join(f"{path} = {_short(value)}" for path, value in planned.configuration.items()) or "no knobs"
    return (
        f"**{planned.condition}**, {planned.phase} {planned.index}, {_PHASES[planned.phase]}: {knobs} "
        f"({len(planned.seeds)} seeds)."
    )


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "failed"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
