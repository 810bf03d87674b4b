"""Runs of a study: which trials run, which do not run again, and what an interruption costs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import joblib
import pandas as pd
import pytest
from tiny import (
    SMALLER,
    clean_environment,
    command,
    finished,
    gan_study,
    ledger_of,
    run_without_ray,
    same_numbers,
    study_in,
)

from studies.design import Design, payload
from studies.errors import InputError
from studies.execution.driver_process import run
from studies.execution.runner import _provenance
from studies.file.search import Exploit
from studies.file.study import Study
from studies.ledger.leases import Lease
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.locate import results
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.progress.standing import Needed, Standing


class EventLog(Listener):
    """Records the events of a run."""

    def __init__(self) -> None:
        self.counts: tuple[int, int] | None = None
        self.ran: list[str] = []
        self.reused: list[str] = []
        self.warnings: list[str] = []

    def opened(self, standing: Standing, needed: Needed) -> None:
        self.counts = len(standing.ended) + standing.pending, standing.pending

    def ended(self, trial: TrialRecord) -> None:
        self.ran.append(trial.spec.name)

    def warned(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self.reused += [trial.spec.name for trial in trials]


def plan_of(study: Study) -> dict[str, str]:
    """Key of every known trial, by its name."""
    return {trial.name: trial.key for trial in progress_of(study).trials()}


def progress_of(study: Study) -> StudyProgress:
    ledger = ledger_of(study)
    return StudyProgress(Design(study, _provenance(study)), ledger, Lease(ledger.storage, "studies/unwritten", 1))


def assert_same_studies(first: Study, second: Study) -> None:
    """Assert that both ledgers hold the same trials with the same bits, all phases included, and no others."""
    assert plan_of(first) == plan_of(second)
    assert progress_of(first).pending() == []
    entries, others = finished(ledger_of(first)), finished(ledger_of(second))
    assert set(entries) == set(others) == set(plan_of(first).values())
    for key, entry in entries.items():
        assert same_numbers(entry, others[key])
    tables = [results(study.name, root=study.ledger.root) for study in (first, second)]
    pd.testing.assert_frame_equal(tables[0].members, tables[1].members, check_exact=True)
    pd.testing.assert_frame_equal(tables[0].ranking, tables[1].ranking, check_exact=True)
    assert not tables[0].members.duplicated(["condition", "phase", "trial", "seed"]).any()


@pytest.fixture
def copied(finished_study: Study, tmp_path: Path) -> Study:
    """The finished study in a ledger that a test may change."""
    shutil.copytree(finished_study.ledger.root, tmp_path / "copy")
    return replace(finished_study, ledger=replace(finished_study.ledger, root=str(tmp_path / "copy")))


# -- without Ray -------------------------------------------------------------------------------------------------------


def test_a_run_reports_every_trial_once_and_a_second_run_reports_none(tmp_path: Path) -> None:
    study = study_in(tmp_path, *SMALLER, "search.explore=1")
    first, second = EventLog(), EventLog()
    ended = run_without_ray(study, first)
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert first.counts == (2, 2)
    assert sorted(first.ran) == sorted(plan_of(study))
    assert len(first.ran) == 6
    run_without_ray(study, second)
    assert second.counts == (6, 0)
    assert second.ran == []


def test_only_deleted_trials_are_run_again(copied: Study, finished_study: Study) -> None:
    plan = plan_of(copied)
    deleted = ["wgan-explore-0", "gan-explore-2", "gan-exploit-0", "wgan-confirm-0", "gan-confirm-0"]
    ledger_of(copied).remove(plan[name] for name in deleted)
    log = EventLog()
    run_without_ray(copied, log)
    assert sorted(log.ran) == sorted(deleted)
    assert log.counts is not None
    assert log.counts[0] - log.counts[1] + len(log.ran) + len(log.reused) == len(plan)
    assert_same_studies(copied, finished_study)


def test_an_extended_study_runs_only_what_is_missing(copied: Study) -> None:
    before = plan_of(copied)
    facts_before = {key: entry.facts for key, entry in finished(ledger_of(copied)).items()}
    more = replace(copied, search=replace(copied.search, explore=4))
    log = EventLog()
    run_without_ray(more, log)
    assert {"wgan-explore-3", "gan-explore-3"} <= set(log.ran)
    assert sorted(log.ran) == sorted(name for name, key in plan_of(more).items() if key not in facts_before)
    assert not {name for name in log.ran if name in before and "explore" in name}
    after = finished(ledger_of(copied))
    assert {key: after[key].facts for key in facts_before} == facts_before


def test_a_study_whose_leases_are_lost_is_read_from_its_newest_plan(copied: Study) -> None:
    run_without_ray(copied)
    run_without_ray(copied)
    shutil.rmtree(ledger_of(copied).study_folder("tiny") / "lease")
    run_without_ray(replace(copied, search=replace(copied.search, explore=4)))
    assert results("tiny", root=copied.ledger.root).trials["phase"].tolist().count("explore") == 2 * 4


def test_a_further_condition_changes_nothing_of_the_others(copied: Study) -> None:
    before = plan_of(copied)
    third = replace(copied.conditions[0], name="third", table={**copied.conditions[0].table}, hyperparameters={})
    third = replace(third, table={**third.table, "constraint": {"kind": "none"}})
    more = replace(copied, conditions=(third, *copied.conditions[::-1]))
    log = EventLog()
    run_without_ray(more, log)
    assert sorted(log.ran) == [
        "third-confirm-0",
        *("third-exploit-0", "third-explore-0", "third-explore-1", "third-explore-2"),
    ]
    assert {name: key for name, key in plan_of(more).items() if name in before} == before
    fewer = results(copied.name, root=copied.ledger.root)
    assert fewer.trials["condition"].cat.categories.tolist() == ["third", "gan", "wgan"]


def test_a_changed_file_says_which_trials_it_leaves_and_the_former_one_finds_them(
    copied: Study, tmp_path: Path
) -> None:
    wider = study_in(tmp_path, *SMALLER, "conditions.gan.networks.critic.width=13", f"ledger.root={copied.ledger.root}")
    log = EventLog()
    run_without_ray(wider, log)
    assert log.warnings == [
        "gan: 5 finished trials of the former file leave the study's tables and others are trained, since "
        "networks.critic.width was 12 and is 13; a run of the former file finds them again"
    ]
    assert len(log.ran) == 5
    fewer = EventLog()
    run_without_ray(replace(wider, conditions=wider.conditions[:1]), fewer)
    assert fewer.warnings == [
        "5 finished trials leave the study's tables, since the file has their conditions, or so many trials, no "
        "longer; the ledger keeps them"
    ]
    again = EventLog()
    run_without_ray(copied, again)
    assert (again.ran, again.warnings) == ([], [])


def test_a_condition_that_is_dropped_leaves_the_tables(copied: Study) -> None:
    run_without_ray(replace(copied, conditions=copied.conditions[:1]))
    found = results(copied.name, root=copied.ledger.root)
    assert found.ranking["condition"].tolist() == ["wgan"]
    assert set(found.members["condition"]) == {"wgan"}
    log = EventLog()
    run_without_ray(copied, log)  # and comes back without a trial
    assert log.ran == []
    assert len(results(copied.name, root=copied.ledger.root).ranking) == 2


def test_two_studies_share_their_trials(copied: Study) -> None:
    log = EventLog()
    run_without_ray(replace(copied, name="another"), log)
    assert log.ran == []
    assert len(results("another", root=copied.ledger.root).members) == 22


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (lambda study: replace(study, seeds=3), "seeds"),
        (lambda study: replace(study, search=replace(study.search, exploit=Exploit(batch=2))), "search.exploit.batch"),
        (lambda study: replace(study, evaluation=replace(study.evaluation, directions=17)), "evaluation.directions"),
    ],
)
def test_a_different_study_under_the_same_name_is_refused(
    copied: Study, changed: Callable[[Study], Study], path: str
) -> None:
    with pytest.raises(InputError, match=f"^{path}: the ledger holds a study 'tiny' with "):
        run_without_ray(changed(copied))


def test_a_field_missing_in_a_recorded_study_has_its_default(copied: Study) -> None:
    ledger = ledger_of(copied)
    record = ledger.read_study("tiny")
    assert record is not None
    del record["study"]["search"]["start"]
    ledger.write_study("tiny", record)
    log = EventLog()
    run_without_ray(copied, log)
    assert log.ran == []


def test_settings_that_change_no_number_may_change(copied: Study) -> None:
    log = EventLog()
    changed = replace(
        copied,
        resources=replace(copied.resources, cpu=0.5),
        limits=replace(copied.limits, trial_retries=0),
        checkpoint=replace(copied.checkpoint, every_seconds=1.0),
        outcomes=replace(copied.outcomes, near=0.2),
    )
    run_without_ray(changed, log)
    assert log.ran == []


def test_a_listener_that_fails_does_not_end_a_study(tmp_path: Path) -> None:
    class Failing(EventLog):
        def ended(self, trial: TrialRecord) -> None:
            super().ended(trial)
            raise RuntimeError("no more paper")

    failing = Failing()
    study = study_in(tmp_path, *SMALLER, "search.explore=1")
    ended = run_without_ray(study, failing)
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert set(failing.ran) == set(plan_of(study))


START = """if True:
    from studies.errors import StudyFailed
    from studies.execution.resources import this_machine
    from studies.execution.runner import _ray
    try:
        with _ray(this_machine(), print):
            pass
    except StudyFailed as error:
        print(error)
