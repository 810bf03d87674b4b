"""The search of a study as an Optuna storage with one Optuna study per condition, as optuna-dashboard reads it."""

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd

from studies.design.suggestions import optuna_distribution, optuna_value
from studies.file.condition import Condition
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import END_NAMES
from studies.tables.results import Results
from studies.written_files import whole_file

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

PHASES = ("explore", "exploit")
"""Phases whose trials are exported: those from which the setting found is chosen, all on the validation split."""
SCORE = "search score"
"""Name of the value of a trial, which is maximised."""
_OF_TRIALS = ("distance", "late_distance", "failure_rate", "elapsed_seconds")
"""Columns of the table of trials that become user attributes; few, since Optuna writes each by itself."""
_OF_RANKING = ("rank", "distance", "distance_low", "distance_high", "failure_rate", "members")
"""Columns of the ranking that become the user attribute `confirmed` of an Optuna study."""


def write_optuna(results: Results, file: Path) -> dict[str, int]:
    """Write the explore and exploit trials of a study into a new SQLite file that Optuna reads.

    Returns the number of trials that were written for each Optuna study, by its name.

    There is an Optuna study STUDY:CONDITION for each condition. Its trials are those of explore and exploit that have
    ended, in this order. The value of a finished one is its search score, which is maximised; one that ended without a
    result, by its configuration, has the state FAIL. What a trial was and how its members ended are user attributes.

    Errors: `OSError` if the file cannot be written.
    """
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        # a path may hold characters that mean something in the address of a database
        with TemporaryDirectory(prefix="gan-studies-") as folder:
            database = Path(folder) / "optuna.db"
            counts = _write_database(results, f"sqlite:///{database}")
            with whole_file(file) as temporary:
                shutil.copyfile(database, temporary)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return counts


def _write_database(results: Results, address: str) -> dict[str, int]:
    import optuna
    from optuna.exceptions import ExperimentalWarning

    trials = _exported_trials(results)
    counts = {}
    storage = optuna.storages.RDBStorage(address)
    try:
        for condition in results.study.conditions:
            name = f"{results.study.name}:{condition.name}"
            study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
            with catch_warnings():
                simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names([SCORE])
            for key, value in _study_attributes(results, condition).items():
                study.set_user_attr(key, value)
            study.add_trials(trials[condition.name])
            counts[name] = len(trials[condition.name])
    finally:
        storage.remove_session()
        storage.engine.dispose()
    return counts


def _study_attributes(results: Results, condition: Condition) -> dict[str, Any]:
    """User attributes of an Optuna study; `confirmed` is its row of the ranking, if the condition has one."""
    ranking = results.ranking
    rows = ranking[ranking["condition"] == condition.name][list(_OF_RANKING)].to_dict("records")
    attributes: dict[str, Any] = {
        "study": results.study.name,
        "condition": condition.name,
        "question": results.question,
        "distance": results.study.distance,
    }
    return attributes | ({"confirmed": _present(rows[0])} if rows else {})


def _exported_trials(results: Results) -> "dict[str, list[FrozenTrial]]":
    """The trials of each condition as Optuna's."""
    spaces = {
        condition.name: {path: optuna_distribution(law) for path, law in condition.hyperparameters.items()}
        for condition in results.study.conditions
    }
    keys = ["condition", "phase", "trial"]
    outcomes = results.members.groupby([*keys, "outcome"], observed=True).size()
    counted: dict[tuple[Any, ...], dict[str, int]] = {}
    for (*key, outcome), members in outcomes.items():
        counted.setdefault(tuple(key), {})[str(outcome)] = int(members)
    exported: dict[str, list[FrozenTrial]] = {name: [] for name in spaces}
    for record, row in zip(results.trial_records, results.trials.to_dict("records"), strict=True):
        spec = record.spec
        if spec.phase in PHASES and (record.finished or record.state in END_NAMES):
            ended = counted.get((spec.condition, spec.phase, spec.index), {})
            exported[spec.condition].append(_trial(record, row, ended, spaces[spec.condition]))
    return exported


def _trial(
    record: TrialRecord, row: Mapping[Any, Any], outcomes: Mapping[str, int], space: "Mapping[str, BaseDistribution]"
) -> "FrozenTrial":
    """A trial as Optuna's; `row` is its row of the table of trials, `outcomes` the number of members with each."""
    from optuna.trial import TrialState, create_trial

    spec = record.spec
    attributes: dict[str, Any] = {
        "name": spec.name,
        "phase": spec.phase,
        "state": record.state,
        **{f"members {outcome}": number for outcome, number in outcomes.items()},
        **_present({name: row[name] for name in _OF_TRIALS}),
    }
    if record.end is not None:
        attributes["reason"] = record.end.reason
    trial = create_trial(
        state=TrialState.COMPLETE if record.finished else TrialState.FAIL,
        value=float(row["search_score"]) if record.finished else None,
        params={path: optuna_value(value) for path, value in spec.configuration.items()},
        distributions={path: space[path] for path in spec.configuration},
        user_attrs=attributes,
    )
    ended = datetime.fromtimestamp(record.facts["ended_at"] if record.end is None else record.end.at)
    seconds = row["elapsed_seconds"] if record.finished else 0
    trial.datetime_start, trial.datetime_complete = ended - timedelta(seconds=seconds), ended
    return trial


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that exist, as Python's own numbers."""
    found = {name: value for name, value in values.items() if not pd.isna(value)}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}
