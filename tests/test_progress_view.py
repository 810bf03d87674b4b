"""The live table and the plain lines that show a run, and an interrupted run as a process."""

import io
import json
import os
import pty
import re
import signal
import subprocess
from time import monotonic, sleep

import pytest
from recorded import TINY, command, load_tiny, process_environment, run_pending, write_tiny
from rich.console import Console

from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, read_records
from studies.ledger.unfinished import TrialEnd
from studies.progress.events import Listener, TimeForecast
from studies.progress.summaries import EvaluationSummary
from studies.reporting.terminal.progress_view import LiveProgress, PlainProgress, listener


def terminal(width=140):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=40, highlight=False)


def printed(console):
    return console.file.getvalue()


CONDITION = """
[[conditions]]
name = "{}"
preset = "wgan"
"""


class Ended(Listener):
    def __init__(self):
        self.trials = []

    def ended(self, trial):
        self.trials.append(trial)


def test_a_terminal_shows_a_table_and_a_pipe_shows_lines(tmp_path):
    study = load_tiny(tmp_path)
    assert isinstance(listener(study, terminal()), LiveProgress)
    plain = listener(study, Console(file=io.StringIO(), width=140))
    assert type(plain) is PlainProgress


def test_the_table_counts_the_trials_in_the_ledger(tmp_path):
    study, console = load_tiny(tmp_path), terminal()
    run_pending(study, LiveProgress(study, console))
    last = printed(console).rpartition("condition")[2]
    for condition in ("wgan", "gan"):
        row = next(line for line in last.splitlines() if f" {condition} " in line)
        assert [cell.strip() for cell in row.split("│")[2:5]] == ["2/2", "1/1", "1/1"]
    assert "8/8 trials ended" in last


def test_the_table_has_no_column_for_a_phase_without_trials(tmp_path):
    study = Study.load(
        write_tiny(tmp_path, TINY),
        overrides=["search.exploit.trials=0", "search.explore=1", f'ledger.root="{tmp_path / "gan-studies"}"'],
    )
    console = terminal()
    run_pending(study, LiveProgress(study, console))
    shown = printed(console)
    assert "exploit" not in shown
    assert "confirm" in shown
    assert "0/0" not in shown


def load_equal(folder):
    """A study whose two conditions train the same: the trials of one are those of the other."""
    text = TINY.partition("\n[[conditions]]")[0] + CONDITION.format("one") + CONDITION.format("other")
    return Study.load(write_tiny(folder, text), overrides=[f'ledger.root="{folder / "gan-studies"}"'])


def test_the_table_counts_trials_that_a_run_does_not_train(tmp_path):
    study, console, events = load_equal(tmp_path), terminal(), Ended()
    run_pending(study, LiveProgress(study, console), events)
    assert {trial.spec.condition for trial in events.trials} == {"one"}
    last = printed(console).rpartition("condition")[2]
    trials = 2 * len(events.trials)
    assert f"{trials}/{trials} trials ended" in last
    rows = [next(line for line in last.splitlines() if f" {name} " in line) for name in ("one", "other")]
    assert len({row.partition(name)[2] for row, name in zip(rows, ("one  ", "other"), strict=True)}) == 1


def test_plain_lines_name_trials_that_a_run_does_not_train(tmp_path):
    study, console, events = load_equal(tmp_path), Console(file=io.StringIO(), width=140), Ended()
    run_pending(study, PlainProgress(study, console), events)
    trials = 2 * len(events.trials)
    assert printed(console).count("1 more trial is in the ledger already\n") == trials // 2
    assert f"[{trials - 1}/{trials} " in printed(console)


def test_the_status_line_has_the_running_trials_and_the_remaining_time(tmp_path):
    study, console = load_tiny(tmp_path), terminal()
    progress = run_pending(study, trials=1)
    read = read_records(progress.ledger, progress.trials(), running=True)
    ended = next(trial for trial in read if trial.finished)
    view = LiveProgress(study, console)
    view.opened(progress.standing(), progress.needed)
    first, second = progress.pending()[:2]
    view.measured(first, [EvaluationSummary(0, 0.0, {}, 0), EvaluationSummary(2, 0.1, {}, 0)])
    view.measured(second, [])
    names = [f"{spec.condition} explore {spec.index}" for spec in (first, second)]
    assert view._status_line().endswith(f"; running: {names[0]} 25%, {names[1]} 0%")
    view.ended(TrialRecord(first, "out_of_memory", end=TrialEnd(state="out_of_memory", reason="MemoryError: no")))
    view.forecast(TimeForecast(run=None, remaining=None))
    assert "trials per minute; running" in view._status_line()  # no time of a trial is known yet
    view.ended(ended)
    view.forecast(TimeForecast(run=None, remaining=90.5))
    assert re.search(r"trials per minute, about 1:(30|29|28) left; running", view._status_line())
    view.closed(progress.standing(), True)
    assert "OUT OF MEMORY: MemoryError: no" in printed(console)
    assert "3 without a result" in printed(console)
    assert "took" not in printed(console)  # it was interrupted


