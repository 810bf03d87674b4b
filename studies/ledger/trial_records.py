"""Trial records: specification, facts and curves of a trial, without its generators and samples.

A Parquet file holds thousands of records, one row per trial: `spec` and `facts` as JSON, `error`, `seeds`, and the
`value` column of the curves. The few distinct curve indices are in the file's metadata; `index` is a trial's number
among them.
"""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from studies.design import TrialSpec
from studies.errors import InputError
from studies.ledger.curves import TrialCurves, curve_index
from studies.ledger.entries import Entry, Facts

STATES = ("finished", "failed", "running")
INDICES = b"curve_indices"
"""Key of the curve indices in the metadata of a Parquet file that `write_trials` wrote."""


@dataclass(frozen=True, eq=False)
class FinishedTrial:
    """Record of a finished trial."""

    spec: TrialSpec
    facts: Facts
    curves: TrialCurves
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


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Context with the garbage collector off: its scans double the time that creating many objects takes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def write_trials(trials: Sequence[TrialRecord], path: Path) -> None:
    """Write the records of trials into one Parquet file; equal records give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    finished = [trial if isinstance(trial, FinishedTrial) else None for trial in trials]
    indices = {
        index: number for number, index in enumerate(dict.fromkeys(trial.curves.index for trial in finished if trial))
    }
    errors = [trial.error if isinstance(trial, UnfinishedTrial) else None for trial in trials]
    table = pa.table(
        {
            "spec": pa.array([json.dumps(asdict(trial.spec)) for trial in trials], pa.string()),
            "facts": pa.array([_facts_to_json(trial) if trial else None for trial in finished], pa.string()),
            "error": pa.array(errors, pa.string()),
            "index": pa.array([indices[trial.curves.index] if trial else None for trial in finished], pa.int32()),
            "seeds": _lists([trial.curves.seeds if trial else () for trial in finished], np.int64),
            "value": _lists([trial.curves.value if trial else () for trial in finished], np.float64),
        }
    )
    columns = ("member", "step", "metric")
    index_tables = [
        {"metrics": index.metrics, **{name: getattr(index, name).tolist() for name in columns}} for index in indices
    ]
    table = table.replace_schema_metadata({INDICES: json.dumps(index_tables)})
    # bytes of equal significance are stored together: most values were float32, whose low bytes are 0 in float64
    encoding = {"value.list.element": "BYTE_STREAM_SPLIT"}
    pq.write_table(table, path, compression="zstd", use_dictionary=False, column_encoding=encoding)


def read_trials(path: Path) -> list[TrialRecord]:
    """The records that `write_trials` wrote into a file, with bitwise equal values.

    Errors: `InputError` for a file that another version wrote.
    """
    with garbage_collection_off():
        return _read(path)


def _read(path: Path) -> list[TrialRecord]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    metadata = table.schema.metadata or {}
    if INDICES not in metadata:
        raise InputError(
            f"{path}: was written by another version of gan-studies; run the study again under another name"
        )
    indices = [
        curve_index(np.array(index["member"]), np.array(index["step"]), np.array(index["metric"]), index["metrics"])
        for index in json.loads(metadata[INDICES])
    ]
    seeds, values = _arrays(table["seeds"]), _arrays(table["value"])
    columns = (table[name].to_pylist() for name in ("spec", "facts", "error", "index"))
    trials: list[TrialRecord] = []
    for row, (spec_json, facts, error, index) in enumerate(zip(*columns, strict=True)):
        spec = TrialSpec(**json.loads(spec_json))
        if facts is None:
            trials.append(UnfinishedTrial(spec, error))
        else:
            curves = TrialCurves(seeds[row], indices[index], values[row])
            trials.append(FinishedTrial(spec, _facts_from_json(facts, spec), curves))
    return trials


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
