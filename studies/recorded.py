"""What is known of each trial of a study, without its generators and samples; and thousands of them in one file.

The file is Parquet, a row per trial: `planned`, `facts` and `error` as JSON, and the values of its curves, whose
layouts, few of them, stand in the file's own notes.
"""

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from studies.course import Course, Layout, layout_of
from studies.design import Planned
from studies.ledger import Entry, Facts

STATES = ("finished", "failed", "running")


@dataclass(frozen=True, eq=False)
class Finished:
    """A trial that counts."""

    planned: Planned
    facts: Facts
    course: Course
    state = "finished"


@dataclass(frozen=True, eq=False)
class Unfinished:
    """A trial that was started and is running, interrupted, or given up for this error."""

    planned: Planned
    error: str | None

    @property
    def state(self) -> str:
        return "running" if self.error is None else "failed"


Recorded = Finished | Unfinished


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Trials that are not in the ledger here.

    bring  lets files of a trial, by their names, appear in its folder here
    """

    trials: Sequence[Recorded]
    bring: Callable[[Entry, Sequence[str]], None]


def recorded(planned: Planned, entry: Entry) -> Recorded:
    """A trial of the ledger here."""
    if entry.finished:
        return Finished(planned, entry.facts(), entry.course())
    return Unfinished(planned, entry.error())


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, which doubles the time of making many objects by looking through all of them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def write(trials: Sequence[Recorded], path: Path) -> None:
    """Write them into one file: the same trials give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    finished = [one if isinstance(one, Finished) else None for one in trials]
    layouts = _numbered(one.course.layout for one in finished if one)
    errors = [one.error if isinstance(one, Unfinished) else None for one in trials]
    table = pa.table(
        {
            "planned": pa.array([json.dumps(asdict(one.planned)) for one in trials], pa.string()),
            "facts": pa.array([_facts_text(one) if one else None for one in finished], pa.string()),
            "error": pa.array(errors, pa.string()),
            "layout": pa.array([layouts[one.course.layout] if one else None for one in finished], pa.int32()),
            "seeds": _lists([one.course.seeds if one else () for one in finished], np.int64),
            "value": _lists([one.course.value if one else () for one in finished], np.float64),
        }
    )
    columns = ("place", "step", "metric")
    notes = [
        {"metrics": layout.metrics, **{name: getattr(layout, name).tolist() for name in columns}} for layout in layouts
    ]
    table = table.replace_schema_metadata({"layouts": json.dumps(notes)})
    # the bytes of equal significance stand together: float64 that was float32 has many zeros among them
    encoding = {"value.list.element": "BYTE_STREAM_SPLIT"}
    pq.write_table(table, path, compression="zstd", use_dictionary=False, column_encoding=encoding)


def read(path: Path) -> list[Recorded]:
    """The trials of such a file, to the last bit as they were written."""
    with uncollected():
        return _read(path)


def _read(path: Path) -> list[Recorded]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    layouts = [
        layout_of(np.array(one["place"]), np.array(one["step"]), np.array(one["metric"]), one["metrics"])
        for one in json.loads(table.schema.metadata[b"layouts"])
    ]
    seeds, values = _arrays(table["seeds"]), _arrays(table["value"])
    texts = (table[name].to_pylist() for name in ("planned", "facts", "error", "layout"))
    trials: list[Recorded] = []
    for place, (text, facts, error, layout) in enumerate(zip(*texts, strict=True)):
        planned = Planned(**json.loads(text))
        if facts is None:
            trials.append(Unfinished(planned, error))
        else:
            course = Course(seeds[place], layouts[layout], values[place])
            trials.append(Finished(planned, _facts(facts, planned), course))
    return trials


def _numbered(layouts: Iterable[Layout]) -> dict[Layout, int]:
    """The layouts that occur, in the order of their first occurrence."""
    return {layout: number for number, layout in enumerate(dict.fromkeys(layouts))}


def _facts_text(trial: Finished) -> str:
    as_planned = trial.facts.get("identity") == trial.planned.identity  # most of the text: it is not written twice
    return json.dumps(trial.facts | ({"identity": None} if as_planned else {}))


def _facts(text: str, planned: Planned) -> Facts:
    facts = json.loads(text)
    return facts | {"identity": planned.identity} if facts.get("identity", ...) is None else facts


def _lists(rows: Sequence[Sequence[float] | np.ndarray], dtype: type) -> Any:
    import pyarrow as pa

    ends = np.cumsum([0, *(len(row) for row in rows)])
    return pa.LargeListArray.from_arrays(ends, np.concatenate([np.empty(0, dtype), *rows]).astype(dtype))


def _arrays(column: Any) -> list[np.ndarray]:
    lists = column.combine_chunks()
    ends, held = lists.offsets.to_numpy(), lists.values.to_numpy()
    return [held[start:end] for start, end in pairwise(ends)]
