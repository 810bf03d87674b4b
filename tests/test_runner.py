"""A study from its file to its ending: what is run, what is not run again, and what an interruption costs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

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

from studies.design import Design, Planned
from studies.errors import InputError
from studies.ledger import Entry, Ledger
from studies.progress import Progress
from studies.results import results
from studies.runner import Listener, _surroundings, run
from studies.study import Study


class Diary(Listener):
    """What a run told."""

    def __init__(self) -> None:
        self.opened_with: tuple[int, int] | None = None
        self.ran: list[str] = []

    def opened(self, progress: Progress) -> None:
        self.opened_with = len(progress.trials()), len(progress.pending())

    def ended(self, planned: Planned, entry: Entry) -> None:
        self.ran.append(planned.name)


def plan_of(study: Study) -> dict[str, str]:
    """The address of every trial that is known, by its name."""
    return {trial.name: trial.address for trial in progress_of(study).trials()}


def progress_of(study: Study) -> Progress:
    return Progress(Design(study, _surroundings(study)), ledger_of(study))


def assert_same_studies(one: Study, other: Study) -> None:
    """The same trials with the same bits, exploit and confirm included, and nothing besides."""
    assert plan_of(one) == plan_of(other)
    assert progress_of(one).pending() == []
    mine, theirs = finished(ledger_of(one)), finished(ledger_of(other))
    assert set(mine) == set(theirs) == set(plan_of(one).values())
    for address, entry in mine.items():
        assert same_numbers(entry, theirs[address])
    tables = [results(study.name, root=study.ledger.root) for study in (one, other)]
    pd.testing.assert_frame_equal(tables[0].members, tables[1].members, check_exact=True)
    pd.testing.assert_frame_equal(tables[0].ranking, tables[1].ranking, check_exact=True)
    assert not tables[0].members.duplicated(["condition", "phase", "trial", "seed"]).any()


@pytest.fixture
def copied(finished_study: Study, tmp_path: Path) -> Study:
    """The finished study in a ledger that a test may change."""
    shutil.copytree(finished_study.ledger.root, tmp_path / "copy")
    return replace(finished_study, ledger=replace(finished_study.ledger, root=str(tmp_path / "copy")))


# -- without Ray -----------------------------------------------------------------------------------------------------


def test_a_run_tells_of_every_trial_once_and_running_again_of_none(tmp_path: Path) -> None:
    study = study_in(tmp_path, *SMALLER, "search.explore=1")
    first, again = Diary(), Diary()
    ending = run_without_ray(study, first)
    assert (ending.failed, ending.interrupted) == ([], False)
    assert first.opened_with == (2, 2)
    assert sorted(first.ran) == sorted(plan_of(study))
    assert len(first.ran) == 6
    run_without_ray(study, again)
    assert again.opened_with == (6, 0)
    assert again.ran == []


def test_trials_that_are_gone_are_the_only_ones_run_again(copied: Study, finished_study: Study) -> None:
    plan = plan_of(copied)
    gone = ["wgan-explore-0", "gan-explore-2", "gan-exploit-0", "wgan-confirm-0", "gan-confirm-0"]
    for name in gone:
        shutil.rmtree(ledger_of(copied).entry(plan[name]).folder)
    diary = Diary()
    run_without_ray(copied, diary)
    assert sorted(diary.ran) == sorted(gone)
    assert_same_studies(copied, finished_study)


def test_an_extended_study_runs_only_what_is_missing(copied: Study) -> None:
    before = plan_of(copied)
    held = {address: entry.facts() for address, entry in finished(ledger_of(copied)).items()}
    more = replace(copied, search=replace(copied.search, explore=4))
    diary = Diary()
    run_without_ray(more, diary)
    assert {"wgan-explore-3", "gan-explore-3"} <= set(diary.ran)
    assert sorted(diary.ran) == sorted(name for name, address in plan_of(more).items() if address not in held)
    assert not {name for name in diary.ran if name in before and "explore" in name}
    after = finished(ledger_of(copied))
    assert {address: after[address].facts() for address in held} == held


def test_a_further_condition_changes_nothing_of_the_others(copied: Study) -> None:
    before = plan_of(copied)
    third = replace(copied.conditions[0], name="third", table={**copied.conditions[0].table}, knobs={})
    third = replace(third, table={**third.table, "constraint": {"kind": "none"}})
    more = replace(copied, conditions=(third, *copied.conditions[::-1]))
    diary = Diary()
    run_without_ray(more, diary)
    assert sorted(diary.ran) == [
        "third-confirm-0",
        *("third-exploit-0", "third-explore-0", "third-explore-1", "third-explore-2"),
    ]
    assert {name: address for name, address in plan_of(more).items() if name in before} == before
    fewer = results(copied.name, root=copied.ledger.root)
    assert fewer.trials["condition"].cat.categories.tolist() == ["third", "gan", "wgan"]


def test_a_condition_that_is_dropped_leaves_the_tables(copied: Study) -> None:
    run_without_ray(replace(copied, conditions=copied.conditions[:1]))
    found = results(copied.name, root=copied.ledger.root)
    assert found.ranking["condition"].tolist() == ["wgan"]
    assert set(found.members["condition"]) == {"wgan"}
    diary = Diary()
    run_without_ray(copied, diary)  # and comes back without a trial
    assert diary.ran == []
    assert len(results(copied.name, root=copied.ledger.root).ranking) == 2


def test_two_studies_share_their_trials(copied: Study) -> None:
    diary = Diary()
    run_without_ray(replace(copied, name="another"), diary)
    assert diary.ran == []
    assert len(results("another", root=copied.ledger.root).members) == 22


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (lambda study: replace(study, seeds=3), "seeds"),
        (lambda study: replace(study, search=replace(study.search, exploit_lag=2)), "search.exploit_lag"),
        (lambda study: replace(study, measures=replace(study.measures, directions=17)), "measures.directions"),
    ],
)
def test_another_question_under_the_same_name_is_refused(
    copied: Study, changed: Callable[[Study], Study], path: str
) -> None:
    with pytest.raises(InputError, match=f"^{path}: the ledger holds a study 'tiny' with "):
        run_without_ray(changed(copied))


def test_a_field_that_came_later_has_its_default_in_what_was_recorded_before(copied: Study) -> None:
    ledger = ledger_of(copied)
    record = ledger.read_study("tiny")
    assert record is not None
    del record["study"]["search"]["start"]
    ledger.write_study("tiny", record)
    diary = Diary()
    run_without_ray(copied, diary)
    assert diary.ran == []


def test_settings_that_change_no_number_may_change(copied: Study) -> None:
    diary = Diary()
    changed = replace(
        copied,
        resources=replace(copied.resources, cpu=0.5),
        limits=replace(copied.limits, trial_retries=0),
        checkpoint=replace(copied.checkpoint, every_seconds=1.0),
        stability=replace(copied.stability, near=0.2),
    )
    run_without_ray(changed, diary)
    assert diary.ran == []


def test_a_trial_that_was_given_up_is_tried_again_and_nothing_remembers_its_failure(
    tmp_path: Path, finished_study: Study
) -> None:
    study = study_in(tmp_path, *SMALLER)
    *searched, confirmed = (t for t in progress_of(finished_study).trials() if t.condition == "wgan")
    winner = next(trial for trial in searched if trial.configuration == confirmed.configuration)
    obstacle = ledger_of(study).entry(winner.address).folder / "samples.npz"
    obstacle.mkdir(parents=True)  # the trial can be played, but not written
    ending = run_without_ray(study)
    assert [trial.name for trial in ending.failed] == [winner.name]
    assert plan_of(study)["wgan-confirm-0"] != confirmed.address
    found = results("tiny", root=study.ledger.root)
    assert found.trials["state"].tolist().count("failed") == 1
    assert len(found.ranking) == 2
    lost = {trial.address for trial in ending.failed}
    assert lost == {found.trials.set_index("state").loc["failed", "address"]}
    obstacle.rmdir()
    assert run_without_ray(study).failed == []
    assert plan_of(study) == plan_of(finished_study)
    kept = finished(ledger_of(study))
    for address, entry in finished(ledger_of(finished_study)).items():
        assert same_numbers(kept[address], entry)


def test_a_listener_that_fails_does_not_end_a_study(tmp_path: Path) -> None:
    class Failing(Diary):
        def ended(self, planned: Planned, entry: Entry) -> None:
            super().ended(planned, entry)
            raise RuntimeError("no more paper")

    failing = Failing()
    study = study_in(tmp_path, *SMALLER, "search.explore=1")
    ending = run_without_ray(study, failing)
    assert (ending.failed, ending.interrupted) == ([], False)
    assert set(failing.ran) == set(plan_of(study))


# -- with a real local Ray -------------------------------------------------------------------------------------------

# One trial of every four takes as many seconds as the others take tenths: time to be interrupted in.
LONG = (
    "search.explore=4",
    "conditions.gan.training.n_critic={grid=[1,2,3,90]}",
    "checkpoint.every_seconds=0.1",
)
NO_CLUSTER = clean_environment(RAY_ADDRESS="192.0.2.1:6379")  # a leftover of something else: nobody listens there


def long_study(folder: Path) -> Study:
    return study_in(folder, *LONG)


def arguments(study: Study, *further: str) -> list[str]:
    """The command line that runs the study which lies in this folder."""
    settings = [f"ledger.root={study.ledger.root}", *LONG, *further]
    return ["run", "study.toml", *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    study = long_study(folder)
    return study, gan_study(*arguments(study), folder=folder, env=NO_CLUSTER)


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
    return list(Path(study.ledger.root).glob("trials/*/checkpoint.pt"))


def went_on(study: Study) -> int:
    """How many times a trial was resumed in mid-course."""
    return sum(log.read_text().count("went on from") for log in Path(study.ledger.root).glob("trials/*/log.txt"))


@contextmanager
def running(study: Study, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in its own process group, from when it holds the study."""
    process = subprocess.Popen(
        command(arguments(study)),
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
    told = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [line[:6] for line in told] == [f"[{number:>2}/14" for number in range(1, 15)]
    found = results("tiny", root=study.ledger.root)
    assert found.trials["state"].tolist() == ["finished"] * 14
    assert len(found.members) == 12 * 2 + 2 * 3
    assert len(found.ranking) == 2
    left = {path.name for path in Path(study.ledger.root).glob("trials/*/*")}
    files = {"curves.parquet", "samples.npz", "generator_best.pt", "generator_last.pt", "facts.json", "log.txt"}
    assert left == files
    assert went_on(study) == 0


ALONE = """if True:
    import json, sys
    from studies.ledger import Ledger
    from studies.trial import TrialRun
    order = json.load(sys.stdin)
    run = TrialRun(order["identity"], Ledger(sys.argv[1]).entry(order["address"]))
    while not run.done:
        run.play(60)
    run.commit()
"""


@pytest.mark.slow
def test_reused_actors_give_the_bits_of_fresh_processes(undisturbed: Study, tmp_path: Path) -> None:
    last = {t.condition: t for t in progress_of(undisturbed).trials() if t.phase == "exploit"}
    assert len(finished(ledger_of(undisturbed))) > (os.cpu_count() or 1)  # so actors were reused
    alone = [
        (trial, subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path)], stdin=subprocess.PIPE, text=True))
        for trial in last.values()
    ]
    for trial, process in alone:
        process.communicate(trial.order(), timeout=120)
    for trial, process in alone:
        assert process.returncode == 0
        assert same_numbers(Ledger(tmp_path).entry(trial.address), ledger_of(undisturbed).entry(trial.address))