"""


@pytest.mark.slow
def test_a_ray_that_cannot_be_started_is_said_in_one_sentence(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 100)  # for the path of a socket
    program = [sys.executable, "-c", START]
    done = subprocess.run(program, env=clean_environment(RAY_TMPDIR=str(too_long)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Ray cannot be started on this machine: OSError: ")
    assert done.stdout.count("\n") == 1


# -- with a real local Ray ---------------------------------------------------------------------------------------------

# One trial of every four trains ten times as long as the others, so that it can be interrupted.
LONG = (
    "search.explore=4",
    "search.packs=true",
    "conditions.gan.training.n_critic={grid=[1,2,3,100]}",
    "checkpoint.every_seconds=0.1",
)
NO_CLUSTER = "192.0.2.1:6379"
"""A leftover of another program: no Ray runs there."""


def long_study(folder: Path) -> Study:
    return study_in(folder, *LONG)


def arguments(study: Study, *further: str) -> list[str]:
    """Arguments of `gan-study` that run the study in this folder."""
    settings = [f"ledger.root={study.ledger.root}", *LONG, *further]
    return ["run", "study.toml", *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    study = long_study(folder)
    return study, gan_study(*arguments(study), folder=folder, env=clean_environment(RAY_ADDRESS=NO_CLUSTER))


@pytest.fixture(scope="module")
def undisturbed(first_run: tuple[Study, subprocess.CompletedProcess[str]]) -> Study:
    study, done = first_run
    assert done.returncode == 0, done.stderr
    return study


def until(happened: Callable[[], object], *, seconds: float = 120, every: float = 0.005) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(every)


def checkpoints(study: Study) -> list[Path]:
    return list(Path(study.ledger.root).glob("running/*/checkpoint"))


def resumes(study: Study) -> int:
    """Number of times that a pack was resumed from a checkpoint; its trials share a segment, and have one log."""
    logs = {entry.place: entry.log() for entry in finished(ledger_of(study)).values()}
    return sum(log.count("resumed at iteration") for log in logs.values())


@contextmanager
def running(study: Study, folder: Path, *further: str) -> Iterator[subprocess.Popen[str]]:
    """The command in its own process group, once it has locked the study."""
    process = subprocess.Popen(
        command(arguments(study, *further)),
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: ledger_of(study).studies() or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_a_study_runs_from_its_file_to_its_ranking_whatever_ray_address_says(
    first_run: tuple[Study, subprocess.CompletedProcess[str]],
) -> None:
    study, done = first_run
    assert (done.returncode, done.stderr) == (0, "")
    reported = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [line[:6] for line in reported] == [f"[{number:>2}/14" for number in range(1, 15)]
    found = results("tiny", root=study.ledger.root)
    assert found.trials["state"].tolist() == ["finished"] * 14
    assert len(found.members) == 12 * 2 + 2 * 3
    assert len(found.ranking) == 2
    assert set(finished(ledger_of(study))) == set(plan_of(study).values())
    assert ledger_of(study).started() == set()  # nothing is left of the time when they ran
    assert resumes(study) == 0


ALONE = """if True:
    import json, sys
    from studies.execution.pack_training import PackTraining
    from studies.ledger.ledger import Ledger
    payload, ledger = json.load(sys.stdin), Ledger(sys.argv[1])
    training = PackTraining(payload, ledger.unfinished(payload[0]["key"]))
    while not training.done:
        training.advance(60)
    ledger.commit(training.rows())