def test_a_run_says_at_its_end_how_long_it_took(tmp_path):
    study, console = load_tiny(tmp_path), Console(file=io.StringIO(), width=140)
    run_pending(study, PlainProgress(study, console))
    assert re.fullmatch(r"took \d+:\d\d", printed(console).splitlines()[-1])  # nothing was measured, so no forecast


def test_a_forecast_is_printed_once_and_beside_the_truth_at_the_end(tmp_path):
    study, console = load_tiny(tmp_path), Console(file=io.StringIO(), width=140)
    progress = run_pending(study, trials=1)
    view = PlainProgress(study, console)
    view.opened(progress.standing(), progress.needed)
    view.forecast(TimeForecast(run=(60.0, 90.0, 120.0), remaining=80.0))
    view.forecast(TimeForecast(run=(60.0, 90.0, 120.0), remaining=70.0))
    view.closed(progress.standing(), False)
    assert printed(console).count("forecast: 1:30 (1:00 to 2:00)") == 1
    assert printed(console).endswith("; forecast 1:30 (1:00 to 2:00)\n")
    slow = PlainProgress(study, console)
    slow.opened(progress.standing(), progress.needed)
    slow.forecast(TimeForecast(run=(0.0, 0.0, 0.0), remaining=0.0))
    slow.closed(progress.standing(), False)
    assert printed(console).endswith("Other programs that use the machine make a run longer than its forecast.\n")


def test_plain_lines_are_one_per_trial_numbered_from_zero_with_its_median_late_distance(tmp_path):
    study, console = load_tiny(tmp_path), Console(file=io.StringIO(), width=140)
    run_pending(study, PlainProgress(study, console))
    lines = printed(console).splitlines()[2:-1]
    assert [line[:5] for line in lines] == [f"[{n}/8 " for n in range(1, 9)]
    trials = [re.sub(r"^\[.*?\] ", "", line) for line in lines]
    assert [line.split("late distance")[0].split() for line in trials[:4]] == [
        ["wgan", "explore", "0"], ["gan", "explore", "0"], ["wgan", "explore", "1"], ["gan", "explore", "1"]
    ]  # fmt: skip
    assert all(re.search(r" late distance (\d+\.\d{3}|–) +\d ", line) for line in trials)


def interrupted_run(folder, number, *, in_terminal):
    """Exit code and output of a run of minutes that receives a signal after its first evaluations."""
    write_tiny(folder)
    settings = ["--set", "budget.steps=60000", "--set", "checkpoint.every_seconds=1000", "--no-tracking"]
    reader, writer = pty.openpty() if in_terminal else os.pipe()
    process = subprocess.Popen(
        command("run", "tiny.toml", *settings),
        cwd=folder,
        env=process_environment(TERM="xterm", COLUMNS="120"),
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(writer)
    end = monotonic() + 200
    while monotonic() < end and not list(folder.glob("gan-studies/running/*/started")):
        sleep(0.2)
    sleep(4)
    os.kill(process.pid, number) if not in_terminal else os.killpg(process.pid, number)
    output = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # a pseudo-terminal raises at its end
            break
        if not part:
            break
        output += part
    os.close(reader)
    return process.wait(timeout=60), output.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "in_terminal"), [(signal.SIGINT, True), pytest.param(signal.SIGTERM, False, marks=pytest.mark.soak)]
)
def test_an_interrupted_run_writes_checkpoints_and_names_the_command_that_resumes_it(tmp_path, number, in_terminal):
    code, output = interrupted_run(tmp_path, number, in_terminal=in_terminal)
    assert code == 130, output
    assert "the same command resumes tiny where it stopped" in output
    assert "Traceback" not in output
    ledger = Ledger(tmp_path / "gan-studies")
    kept = [ledger.unfinished(key).checkpoint() for key in ledger.started()]
    assert any(state is not None and len(state["measured_seconds"]) >= 1 for state in kept)
    assert json.loads((ledger.study_folder("tiny") / "study.json").read_text())["question"]