@pytest.mark.slow
def test_five_trials_that_are_gone_are_run_again_with_the_same_suggestions(
    undisturbed: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(undisturbed.ledger.root, tmp_path / "copy")
    study = replace(undisturbed, ledger=replace(undisturbed.ledger, root=str(tmp_path / "copy")))
    plan = plan_of(study)
    gone = ["wgan-explore-1", "gan-explore-0", "wgan-exploit-0", "gan-exploit-1", "gan-confirm-0"]
    for name in gone:
        shutil.rmtree(ledger_of(study).entry(plan[name]).folder)
    diary = Diary()
    ending = run(study, diary)
    assert (ending.failed, ending.interrupted) == ([], False)
    assert sorted(diary.ran) == sorted(gone)
    assert_same_studies(study, undisturbed)


class Process:
    """One process of this machine, as /proc shows it."""

    def __init__(self, folder: Path):
        self.id, self.title = int(folder.name), (folder / "cmdline").read_text(errors="replace").split("\0")[0]
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        self.runs, self.parent, self.session = fields[0] not in "ZX", int(fields[1]), int(fields[3])


def processes() -> dict[int, Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = Process(folder)
        except OSError:
            continue  # it has ended in the meantime
    return {id_: process for id_, process in found.items() if process.runs}


def players(below: int) -> set[int]:
    """Those in which Ray plays the trials of a driver, while it lives; all that is left of it afterwards."""
    every = processes()

    def is_its_own(id_: int) -> bool:
        return id_ == below or (id_ in every and (every[id_].session == below or is_its_own(every[id_].parent)))

    return {id_ for id_, process in every.items() if process.title.startswith("ray::Resource") and is_its_own(id_)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_whose_driver_is_killed_in_mid_trial_goes_on_to_the_same_numbers(
    undisturbed: Study, tmp_path: Path
) -> None:
    study = long_study(tmp_path)
    while not checkpoints(study):  # what was begun may end before all who play are dead: then from the start
        shutil.rmtree(study.ledger.root, ignore_errors=True)
        with running(study, tmp_path) as driver:
            until(lambda: checkpoints(study))
            os.kill(driver.pid, signal.SIGKILL)
            driver.wait(timeout=30)
        assert driver.returncode == -signal.SIGKILL
        until(lambda driver=driver: not players(below=driver.pid), every=0.1)
    held = {address: entry.facts() for address, entry in finished(ledger_of(study)).items()}
    done = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert went_on(study) >= 1
    after = finished(ledger_of(study))
    assert {address: after[address].facts() for address in held} == held
    assert_same_studies(study, undisturbed)


@contextmanager
def workers_killed_in_mid_trial(study: Study) -> Iterator[None]:
    """Whoever plays a trial of a driver in this process is killed, until one has gone on from its checkpoint."""
    over = Event()

    def kill() -> None:
        while not (went_on(study) or over.is_set()):
            if checkpoints(study):
                for process in players(below=os.getpid()):
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                until(lambda: went_on(study) or over.is_set() or not checkpoints(study))
            time.sleep(0.005)

    killer = Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


@pytest.mark.soak  # it looks for a worker to kill: on a busy machine that can take many tries
@pytest.mark.slow
def test_a_trial_whose_worker_is_killed_goes_on_to_the_same_numbers(undisturbed: Study, tmp_path: Path) -> None:
    study = long_study(tmp_path)
    while not went_on(study):  # what was begun may end before all who play are dead: then from the start
        shutil.rmtree(study.ledger.root, ignore_errors=True)
        diary = Diary()
        with workers_killed_in_mid_trial(study):
            ending = run(study, diary)
        assert (ending.failed, ending.interrupted) == ([], False)
        assert sorted(diary.ran) == sorted(plan_of(undisturbed))
        assert_same_studies(study, undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_interrupted_study_holds_others_off_exits_130_and_goes_on_to_the_same_numbers(
    undisturbed: Study, tmp_path: Path
) -> None:
    study = long_study(tmp_path)
    while not checkpoints(study):  # what was begun may end before the interruption reaches it: then from the start
        shutil.rmtree(study.ledger.root, ignore_errors=True)
        with running(study, tmp_path) as process:
            second = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
            until(lambda: checkpoints(study))
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C in a terminal does
            out, err = process.communicate(timeout=60)
        assert second.returncode == 2
        assert second.stdout == ""
        assert second.stderr.startswith("gan-study: name: another run is writing the study 'tiny' in ")
        assert process.returncode == 130
        assert "interrupted; the same command goes on where tiny stopped." in out
        assert "Traceback" not in err
        assert not list(Path(study.ledger.root).glob("trials/*/error.json"))
    left = len(checkpoints(study))
    done = gan_study(*arguments(study), folder=tmp_path, env=clean_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert went_on(study) == left
    assert_same_studies(study, undisturbed)