"""


@pytest.mark.slow
def test_reused_actors_give_the_bits_of_fresh_processes(undisturbed: Study, tmp_path: Path) -> None:
    last = {t.condition: t for t in progress_of(undisturbed).trials() if t.phase == "exploit"}
    assert len(finished(ledger_of(undisturbed))) > joblib.cpu_count()  # so actors were reused
    alone = [
        (trial, subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path)], stdin=subprocess.PIPE, text=True))
        for trial in last.values()
    ]
    for trial, process in alone:
        process.communicate(payload([trial]), timeout=120)
    for trial, process in alone:
        assert process.returncode == 0
        assert same_numbers(finished(Ledger(tmp_path))[trial.key], finished(ledger_of(undisturbed))[trial.key])


@pytest.mark.soak
def test_deleted_trials_are_run_again_with_the_same_suggestions(
    undisturbed: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(undisturbed.ledger.root, tmp_path / "copy")
    study = replace(undisturbed, ledger=replace(undisturbed.ledger, root=str(tmp_path / "copy")))
    plan = plan_of(study)
    deleted = ["wgan-explore-1", "gan-explore-0", "wgan-exploit-0", "gan-exploit-1", "gan-confirm-0"]
    ledger_of(study).remove(plan[name] for name in deleted)
    log = EventLog()
    ended = run(study, log)
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert sorted(log.ran) == sorted(deleted)
    assert_same_studies(study, undisturbed)


class Process:
    """A process of this machine, read from /proc."""

    def __init__(self, folder: Path):
        self.id, self.title = int(folder.name), (folder / "cmdline").read_text(errors="replace").split("\0")[0]
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        self.runs, self.parent, self.session = fields[0] not in "ZX", int(fields[1]), int(fields[3])


def processes() -> dict[int, Process]:
    running = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            running[int(folder.name)] = Process(folder)
        except OSError:
            continue  # it has ended in the meantime
    return {id_: process for id_, process in running.items() if process.runs}


_sessions: dict[int, set[int]] = defaultdict(set)
"""Sessions of the processes that a command started, by the command's process, also after its death."""


