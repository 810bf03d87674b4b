"""Many trials in one file: as they were in the ledger, to the last bit."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated import simulate

from studies.course import Course
from studies.design import Planned
from studies.ledger import Entry
from studies.recorded import Elsewhere, Finished, Recorded, Unfinished, read, write
from studies.results import Results

TABLES = ("trials", "members", "curves", "ranking")


def course(*, seeds: Sequence[int] = (3, 4), metrics: Sequence[str] = ("a", "b"), start: float = 0.0) -> Course:
    index = pd.MultiIndex.from_product([seeds, [0, 5, 10], metrics], names=["seed", "step", "metric"])
    values = start + np.arange(len(index)) / 7
    values[:3] = [np.nan, np.inf, -0.0]
    return course_of(pd.DataFrame({"value": values}, index=index).reset_index())


def course_of(frame: pd.DataFrame) -> Course:
    metric, metrics = pd.factorize(frame["metric"])
    return Course.of(
        frame["seed"].to_numpy(), frame["step"].to_numpy(), metric, list(metrics), frame["value"].to_numpy()
    )


def planned(index: int, seeds: Sequence[int] = (3, 4)) -> Planned:
    identity = {"seeds": list(seeds), "lr": 0.1 + index}
    return Planned(
        condition="wgan",
        phase="explore",
        index=index,
        configuration={"lr": 1 / 3},
        identity=identity,
        address=f"{index:024x}",
    )


def as_it_is(trial: Recorded) -> object:
    if isinstance(trial, Unfinished):
        return asdict(trial)
    layout = trial.course.layout
    columns = (trial.course.seeds, trial.course.value, layout.place, layout.step, layout.metric)
    return asdict(trial.planned), trial.facts, layout.metrics, [column.tobytes() for column in columns]


MANY: list[Recorded] = [
    Finished(planned(0), {"identity": planned(0).identity, "lines": {"gaussian": None}}, course()),
    Unfinished(planned(1), "RuntimeError: out of luck"),
    Finished(planned(2, (7, 8)), {"identity": {"another": 1}}, course(seeds=(7, 8), start=0.1)),
    Unfinished(planned(3), None),
    Finished(planned(4, range(3)), {"seconds": 0.1}, course(seeds=range(3), metrics=("b", "c"))),
]


@pytest.mark.parametrize("trials", [MANY, MANY[1:2], []], ids=["many", "none finished", "none"])
def test_trials_come_back_from_a_file_as_they_were(trials: list[Recorded], tmp_path: Path) -> None:
    write(trials, tmp_path / "file")
    assert [as_it_is(trial) for trial in read(tmp_path / "file")] == [as_it_is(trial) for trial in trials]


def test_the_same_trials_give_the_same_bytes(tmp_path: Path) -> None:
    write(MANY, tmp_path / "one")
    write(read(tmp_path / "one"), tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_trials_that_measured_alike_share_a_layout() -> None:
    one, same, other = course(), course(seeds=(7, 8), start=1.0), course(metrics=("b", "c"))
    assert one.layout is same.layout is not other.layout


def test_what_was_measured_does_not_depend_on_the_order_of_the_rows() -> None:
    columns = {"seed": [4, 3, 3, 4, 3], "step": [5, 0, 5, 0, 0], "metric": ["b", "b", "b", "b", "a"]}
    found = course_of(pd.DataFrame({**columns, "value": [1.0, 2.0, 3.0, 4.0, 5.0]}))
    np.testing.assert_array_equal(found.measured("b"), [[2.0, 3.0], [4.0, 1.0]])
    np.testing.assert_array_equal(found.measured("a"), [[5.0, np.nan], [np.nan, np.nan]])
    assert found.measured("c") is None


def test_tables_of_a_file_equal_those_of_the_ledger(tmp_path: Path) -> None:
    def fate(trial: Planned, seed: int) -> Sequence[float] | None:
        return None if trial.index == 1 else [0.0, 0.5, 0.9 - seed % 3 / 3]

    here = simulate(tmp_path, fate)
    write(here.recorded[::-1], tmp_path / "file")

    def bring(entry: Entry, files: Sequence[str]) -> None:
        raise AssertionError("no table needs a trial's own files")

    record = here.ledger.read_study(here.study.name)
    assert record is not None
    there = Results(here.ledger, record, Elsewhere(read(tmp_path / "file"), bring))
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(there, table), getattr(here, table), check_exact=True)
    assert (there.lines, there.search_lines) == (here.lines, here.search_lines)
