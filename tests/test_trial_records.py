"""Many trials in one file: the same as in the ledger, bit for bit."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated import simulate

from studies.design import TrialSpec
from studies.errors import InputError
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry
from studies.ledger.trial_records import (
    FinishedTrial,
    RemoteTrials,
    TrialRecord,
    UnfinishedTrial,
    read_trials,
    write_trials,
)
from studies.tables.results import Results

TABLES = ("trials", "members", "curves", "ranking")


def curves(*, seeds: Sequence[int] = (3, 4), metrics: Sequence[str] = ("a", "b"), start: float = 0.0) -> Curves:
    """Curves whose last metric is measured at the last step alone."""
    values = start + np.arange(3 * len(metrics) * len(seeds)).reshape(3, len(metrics), len(seeds)) / 7
    values[0, 0, :2] = [np.inf, -0.0]
    evaluations = [dict(zip(metrics, of_step, strict=True)) for of_step in values.tolist()]
    for evaluation in evaluations[:-1]:
        del evaluation[metrics[-1]]
    return Curves.from_evaluations(seeds, [0, 5, 10], evaluations)


def spec(index: int, seeds: Sequence[int] = (3, 4)) -> TrialSpec:
    identity = {"seeds": list(seeds), "lr": 0.1 + index}
    return TrialSpec(
        condition="wgan",
        phase="explore",
        index=index,
        configuration={"lr": 1 / 3},
        identity=identity,
        address=f"{index:024x}",
    )


def content(trial: TrialRecord) -> object:
    """Everything in a record, its arrays as bytes."""
    if isinstance(trial, UnfinishedTrial):
        return asdict(trial)
    curves = trial.curves
    arrays = (curves.seeds, curves.steps, curves.values, curves.measured)
    return asdict(trial.spec), trial.facts, curves.metrics, [(array.shape, array.tobytes()) for array in arrays]


MANY: list[TrialRecord] = [
    FinishedTrial(spec(0), {"identity": spec(0).identity, "reference_distances": {"gaussian": None}}, curves()),
    UnfinishedTrial(spec(1), "RuntimeError: out of luck"),
    FinishedTrial(spec(2, (7, 8)), {"identity": {"another": 1}}, curves(seeds=(7, 8), start=0.1)),
    UnfinishedTrial(spec(3), None),
    FinishedTrial(spec(4, range(3)), {"seconds": 0.1}, curves(seeds=range(3), metrics=("b", "c"))),
]


@pytest.mark.parametrize("trials", [MANY, MANY[1:2], []], ids=["many", "none finished", "none"])
def test_trials_read_from_a_file_equal_those_written(trials: list[TrialRecord], tmp_path: Path) -> None:
    write_trials(trials, tmp_path / "file")
    assert [content(trial) for trial in read_trials(tmp_path / "file")] == [content(trial) for trial in trials]


def test_equal_trials_give_equal_bytes(tmp_path: Path) -> None:
    write_trials(MANY, tmp_path / "first")
    write_trials(read_trials(tmp_path / "first"), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"planned": ["{}"], "facts": ["{}"]}).to_parquet(tmp_path / "file")
    with pytest.raises(InputError, match=r"file: was written by another version of gan-studies; run the study again "):
        read_trials(tmp_path / "file")


def test_tables_from_a_file_equal_those_from_the_ledger(tmp_path: Path) -> None:
    def progress(trial: TrialSpec, seed: int) -> Sequence[float] | None:
        return None if trial.index == 1 else [0.0, 0.5, 0.9 - seed % 3 / 3]

    local = simulate(tmp_path, progress)
    write_trials(local.trial_records[::-1], tmp_path / "file")

    def download(entry: Entry, files: Sequence[str]) -> None:
        raise AssertionError("no table needs a trial's own files")

    record = local.ledger.read_study(local.study.name)
    assert record is not None
    remote = Results(local.ledger, record, RemoteTrials(read_trials(tmp_path / "file"), download))
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(remote, table), getattr(local, table), check_exact=True)
    assert remote.reference_distances == local.reference_distances
    assert remote.validation_reference_distances == local.validation_reference_distances