def workers(driver: int) -> set[int]:
    """Processes that train trials of this command, also after its death if this function was called before."""
    running = processes()
    _sessions[driver] |= {process.session for process in running.values() if process.parent == driver}
    return {
        id_
        for id_, process in running.items()
        if process.title.startswith("ray::Resource") and process.session in _sessions[driver]
    }


def wait_for_workers(driver: int) -> None:
    """Wait until no process is left that the command started; `workers` was called before its death."""
    until(lambda: not any(process.session in _sessions[driver] for process in processes().values()), every=0.1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_whose_driver_is_killed_resumes_to_the_same_numbers(undisturbed: Study, tmp_path: Path) -> None:
    study = long_study(tmp_path)
    while not checkpoints(study):  # the trials may end before every worker is dead: then start anew
        shutil.rmtree(study.ledger.root, ignore_errors=True)
        with running(study, tmp_path) as driver:
            until(lambda: checkpoints(study))
            workers(driver.pid)
            os.kill(driver.pid, signal.SIGKILL)
            driver.wait(timeout=30)
        assert driver.returncode == -signal.SIGKILL
        wait_for_workers(driver.pid)
    facts_before = {key: entry.facts for key, entry in finished(ledger_of(study)).items()}
    done = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert resumes(study) >= 1
    after = finished(ledger_of(study))
    assert {key: after[key].facts for key in facts_before} == facts_before
    assert_same_studies(study, undisturbed)


def kill_at_random(study: Study, folder: Path, chance: Random, most: int) -> int:
    """Run the study, kill workers or the driver at random moments, and return the number of kills."""
    kills = 0
    with running(study, folder) as driver:
        while kills < most and driver.poll() is None:
            time.sleep(chance.uniform(0, 3))
            alive = sorted(workers(driver.pid))
            victim = chance.choice(alive) if alive and chance.random() < 0.6 else driver.pid
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                kills += 1
            if victim == driver.pid:
                driver.wait(timeout=30)
        if driver.poll() is None:
            driver.communicate(timeout=300)
    wait_for_workers(driver.pid)
    return kills


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [3, 20])
def test_a_study_whose_driver_and_workers_are_killed_has_every_member_once_and_the_same_numbers(
    undisturbed: Study, tmp_path: Path, kills: int
) -> None:
    chance, left, number = Random(kills), kills, 0
    while left:
        folder = tmp_path / str(number)  # a study that ended before it was killed often enough begins anew
        folder.mkdir()
        study, number = long_study(folder), number + 1
        for _ in range(kills):
            left -= kill_at_random(study, folder, chance, left)
            if not left or not progress_of(study).unended():
                break
        done = gan_study(*arguments(study), folder=folder, env=clean_environment())
        assert (done.returncode, done.stderr) == (0, "")
        assert_same_studies(study, undisturbed)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_an_interrupted_study_locks_out_others_exits_130_and_resumes_to_the_same_numbers(
    undisturbed: Study, tmp_path: Path
) -> None:
    study = long_study(tmp_path)
    while not checkpoints(study):  # the trials may end before the interruption: then start anew
        shutil.rmtree(study.ledger.root, ignore_errors=True)
        with running(study, tmp_path) as process:
            second = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
            until(lambda: checkpoints(study))
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
            out, err = process.communicate(timeout=60)
        assert second.returncode == 2
        assert second.stdout == ""
        assert second.stderr.startswith("gan-study: name: another run is writing the study 'tiny' at this moment, on ")
        assert process.returncode == 130
        assert "interrupted; the same command resumes tiny where it stopped." in out
        assert "Traceback" not in err
        assert not list(Path(study.ledger.root).glob("running/*/end"))
    left = len(checkpoints(study))
    done = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert resumes(study) == left
    assert_same_studies(study, undisturbed)


