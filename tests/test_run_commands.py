import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import command_line
import pandas as pd
import pytest
from command_line import Answer, Call, assert_refused, options_of
from full_disk import files_of_at_most
from tiny import clean_environment, gan_study, run_without_ray, schedule_without_ray

from studies.design import least, total
from studies.file.source import catalog
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.locate import results

call, tiny_file, copied_root = command_line.call, command_line.tiny_file, command_line.copied_root

# -- refused before anything starts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("resources.cpu=100000", "resources.cpu: must be <= "),
        ("resources.gpu=1000", "resources.gpu: must be <= "),
        ("ledger.root=tiny.toml", "ledger.root: must be a folder, but "),
        ("ledger.root=tiny.toml/deeper", "ledger.root: cannot write below "),
        ("ledger.root=s3://bucket/studies", "ledger.root: must be a folder, on this machine or on a shared mount, but"),
        ("ledger.root=file:///tmp/studies", "ledger.root: must be a folder, on this machine or on a shared mount, but"),
        ("ledger.root=/proc/gan-studies", "ledger.root: cannot write below /proc/gan-studies ("),
        ("ledger.root=~no-such-user", "ledger.root: must be a folder, but is ~no-such-user ("),
    ],
)
def test_what_cannot_run_here_is_refused_before_anything_starts(
    call: Call, tiny_file: Path, assignment: str, sentence: str, tmp_path: Path
) -> None:
    assert_refused(call("run", tiny_file, "--set", assignment), sentence)
    assert os.listdir(tmp_path) == ["tiny.toml"]


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("seeds=3", "seeds: the ledger holds a study 'tiny' with 2 here, but this file says 3; give the new"),
        ("budget.steps=40", "budget.steps: the ledger holds a study 'tiny' with 36 here, but this file says 40"),
        ("search.seed=1", "search.seed: the ledger holds a study 'tiny' with 0 here, but this file says 1"),
        ("search.sampler=random", "search.sampler: the ledger holds a study 'tiny' with 'tpe' here, but"),
        ("data={kind='digits',held_out=300}", "data.held_out: the ledger holds a study 'tiny' with 400 here, but"),
        ("evaluation.cells=5", "evaluation.cells: the ledger holds a study 'tiny' with 4 here, but this file says 5"),
    ],
)
def test_a_changed_study_of_the_same_name_is_refused_with_old_and_new(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, assignment: str, sentence: str
) -> None:
    record = (copied_root / "studies" / "tiny" / "study.json").read_text()
    assert_refused(call("run", tiny_file, *options_of(finished_study), "--set", assignment), sentence)
    assert (copied_root / "studies" / "tiny" / "study.json").read_text() == record


