"""Trial records: specification, facts and curves of a trial, without its generators and samples.

A Parquet file holds thousands of records, one row per trial: `spec` and `facts` as JSON, `error`, `seeds`, and the
`values` of the curves. The few distinct layouts of curves (metrics, steps, which were measured) are in the file's
metadata; `layout` is a trial's number among them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from studies.design import TrialSpec
from studies.errors import InputError
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, Facts

STATES = ("finished", "failed", "running")
LAYOUTS = b"curve_layouts"
"""Key of the layouts of curves in the metadata of a Parquet file that `write_trials` wrote."""


@dataclass(frozen=True, eq=False)
class FinishedTrial:
    """Record of a finished trial."""

    spec: TrialSpec
    facts: Facts
    curves: Curves
    state = "finished"


@dataclass(frozen=True, eq=False)
class UnfinishedTrial:
    """Record of a trial that was started and is running, was interrupted, or failed.

    error  why the trial failed; None if it did not fail
    """

    spec: TrialSpec
    error: str | None

    @property
    def state(self) -> str:
        """`running`, also for an interrupted trial, or `failed`."""
        return "running" if self.error is None else "failed"


TrialRecord = FinishedTrial | UnfinishedTrial


@dataclass(frozen=True, eq=False)
class RemoteTrials:
    """Records of trials whose files are on a tracking server.

    download  copies files of a trial, given by their names, into the trial's entry in the local ledger
    """

    trials: Sequence[TrialRecord]
    download: Callable[[Entry, Sequence[str]], None]


def read_trial(spec: TrialSpec, entry: Entry) -> TrialRecord:
    """The record of a trial that was started, from its entry in the ledger."""
    if entry.finished:
        return FinishedTrial(spec, entry.facts(), entry.curves())
    return UnfinishedTrial(spec, entry.error())


def write_trials(trials: Sequence[TrialRecord], path: Path) -> None:
    """Write the records of trials into one Parquet file; equal records give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    finished = [trial if isinstance(trial, FinishedTrial) else None for trial in trials]
    layouts = [_layout(trial.curves) if trial else None for trial in finished]
    numbers = {layout: number for number, layout in enumerate(dict.fromkeys(filter(None, layouts)))}
    errors = [trial.error if isinstance(trial, UnfinishedTrial) else None for trial in trials]
    table = pa.table(
        {
            "spec": pa.array([json.dumps(asdict(trial.spec)) for trial in trials], pa.string()),
            "facts": pa.array([_facts_to_json(trial) if trial else None for trial in finished], pa.string()),
            "error": pa.array(errors, pa.string()),
            "layout": pa.array([numbers[layout] if layout else None for layout in layouts], pa.int32()),
            "seeds": _lists([trial.curves.seeds if trial else () for trial in finished], np.int64),
            "values": _lists([trial.curves.values.reshape(-1) if trial else () for trial in finished], np.float64),
        }
    )
    table = table.replace_schema_metadata({LAYOUTS: json.dumps(list(numbers))})
    # bytes of equal significance are stored together: most values were float32, whose low bytes are 0 in float64
    encoding = {"values.list.element": "BYTE_STREAM_SPLIT"}
    pq.write_table(table, path, compression="zstd", use_dictionary=False, column_encoding=encoding)


def read_trials(path: Path) -> list[TrialRecord]:
    """The records that `write_trials` wrote into a file, with bitwise equal values.

    Errors: `InputError` for a file that another version wrote.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    metadata = table.schema.metadata or {}
    if LAYOUTS not in metadata:
        raise InputError(
            f"{path}: was written by another version of gan-studies; run the study again under another name"
        )
    layouts = [
        (tuple(layout["metrics"]), np.array(layout["steps"], dtype=np.int64), np.array(layout["measured"], dtype=bool))
        for layout in map(json.loads, json.loads(metadata[LAYOUTS]))
    ]
    seeds, values = _arrays(table["seeds"]), _arrays(table["values"])
    columns = (table[name].to_pylist() for name in ("spec", "facts", "error", "layout"))
    trials: list[TrialRecord] = []
    for row, (spec_json, facts, error, number) in enumerate(zip(*columns, strict=True)):
        spec = TrialSpec(**json.loads(spec_json))
        if facts is None:
            trials.append(UnfinishedTrial(spec, error))
        else:
            metrics, steps, measured = layouts[number]
            shaped = values[row].reshape(len(metrics), len(seeds[row]), len(steps))
            curves = Curves(metrics, seeds[row], steps, shaped, measured)
            trials.append(FinishedTrial(spec, _facts_from_json(facts, spec), curves))
    return trials


def _layout(curves: Curves) -> str:
    """Metrics, steps and which of them were measured, as JSON."""
    return json.dumps({"metrics": curves.metrics, "steps": curves.steps.tolist(), "measured": curves.measured.tolist()})


def _facts_to_json(trial: FinishedTrial) -> str:
    redundant = trial.facts.get("identity") == trial.spec.identity  # the spec holds this long text too
    return json.dumps(trial.facts | ({"identity": None} if redundant else {}))


def _facts_from_json(text: str, spec: TrialSpec) -> Facts:
    facts = json.loads(text)
    return facts | {"identity": spec.identity} if facts.get("identity", ...) is None else facts


def _lists(rows: Sequence[Sequence[float] | np.ndarray], dtype: type) -> Any:
    import pyarrow as pa

    offsets = np.cumsum([0, *(len(row) for row in rows)])
    return pa.LargeListArray.from_arrays(offsets, np.concatenate([np.empty(0, dtype), *rows]).astype(dtype))


def _arrays(column: Any) -> list[np.ndarray]:
    lists = column.combine_chunks()
    offsets, values = lists.offsets.to_numpy(), lists.values.to_numpy()
    return [values[start:end] for start, end in pairwise(offsets)]