def fill(path: Path, size: int) -> None:
    """Write a file of a size without its content."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_limits_of_time_and_disk_end_a_run_with_exit_code_3_and_the_next_run_gives_the_same_numbers(
    undisturbed: Study, tmp_path: Path
) -> None:
    study = long_study(tmp_path)
    hurried = gan_study(*arguments(study, "limits.study_seconds=0.01"), folder=tmp_path, env=clean_environment())
    assert (hurried.returncode, hurried.stderr) == (3, "")
    assert (
        "the run took longer than limits.study_seconds = 0.01 (0:00); the same command resumes tiny" in hurried.stdout
    )

    listed = gan_study("ls", "--root", study.ledger.root, folder=tmp_path)
    assert "tiny: the run took longer than limits.study_seconds = 0.01" in listed.stdout

    kept = f"limits.disk_free_gb={(shutil.disk_usage(tmp_path).free - 10**9) / 10**9}"
    shutil.rmtree(study.ledger.root)
    with running(study, tmp_path, kept) as process:  # it has begun when the disk fills
        fill(tmp_path / "filled", 2 * 10**9)
        out, _ = process.communicate(timeout=200)
    refused = gan_study(*arguments(study, kept), folder=tmp_path, env=clean_environment())
    (tmp_path / "filled").unlink()
    assert process.returncode == 3
    assert re.search(
        r"the disk of the ledger has .* left, less than limits.disk_free_gb = .* leaves free; the same", out
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("gan-study: limits.disk_free_gb: must leave ")
    assert not list(Path(study.ledger.root).glob("running/*/end"))

    done = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert_same_studies(study, undisturbed)
