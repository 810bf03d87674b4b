"""Saved views of a study's experiment in MLflow: filter, order, columns and charts of its pages."""

import json
from typing import Any

from studies.file.condition import LOOP
from studies.file.study import Study
from studies.tracking.run_content import metric_name
from studies.tracking.run_count import has_one_run
from studies.tracking.view_tags import VIEW, VIEW_TAG

PROGRESS = ("rank", "stable_share", "best_search_score", "trials_ended")
"""Metrics of each condition in the run of a study that holds all trials."""
HYPERPARAMETERS_SECTION = "hyperparameters"
"""Section of the charts with parallel coordinates, one chart for each set of hyperparameters that a condition has."""

_RUN, _CREATED, _DURATION = "attributes.`Run Name`", "runDateAndNestInfo", "duration"
"""MLflow's identifiers of columns that cannot be hidden."""
_RESULT_WIDTHS = {
    "metrics.`rank`": 65,
    "metrics.`distance`": 90,
    "metrics.`failure_rate`": 90,
    "metrics.`late_distance`": 105,
    "tags.`outcome`": 130,
}
"""Columns with results and their widths in pixels, from the left."""
_RUN_WIDTH, _CREATED_WIDTH, _PARAM_WIDTH = 175, 135, 95


def views(study: Study, created_ms: int) -> dict[str, str]:
    """The saved views of an experiment, each as the value of a tag, by the tag's name.

    By default MLflow's table hides every metric, param and tag, and its charts show ten runs. Saved views are in its
    list of views, the newest first; an address with the parameter `viewStateShareKey` opens one of them.

    created_ms  creation time of the first view, in milliseconds since 1970; the others are older

    Source: mlflow 3.17.2, the code that runs in the browser.
    """
    if has_one_run(study):
        metrics = [f"metrics.`{name}/{condition.name}`" for name in PROGRESS for condition in study.conditions]
        state = {"searchFilter": "tags.kind = 'study'", "selectedColumns": metrics}
        return {VIEW_TAG: _view("The study and its conditions", created_ms, state)}
    grouped = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "condition"}]}
    charts = _hyperparameter_charts(study)
    states = {
        VIEW: ("All trials, ranked ones first", _table(study, "tags.kind = 'trial'", "rank") | charts),
        f"{VIEW}-confirm": ("Confirmed settings", _table(study, "tags.phase = 'confirm'", "rank")),
        f"{VIEW}-explore": (
            "Random settings by condition",
            _table(study, "tags.phase = 'explore'", "failure_rate")
            | charts
            | {"groupBy": grouped, "useGroupedValuesInCharts": False},
        ),
    }
    return {
        f"mlflow.sharedViewState.{key}": _view(name, created_ms - number, state)
        for number, (key, (name, state)) in enumerate(states.items())
    }


def _view(name: str, created_ms: int, state: dict[str, Any]) -> str:
    return json.dumps({"name": name, "createdAt": created_ms, "state": json.dumps(state)})


def _table(study: Study, search_filter: str, order: str) -> dict[str, Any]:
    """State of a view: the runs that match the filter, in ascending order of a metric, with results and settings."""
    paths = sorted({path for condition in study.conditions for path in condition.hyperparameters})
    loops = [LOOP] if any(condition.own_loop for condition in study.conditions) else []
    names = [*(study.short_names[path] for path in paths), "objective", "constraint", *loops]
    params = [f"params.`{name}`" for name in names]
    return {
        "searchFilter": search_filter,
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": True,
        "selectedColumns": [*_RESULT_WIDTHS, *params],
        "columnOrder": [_RUN, _CREATED, *_RESULT_WIDTHS, *params, _DURATION],
        "columnWidths": {
            _RUN: _RUN_WIDTH,
            _CREATED: _CREATED_WIDTH,
            **_RESULT_WIDTHS,
            **dict.fromkeys(params, _PARAM_WIDTH),
        },
    }


def _hyperparameter_charts(study: Study) -> dict[str, Any]:
    """Charts with parallel coordinates, one for each set of hyperparameters; MLflow adds charts of the curves below.

    A chart leaves out every run that lacks one of its axes, so it shows the conditions that have its hyperparameters.
    The last axes are metrics that most trials without a `distance` have too.
    """
    sets = [tuple(condition.hyperparameters) for condition in study.conditions if condition.hyperparameters]
    shared = tuple(path for path in (sets[0] if sets else ()) if all(path in paths for paths in sets))
    results = [metric_name(study.distance, study.distance), "failure_rate"]
    charts = [
        {
            "type": "PARALLEL",
            "uuid": f"{HYPERPARAMETERS_SECTION}-{number}",
            "metricSectionId": HYPERPARAMETERS_SECTION,
            "runsCountToCompare": 10,
            "isGenerated": False,
            "deleted": False,
            "selectedParams": [study.short_names[path] for path in paths],
            "selectedMetrics": results,
            "showAllRuns": True,
        }
        for number, paths in enumerate(dict.fromkeys(filter(None, [shared, *sets])))
    ]
    section = {
        "uuid": HYPERPARAMETERS_SECTION,
        "name": HYPERPARAMETERS_SECTION,
        "display": True,
        "isReordered": False,
        "columns": 1,
    }
    return {"compareRunCharts": charts, "compareRunSections": [section]} if charts else {}
