"""Notes in MLflow: descriptions of the experiment, of runs and of registered generators, in Markdown.

The templates in `templates/` phrase them. A paragraph is one line there: MLflow breaks a line where a note does.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from gan_core.metrics import METRICS
from gan_core.outcomes import MemberOutcomes
from studies.analysis.comparison import Comparison
from studies.design import TrialSpec, least, most_groups, total
from studies.design import counts as trials_of
from studies.exporting.exported_generator import ExportedGenerator
from studies.file.map_settings import ExploreMap
from studies.file.study import Study
from studies.ledger.unfinished import TrialEnd
from studies.reporting.text.ranking_legend import ranking_legend, reference_distances
from studies.reporting.text.ranking_rows import NO_BREAK, ranking_rows
from studies.reporting.text.sentences import sentences
from studies.reporting.text.template_environment import template_environment
from studies.tables.results import Results
from studies.tracking.run_count import has_one_run

if TYPE_CHECKING:
    from jinja2 import Environment


def experiment_note(study: Study, question: str, answer: Sequence[str] = ()) -> str:
    """Note of a study's experiment: the answer, the question, and the meaning of runs, tags and metrics."""
    return _note(
        "experiment",
        answer=answer,
        question=question.splitlines(),
        study=study.name,
        data=study.data.kind,
        conditions=[condition.name for condition in study.conditions],
        seeds=study.seeds,
        steps=study.budget.steps,
        unit=study.budget.unit.replace("_", " "),
        one_run=has_one_run(study),
        runs=study.tracking.runs,
        trials=_either(least(study), total(study)),
        phase_counts=_phase_counts(study),
        of_map=_is_map(study),
        distance=_deciding_metric(study),
    )


def _deciding_metric(study: Study) -> dict[str, str | None]:
    """Name, direction and description of the metric that decides; a user's metric may be known by its name alone."""
    own = {metric.name: metric.described() for metric in study.evaluation.metrics}
    metric = {**METRICS, **own}.get(study.distance)
    return {
        "name": study.distance,
        "direction": None if metric is None else metric.direction,
        "description": None if metric is None else metric.description,
    }


def _phase_counts(study: Study) -> dict[str, int | str]:
    """Number of trials of a condition in each phase that has some."""
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
    return {phase: count for phase, count in counts.items() if count}


def study_note(results: Results, question: str, answer: Sequence[str]) -> str:
    """Note of a study's run: the answer, the question and the ranking so far."""
    comparison, members = Comparison(results), results.ranking["members"]
    rows = list(ranking_rows(comparison))
    return _note(
        "study",
        answer=answer,
        question=question.splitlines(),
        seeds=_either(members.min(), members.max()),
        rows=rows,
        legend=sentences(ranking_legend(comparison)) if rows else (),
        references=sentences(reference_distances(comparison)),
    ).replace(NO_BREAK, " ")


def trial_note(study: Study, spec: TrialSpec, members: MemberOutcomes, result: Mapping[str, float]) -> str:
    """Note of a finished trial's run: its setting, its result, a row per member."""
    return _note(
        "trial",
        **_of_trial(study, spec),
        distance=result["distance"],
        late_distance=result["late_distance"],
        failure_rate=result["failure_rate"],
        members=list(
            zip(spec.seeds, members.names, members.late_distance.tolist(), members.best_distance.tolist(), strict=True)
        ),
    )


def note_without_result(study: Study, spec: TrialSpec, end: TrialEnd) -> str:
    """Note of the run of a trial that ended without a result."""
    return _note("trial_without_result", **_of_trial(study, spec), state=end.state, reason=end.reason)


def model_note(exported: ExportedGenerator) -> str:
    """Note of a registered version of trained generators: their origin, a row per generator, and what they lack."""
    about = exported.generator.about
    return _note("model", **{**about, "question": about["question"].splitlines()}, notes=exported.notes)


def _of_trial(study: Study, spec: TrialSpec) -> dict[str, Any]:
    return {
        "condition": spec.condition,
        "phase": spec.phase,
        "of_map": _is_map(study),
        "index": spec.index,
        "seeds": len(spec.seeds),
        "setting": [(study.short_names[path], value) for path, value in spec.configuration.items()],
    }


def _is_map(study: Study) -> bool:
    return isinstance(study.search.explore, ExploreMap)


def _either(least: int, most: int) -> str:
    """One number or two, as in "12" or "12 to 18"."""
    return f"{most}" if least == most else f"{least} to {most}"


def _note(name: str, **values: Any) -> str:
    return _environment().get_template(f"{name}.md.jinja").render(values).strip()


@cache
def _environment() -> "Environment":
    return template_environment("studies.tracking")