def test_a_study_that_another_run_writes_is_refused(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    with Ledger(copied_root).writing("tiny"):
        answer = call("run", tiny_file, *options_of(finished_study))
    assert_refused(answer, "name: another run is writing the study 'tiny' at this moment, on ")


def test_a_damaged_ledger_is_refused_and_mended_by_a_run(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    before = call("results", "tiny").out
    confirmed = results("tiny", root=copied_root).trial_records[-2:]
    for segment in [Path(trial.entry.place) for trial in confirmed if trial.entry is not None]:
        segment.write_bytes(segment.read_bytes()[:-1])
    answer = call("results", "tiny")
    assert_refused(answer, str(copied_root / "trials"))
    assert "(it is no whole Parquet file); to repair the ledger, use gan-study doctor --mend" in answer.err
    with patch("studies.execution.runner._schedule", schedule_without_ray):
        mended = call("run", tiny_file, *options_of(finished_study))
    assert (mended.code, mended.err) == (0, "")
    assert mended.out.count("warning: ") == mended.out.count(" and was set aside as set-aside/trials.") == 2
    assert mended.out.startswith(f"warning: {copied_root / 'trials'}")
    assert "tiny: 10 trials of 2 seeds (3 in confirm), 8 of them in the ledger already\n" in mended.out
    assert call("results", "tiny").out == before


def test_a_full_disk_is_a_failure_in_one_sentence(call: Call, tiny_file: Path) -> None:
    with files_of_at_most(100):
        answer = call("run", tiny_file)
    assert answer.code == 1
    assert answer.err.startswith("gan-study: the ledger cannot be written: ")
    assert answer.err.count("\n") == 1


# -- a finished study ------------------------------------------------------------------------------------------------


def test_a_finished_study_run_again_prints_the_same_table_and_starts_no_ray(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    import ray

    before = {path: path.stat().st_mtime_ns for path in (copied_root / "trials").rglob("*")}
    answer = call("run", tiny_file, *options_of(finished_study))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("tiny: 10 trials of 2 seeds (3 in confirm), 10 of them in the ledger already\n")
    assert not ray.is_initialized()
    assert {path: path.stat().st_mtime_ns for path in (copied_root / "trials").rglob("*")} == before
    assert call("results", "tiny").out in answer.out
    for condition in ("wgan", "gan"):
        for file in (f"{condition}.png", f"nearest/{condition}.png", f"interpolations/{condition}.png"):
            assert (copied_root / "studies" / "tiny" / "samples" / file).stat().st_size > 1000
    first = results("tiny", root=copied_root).ranking.iloc[0]
    sheet = copied_root / "studies" / "tiny" / "samples" / f"{first['condition']}.png"
    ranks = ", which ranks first" if pd.notna(first["distance"]) else ""
    assert f"\nsamples: {sheet} shows fakes of {first['condition']}{ranks}\n" in answer.out


def next_commands(answer: Answer) -> list[list[str]]:
    return [shlex.split(line) for line in answer.out.split("next: ")[1].splitlines()]


def test_a_run_prints_the_next_commands(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, tmp_path: Path
) -> None:
    answer = call("run", tiny_file, *options_of(finished_study))
    assert next_commands(answer) == [
        ["gan-study", "compare", "tiny"],
        ["gan-study", "report", "tiny"],
        ["gan-study", "results", "tiny", "--table", "members", "--format", "csv"],
        ["python", "-c", 'import studies; print(studies.results("tiny").trials)'],
    ]


def test_the_next_commands_of_a_run_work_with_any_ledger(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, tmp_path: Path
) -> None:
    copied_root.rename(tmp_path / "another folder")
    answer = call("run", tiny_file, *options_of(finished_study), "--set", "ledger.root=another folder")
    *commands, program = next_commands(answer)
    assert [call(*command[1:]).code for command in commands] == [0, 0, 0]
    printed = subprocess.run([sys.executable, *program[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "[10 rows x 17 columns]" in printed.stdout, printed.stderr


def test_a_run_prints_json_on_standard_output_and_its_progress_on_standard_error(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    answer = call("run", tiny_file, *options_of(finished_study), "--json")
    printed, ranking = json.loads(answer.out), results("tiny", root=copied_root).ranking
    assert printed["interrupted"] is False
    assert [row["condition"] for row in printed["ranking"]] == ranking["condition"].tolist()
    assert "10 trials of 2 seeds (3 in confirm)" in answer.err


# -- the catalog -----------------------------------------------------------------------------------------------------


@pytest.mark.soak
def test_the_first_study_runs_at_twenty_steps(tmp_path: Path) -> None:
    done = gan_study("run", "first-study", "--smoke", folder=tmp_path, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    study = Study.load("first-study", smoke=True)
    trials = 4 * len(study.conditions)
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [line.split("/")[0] for line in lines] == [f"[{number:>2}" for number in range(1, trials + 1)]
    local = results(study.name, root=tmp_path / "gan-studies")
    assert local.trials["state"].tolist() == ["finished"] * trials
    assert len(local.ranking) == len(study.conditions)
    assert (local.trials["critic_steps"] == 100).all()
    assert "It works: every phase of the study ran to its end on this machine." in done.stdout
    for condition in study.conditions:
        assert f" {condition.name} " in done.stdout.split("fresh seeds")[1]
        sheet = tmp_path / "gan-studies" / "studies" / study.name / "samples" / f"{condition.name}.png"
        assert sheet.stat().st_size > 1000


SLOWER = (
    "presets-on-",
    "images-",
    "best-and-late",
    "ebgan-margin",
    "conditional-",
    "critic-",
    "penalty-",
    "loss-",
    "clip-",
)
"""Beginnings of studies that train for longer than the others."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.soak) if name.startswith(SLOWER) else name
        for name in catalog()
        if name != "first-study"
    ],
)
def test_every_other_study_of_the_catalog_trains_every_condition(
    name: str, tmp_path: Path, shipped_images: Callable[[str], list[str]]
) -> None:
    study = Study.load(name, overrides=[f"ledger.root={tmp_path}", *shipped_images(name)], smoke=True)
    result = run_without_ray(study)
    assert (result.without_result, result.interrupted) == ([], False)
    local = results(study.name, root=tmp_path)
    trials = len(local.trials)
    assert local.trials["state"].tolist() == ["finished"] * trials
    assert least(study) <= trials <= total(study)  # undecided pairs get further fresh seeds
    spent = local.trials[study.budget.unit]
    n_critic = local.trials.get("training.n_critic", pd.Series(1, local.trials.index)).fillna(1).astype(int)
    rest = study.budget.steps - spent
    assert ((rest >= 0) & (rest < n_critic)).all(), "the rest is enough for a further iteration"
    assert set(local.members["condition"]) == {condition.name for condition in study.conditions}
