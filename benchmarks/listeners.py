"""Time and memory that each ended trial costs the terminal's display and the recording in MLflow, during a run.

python benchmarks/listeners.py [--trials 200 1000 20000]

Every number of trials is a process of its own with the synthetic study of `results.py`, whose entries are in the
ledger. The live table is measured while the last 100 trials end: one event, and one drawing of the table, with 48
trials running. The recording of a study in one run is measured without a server: the time to read and count the last
100 trials as they end one by one. Memory is what Python holds for the display and the counts after all trials were
counted. The times are those of the processor.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import process_environment
from results import CONDITION, PRESETS, STUDY, write_ledger
from rich.console import Console

from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, read_records
from studies.locate import results
from studies.progress.summaries import EvaluationSummary
from studies.progress.tallies import Tallies
from studies.reporting.terminal.progress_view import LiveProgress

LAST = 100
"""Number of trials whose end is timed."""
RUNNING = 48
"""Number of trials that run at the same time."""


def milliseconds(calls: Iterable[Callable[[], Any]]) -> float:
    """Mean processor time of a call, in milliseconds."""
    started, count = process_time(), 0
    for call in calls:
        call()
        count += 1
    return 1000 * (process_time() - started) / count


def measure(root: str) -> dict[str, float]:
    """Times of the listeners for the study in a ledger."""
    read = results("large", root=root)
    records, ledger = read.trial_records, Ledger(root)
    before, last = records[:-LAST], records[-LAST:]
    Tallies(read.study).add(last[:1])  # imports what it needs
    tracemalloc.start()
    view, counted = LiveProgress(read.study, Console(file=io.StringIO(), force_terminal=True)), Tallies(read.study)
    view._tallies.add(before)
    counted.add(before)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    screen = Console(file=io.StringIO(), force_terminal=True, width=140)
    for trial in last[:RUNNING]:
        view.measured(trial.spec, [EvaluationSummary(100, 1.0, {}, 3)])

    def record(trial: TrialRecord) -> None:
        counted.add(read_records(ledger, [trial.spec], running=True))

    ledger.committed()  # the index of the ledger is read once
    return {
        "event": milliseconds(partial(view.ended, trial) for trial in last),
        "drawing": milliseconds(lambda: screen.print(view._table()) for _ in range(LAST)),
        "recording": milliseconds(partial(record, trial) for trial in last),
        "bytes": held / len(before),
    }


def study_of(folder: Path, trials: int) -> Study:
    """The synthetic study with some number of trials, whose ledger is in the folder."""
    conditions = "".join(CONDITION.format(name=preset) for preset in PRESETS)
    (folder / "large.toml").write_text(STUDY.format(explore=trials // len(PRESETS)) + conditions)
    return Study.load(folder / "large.toml", overrides=[f'ledger.root="{folder / "gan-studies"}"'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[200, 1000, 20_000])
    parser.add_argument("--ledger", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ledger:
        print(json.dumps(measure(arguments.ledger)))
        return
    for trials in arguments.trials:
        with tempfile.TemporaryDirectory() as name:
            write_ledger(study_of(Path(name), trials))
            command = [sys.executable, __file__, "--ledger", str(Path(name) / "gan-studies")]
            process = subprocess.run(command, env=process_environment(), capture_output=True, text=True)
        if process.returncode:
            raise SystemExit(process.stdout + process.stderr)
        times = json.loads(process.stdout)
        print(
            f"{trials:>6} trials: display {times['event']:.2f} ms per event and {times['drawing']:.2f} ms per drawing, "
            f"recording {times['recording']:.2f} ms and {times['bytes']:.0f} bytes per trial",
            flush=True,
        )


if __name__ == "__main__":
    main()
