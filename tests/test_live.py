import io
import json
import os
import pty
import signal
import subprocess
from time import monotonic, sleep

import pytest
from recorded import command, load_tiny, play, surroundings, write_tiny
from rich.console import Console

from services import live
from studies.ledger import Ledger
from studies.tracking.projection import Measurement


def terminal(width=140):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=40, highlight=False)


def drawn(console):
    return console.file.getvalue()


def test_a_terminal_shows_a_table_and_a_pipe_shows_lines(tmp_path):
    study = load_tiny(tmp_path)
    assert isinstance(live.listener(study, terminal()), live.Live)
    lines = live.listener(study, Console(file=io.StringIO(), width=140))
    assert type(lines) is live.Lines


def test_the_table_counts_what_the_ledger_holds(tmp_path):
    study, console = load_tiny(tmp_path), terminal()
    shown = live.Live(study, console)
    play(study, shown)
    last = drawn(console).rpartition("condition")[2]
    for condition in ("wgan", "gan"):
        row = next(line for line in last.splitlines() if f" {condition} " in line)
        assert [cell.strip() for cell in row.split("│")[2:5]] == ["2/2", "1/1", "1/1"]
    assert "8/8 trials" in last


def test_the_table_says_where_a_running_trial_is_and_how_long_it_may_take(tmp_path):
    study, console = load_tiny(tmp_path), terminal()
    progress = play(study, trials=1)
    shown = live.Live(study, console)
    shown.opened(progress)
    first, second = progress.pending()[:2]
    shown.measured(first, [Measurement(0, 0.0, {}), Measurement(2, 0.1, {})])
    shown.measured(second, [])
    assert f"now {first.name} 25%, {second.name} 0%" in shown._rate()
    progress.ledger.entry(first.address).give_up("ValueError: no")
    shown.ended(first, progress.ledger.entry(first.address))
    assert "trials a minute, about" in shown._rate()
    shown.closed(progress, True)
    assert "FAILED: ValueError: no" in drawn(console)
    assert "3 given up" in drawn(console)


def test_plain_lines_are_one_per_trial(tmp_path):
    study, console = load_tiny(tmp_path), Console(file=io.StringIO(), width=140)
    play(study, live.Lines(study, console))
    assert [line[:5] for line in drawn(console).splitlines()[2:]] == [f"[{n}/8 " for n in range(1, 9)]


def interrupted_run(folder, number, *, in_terminal):
    """Start a run that would take minutes, send a signal when it has measured something: (exit code, output)."""
    write_tiny(folder)
    settings = ["--set", "budget.steps=60000", "--set", "checkpoint.every_seconds=1000", "--no-tracking"]
    reader, writer = pty.openpty() if in_terminal else os.pipe()
    process = subprocess.Popen(
        command("run", "tiny.toml", *settings),
        cwd=folder,
        env=surroundings(TERM="xterm", COLUMNS="120"),
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(writer)
    end = monotonic() + 200
    while monotonic() < end and not any(
        "started" in log.read_text() for log in folder.glob("gan-studies/trials/*/log.txt")
    ):
        sleep(0.2)
    sleep(4)
    os.kill(process.pid, number) if not in_terminal else os.killpg(process.pid, number)
    output = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # what a terminal says at its end
            break
        if not part:
            break
        output += part
    os.close(reader)
    return process.wait(timeout=60), output.decode()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "in_terminal"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interrupted_run_writes_checkpoints_and_says_how_to_go_on(tmp_path, number, in_terminal):
    code, output = interrupted_run(tmp_path, number, in_terminal=in_terminal)
    assert code == 130, output
    assert "the same command goes on where tiny stopped" in output
    assert "Traceback" not in output
    ledger = Ledger(tmp_path / "gan-studies")
    started = [ledger.entry(path.parent.name) for path in tmp_path.glob("gan-studies/trials/*/log.txt")]
    kept = [entry.checkpoint() for entry in started if not entry.finished]
    assert any(state is not None and len(state["measured"]) >= 1 for state in kept)
    assert json.loads((ledger.study_folder("tiny") / "study.json").read_text())["question"]
