"""Notes in MLflow: descriptions of the experiment, of a study's run and of a trial's run, in Markdown."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from gan_core.metrics import METRICS
from gan_core.outcomes import MemberOutcomes
from studies.design import TrialSpec, least, most_groups, total
from studies.design import counts as trials_of
from studies.file.map_settings import ExploreMap
from studies.file.study import Study
from studies.ledger.unfinished import TrialEnd
from studies.numbers import MISSING, format_distance, format_interval, format_setting, format_share, format_shares
from studies.tables.results import Results
from studies.tracking.run_count import has_one_run

_PHASES = {
    "explore": "hyperparameters drawn at random from their ranges",
    "exploit": "hyperparameters suggested by Optuna, an optimiser, from the results of earlier trials",
    "confirm": "the best setting found for the condition, trained again with new seeds",
    "authors": "the settings that the authors of the method published, trained with the same seeds as confirm",
    "profile": "the best setting found, with one hyperparameter at a time moved along its range",
    "path_choice": "settings between the authors' and the best one found, which decide what is changed first",
    "path": "the settings between the authors' and the best one found, trained with the same seeds as confirm",
}
_OUTCOMES = {
    "stable": "it came close to the real data and stayed there",
    "relapsed": "it came close, then lost much of that or oscillated",
    "stalled": "it never came close, or misses too many of the known modes",
    "collapsed": "its samples lack variety",
    "diverged": "it ended no closer to the data than a generator that always returns the data's mean",
    "nonfinite": "a number in it became infinite or not a number",
}


def experiment_note(study: Study, question: str, answer: Sequence[str] = ()) -> str:
    """Note of a study's experiment: the answer, the question, and the meaning of runs, tags and metrics."""
    unit = study.budget.unit.replace("_", " ")
    names = ", ".join(condition.name for condition in study.conditions)
    outcomes = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in _OUTCOMES.items())
    return f"""{_opening(question, answer)}**{study.name}** compares these conditions on {study.data.kind} data: \
{names}. A condition is a way to train a GAN: an objective and a constraint on the critic. Each trial trains \
{study.seeds} GANs, its members, for {study.budget.steps} {unit}. The members of a trial have the same hyperparameters \
and differ in their random seed.

{_runs(study) if not has_one_run(study) else _one_run(study)}
### Outcomes

Each member has one outcome.

| outcome | meaning for a member |
| --- | --- |
{outcomes}
"""


def _runs(study: Study) -> str:
    """Sections about runs and metrics of a study in which each trial has a run."""
    unit = study.budget.unit.replace("_", " ")
    return f"""### Runs

The run named **{study.name}** is the study: its description has the ranking of the conditions, its artifacts have all \
tables. Each of the other runs is a trial, named condition-phase-number. These are the phases:

{_phase_list(study)}

Compare conditions by their *confirm* trials alone: the results of the other trials were used to choose the settings.

### Finding runs

* The list of views, at the top right, has three tables: all trials with the confirmed ones first, the confirmed \
settings, and the random settings grouped by condition.
* The button with a curve shows charts of the same runs: metrics over {unit}, and in the section *hyperparameters* one \
line per trial from its hyperparameters to its results.
* The search box accepts, for example, `tags.condition = '{study.conditions[0].name}'`, `tags.phase = 'confirm'`, \
`tags.outcome LIKE '%collapsed%'` and `metrics.failure_rate = 0`. *Group by* accepts the same tags.
* *Compare* draws a run that lacks a parameter or a metric at the upper end of its axis. Choose runs of one condition \
there, since they have the same parameters.

### Metrics

The late distance of a member is the median of its distances in the last part of its training.

| metric | meaning |
| --- | --- |
| `rank` | rank of the condition in the study; only *confirm* trials that enter the ranking have it |
| `distance` | mean of the members' late distances without the lowest and the highest quarter; a failed member counts \
as infinitely far, so `distance` is missing if too many members failed |
| `late_distance` | median of the late distances of all members, failed or not |
| `failure_rate` | share of the members that failed: their outcome is not `stable` |
| `search_score` | the number that the search maximises, between 0 and 1 |
| `outcomes/NAME` | number of members with the outcome NAME, see below |
| `distance/{study.distance}.median`, `.q25`, `.q75` | over {unit}, median and quartiles over the members, \
{_deciding_metric(study)} |
| `samples/...` | over {unit}: variety and quality of the generated samples; median and quartiles over the members |
| `training/...` | over {unit}: losses, gradient norms and critic slope; median and quartiles over the members |
| `own/...` | over {unit}: metrics of your own classes |
| `outcomes/measured` | over {unit}: number of members with a finite distance |
| `spent/...` | training steps and real samples per member, and seconds per trial |

The tag `outcome` of a trial has the number of its members with each outcome.
"""


def _one_run(study: Study) -> str:
    """Sections about runs and metrics of a study whose own run holds all trials."""
    return f"""### Runs

The run named **{study.name}** holds all {_trials_in_words(study)} trials, since the study file's field \
`tracking.runs` is `{study.tracking.runs}`: no trial has a run of its own, except complete ones from when the study \
had fewer trials. Its description has the ranking of the conditions, its artifacts have the tables `trials`, \
`members`, `curves` and `ranking`. `gan-study results {study.name} --tracking ADDRESS` reads the tables too, while the \
study runs those of the trials that had ended when they were last written. A trial is named by its condition, phase \
and number. These are the phases:

{_phase_list(study)}

Compare conditions by their *confirm* trials alone: the results of the other trials were used to choose the settings.

### Metrics

Each metric has one curve per condition, over the number of trials that ended.

| metric | meaning |
| --- | --- |
| `trials_ended/CONDITION` | number of trials that ended |
| `stable_share/CONDITION` | share of the members of these trials whose outcome is `stable` |
| `best_search_score/CONDITION` | largest search score, between 0 and 1, of a trial that is not a confirm trial |
| `rank/CONDITION` | rank of the condition in the study |
"""


def _deciding_metric(study: Study) -> str:
    """Direction and description of the metric that decides; a user's metric may be known by its name alone."""
    own = {metric.name: metric.described() for metric in study.evaluation.metrics}
    metric = {**METRICS, **own}.get(study.distance)
    return "the metric that decides" if metric is None else f"{metric.direction} is better: {metric.description}"


def _trials_in_words(study: Study) -> str:
    """Number of trials, as in "12" or "12 to 18"."""
    smallest, largest = least(study), total(study)
    return f"{largest}" if smallest == largest else f"{smallest} to {largest}"


def _phase_list(study: Study) -> str:
    search = study.search
    counts: dict[str, int | str] = {
        "explore": search.explore_trials,
        "exploit": search.exploit.trials,
        "confirm": search.confirm.best if most_groups(study) == 1 else f"1 to {most_groups(study)}",
    }
    counts |= {"authors": 1} if search.confirm.authors else {}
    if search.profile:
        counts["profile"] = max(trials_of(study, condition)["profile"] for condition in study.conditions)
    for phase in ("path_choice", "path") if search.confirm.path else ():
        counts[phase] = max(trials_of(study, condition)[phase] for condition in study.conditions)
    return (
        "\n".join(
            f"* *{phase}*, {count} per condition: {_phase_in_words(study, phase)};"
            for phase, count in counts.items()
            if count
        ).removesuffix(";")
        + "."
    )


def _phase_in_words(study: Study, phase: str) -> str:
    """Meaning of a phase."""
    if phase == "explore" and isinstance(study.search.explore, ExploreMap):
        return "the cells of a stability map, at equally spaced quantiles of the ranges"
    return _PHASES[phase]


def study_note(results: Results, question: str, answer: Sequence[str]) -> str:
    """Note of a study's run: the answer, the question and the ranking so far."""
    opening = _opening(question, answer)
    ranking = results.ranking
    if ranking.empty:
        return opening
    fewest, most = ranking["members"].min(), ranking["members"].max()
    seeds = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    lines = [
        f"{opening}The setting found for each condition, trained again with {seeds} new seeds. Lower distances are "
        "better.\n",
        "| rank | condition | distance | 95 % interval | members that failed | 95 % interval | setting found |",
        "| ---: | --- | ---: | --- | ---: | --- | --- |",
    ]
    for row in ranking.to_dict("records"):
        hyperparameters = results.study.condition(row["condition"]).hyperparameters
        setting = _setting(results.study, {path: row[path] for path in hyperparameters if not pd.isna(row[path])})
        lines.append(
            f"| {row['rank']} | {row['condition']} | {format_distance(row['distance'])} "
            f"| {format_interval(row['distance_low'], row['distance_high'])} | {format_share(row['failure_rate'])} "
            f"| {format_shares(row['failure_low'], row['failure_high'])} | {setting} |"
        )
    return "\n".join(lines)


def trial_note(study: Study, spec: TrialSpec, members: MemberOutcomes, result: Mapping[str, float]) -> str:
    """Note of a finished trial's run: its setting, its result, a row per member."""
    failed = f"{format_share(result['failure_rate'])} of the members failed"
    if math.isfinite(result["distance"]):
        summary = f"Distance {format_distance(result['distance'])}; {failed}."
    else:
        summary = f"The trial has no distance, since {failed}."
        if math.isfinite(result["late_distance"]):
            summary += f" The median of their late distances is {format_distance(result['late_distance'])}."
    lines = [
        f"{_headline(study, spec)}\n",
        f"{summary}\n",
        "| seed | outcome | late distance | best distance |",
        "| ---: | --- | ---: | ---: |",
    ]
    distances = zip(members.late_distance.tolist(), members.best_distance.tolist(), strict=True)
    for seed, outcome, pair in zip(spec.seeds, members.names, distances, strict=True):
        late, best = (format_distance(distance) if math.isfinite(distance) else MISSING for distance in pair)
        lines.append(f"| {seed} | {outcome} | {late} | {best} |")
    return "\n".join(lines)


def note_without_result(study: Study, spec: TrialSpec, end: TrialEnd) -> str:
    """Note of the run of a trial that ended without a result."""
    state = end.state.replace("_", " ")
    again = "Running the study again repeats it." if end.state == "lost" else "The artifact `log.txt` has the details."
    return f"{_headline(study, spec)}\n\nThe trial ended without a result ({state}): `{end.reason}`\n\n{again}"


def _opening(question: str, answer: Sequence[str]) -> str:
    """The answer, then the question: MLflow shows only the first lines of a note until it is opened."""
    paragraphs = [*answer, *(f"**Question:** {question}".splitlines() if question else [])]
    return "".join(f"{paragraph}\n\n" for paragraph in paragraphs)


def _headline(study: Study, spec: TrialSpec) -> str:
    setting = _setting(study, spec.configuration) or "no hyperparameter is searched"
    return (
        f"Condition **{spec.condition}**, phase {spec.phase} ({_phase_in_words(study, spec.phase)}), trial "
        f"{spec.index}, {len(spec.seeds)} seeds: {setting}."
    )


def _setting(study: Study, configuration: Mapping[str, object]) -> str:
    return ", ".join(f"{study.short_names[path]} = {format_setting(value)}" for path, value in configuration.items())
