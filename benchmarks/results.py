"""Time to commit a large study, to read its tables from the ledger and from an MLflow server, to compare and to report.

python benchmarks/results.py [--trials 20000] [--without-server]

The study is synthetic: every entry is committed by the ledger's own code, with 3 members, 20 measurements and 10
metrics of random numbers, generators of 100 random parameters at 5 snapshots, and random samples, in segments of 24. It
is recorded on a real MLflow server with SQLite by `sync`, in one run. Each reading is a process of its own; its time
begins after the import of `studies.results` and includes the import of MLflow. "Opening" is the time until the study's
record and the footers of all segments are read, "reading" that until the records of all trials are in memory, checked,
"tables" that of the four tables after that; the rate is that of the classification of their members. "compare" and
"report" are the times of the text and of the HTML page once the tables are read, and their sizes.

On a machine with other load compare the processor times: those of the reading process, without the server.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import process_environment
from servers import mlflow_server

from studies.design import CONFIRMING, Design, Provenance, TrialSpec
from studies.execution.kept_samples import POINTS, SNAPSHOT_POINTS, SURFACE_RESOLUTION, picture_evaluations
from studies.file.study import Study
from studies.ledger.curves import Curves
from studies.ledger.entries import GeneratorSnapshots, to_row
from studies.ledger.ledger import Ledger
from studies.ledger.segments import Row
from studies.locate import results
from studies.progress.pending import StudyProgress
from studies.tracking.tracker import sync

STUDY = """
name = "large"
seeds = 3
budget = {{steps = 1000}}
evaluation = {{measurements = 20}}
search = {{explore = {explore}, exploit = {{trials = 0}}, confirm = {{best = 1, seeds = 10}}}}
data = {{kind = "ring"}}
networks.generator = {{kind = "mlp", width = 16, depth = 2, latent = 4}}
networks.critic = {{kind = "mlp", width = 16, depth = 2}}
training.critic_optimizer.lr = {{log_uniform = [1e-5, 1e-2]}}
training.generator_optimizer.lr = {{log_uniform = [1e-5, 1e-2]}}
"""
CONDITION = '\n[[conditions]]\nname = "{name}"\npreset = "{name}"\n'
PRESETS = ("gan", "lsgan", "wgan", "wgan-gp", "dragan")
METRICS = (
    "cells",
    "critic_gradient_norm",
    "critic_loss",
    "critic_slope",
    "generator_gradient_norm",
    "generator_loss",
    "high_quality",
    "modes_covered",
    "sliced_wasserstein",
    "spread",
)
TOGETHER = 24
"""Number of trials that end together."""
SNAPSHOTS, PARAMETERS = 5, 100
"""Number of kept generators of each member, and of the parameters of one."""
REFERENCE_DISTANCES = {"real": 0.04, "constant": 0.43, "gaussian": 0.05}
READ = """
import json, resource, sys
from time import perf_counter
import studies
studies.results  # imported on first use: now, before the clock starts
def now():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return perf_counter(), used.ru_utime + used.ru_stime
from studies.ledger.ledger import Ledger
start = now()
source = json.loads(sys.argv[1])
results = studies.results("large", **source)
if "root" in source:
    Ledger(source["root"]).committed()
opened = now()
records = results.trial_records
recorded = now()
tables = results.trials, results.members, results.curves, results.ranking
ready = now()
from studies.tables.member_outcomes import classify_members
trials = [(trial.facts, trial.curves) for trial in records]
began = perf_counter()
members = classify_members(trials, results.study.outcomes)
rate = len(members.outcome) / (perf_counter() - began)
times = [start, opened, recorded, ready]
parts = [[b - a for a, b in zip(*ends)] for ends in (*zip(times, times[1:]), (start, ready))]
print(json.dumps([parts, rate, [len(table) for table in tables]]))
"""

TEXT = """
import json, sys
from time import perf_counter, process_time
import studies
results = studies.results("large", root=sys.argv[1])
results.trials, results.members, results.curves, results.ranking
started, used = perf_counter(), process_time()
compared = studies.compare(results)
def say(text):
    print(json.dumps([perf_counter() - started, process_time() - used, len(text.encode())]))
"""
COMPARE = """
from studies.reporting.terminal import verdict_text
say(verdict_text.text([compared]))
"""
REPORT = """
from studies.reporting.page import render_page
say(render_page(compared))
"""
SECONDS = "elapsed (processor) seconds"


def write_ledger(study: Study) -> Ledger:
    """A ledger with an entry for every trial; the members' distances approach those of real data, with noise."""
    ledger, rng = Ledger(study.ledger.root), np.random.default_rng(0)
    provenance = Provenance(data_fingerprint="0" * 16, torch_version="2.13.0", device="cpu")
    record = {"study": study.table(), "provenance": provenance.table(), "question": "", "environment": {}}
    ledger.write_study(study.name, record)
    seconds = 0.0
    with ledger.writing(study.name) as lease:
        progress = StudyProgress(Design(study, provenance), ledger, lease)
        while pending := progress.pending():
            rows = [row_of(spec, rng) for spec in pending]
            started = perf_counter()
            for first in range(0, len(rows), TOGETHER):
                ledger.commit(rows[first : first + TOGETHER])
            seconds += perf_counter() - started
        progress.write_plan()
    count = len(ledger.committed())
    each = f"{1000 * seconds / count:.2f} ms and {sum(ledger.sizes().values()) / count:,.0f} bytes each"
    print(f"{count} trials committed, {TOGETHER} together: {each}", flush=True)
    return ledger


def time_commits(folder: Path, study: Study, trials: int) -> None:
    """Print the cost of committing each trial alone, with the mark of its start that a run leaves."""
    ledger, rng = Ledger(folder), np.random.default_rng(0)
    provenance = Provenance(data_fingerprint="0" * 16, torch_version="2.13.0", device="cpu")
    rows = [row_of(spec, rng) for spec in islice(Design(study, provenance).trials({}), trials)]
    for row in rows:
        ledger.unfinished(row.key).mark_started("here")
    started = perf_counter()
    for row in rows:
        ledger.commit([row])
    seconds, size = perf_counter() - started, sum(ledger.sizes().values())
    print(
        f"{trials} trials committed, each alone: {1000 * seconds / trials:.2f} ms and {size / trials:,.0f} bytes each"
    )


def row_of(spec: TrialSpec, rng: np.random.Generator) -> Row:
    steps_in_all, seeds = spec.identity["budget"]["steps"], spec.seeds
    steps = np.linspace(0, steps_in_all, spec.evaluation["settings"]["measurements"] + 1).astype(int)
    values = rng.random((len(METRICS), len(seeds), len(steps))).astype(np.float32).astype(np.float64)
    approach = np.linspace(0, rng.random(), len(steps)) + rng.normal(0, 0.03, (len(seeds), len(steps)))
    constant, real = REFERENCE_DISTANCES["constant"], REFERENCE_DISTANCES["real"]
    values[METRICS.index("sliced_wasserstein")] = constant - approach * (constant - real)
    values[METRICS.index("cells")] = rng.integers(8, 21, (len(seeds), len(steps)))
    values[METRICS.index("modes_covered")] = rng.integers(5, 9, (len(seeds), len(steps)))
    measured = np.ones((len(METRICS), len(steps)), dtype=bool)
    curves = Curves(METRICS, np.array(seeds), steps, values, measured)
    reference_values = {"sliced_wasserstein": real, "cells": 20.0, "spread": 0.99, "modes_covered": 8.0}
    facts = {
        **{name: getattr(spec, name) for name in ("address", "identity", "evaluation_address", "evaluation")},
        "distance": "sliced_wasserstein",
        "highest": None,
        "known_modes": 8,
        "reference_distances": REFERENCE_DISTANCES,
        "real_cells": 20,
        "real_values": reference_values,
        "gaussian_values": reference_values,
        "nonfinite_step": [None] * len(seeds),
        "generator_steps": steps_in_all,
        "critic_steps": steps_in_all,
        "real_samples_seen": 64 * steps_in_all,
        "elapsed_seconds": 5.31,
        "ended_at": 1.7e9,
        "measured_seconds": [round(5.3 * step / steps_in_all, 3) for step in steps.tolist()],
        "threads": 1,
    }
    parameters = rng.random((SNAPSHOTS, 1, len(seeds), PARAMETERS), dtype=np.float32)
    generators = GeneratorSnapshots(tuple(steps[-SNAPSHOTS:].tolist()), {"w": (PARAMETERS,)}, parameters)
    log = ["finished after 1000 iterations"]
    return to_row(facts, curves, generators=generators, samples=samples_of(spec, steps, rng), log=log)


def samples_of(spec: TrialSpec, steps: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arrays that a trial on 2-D data keeps for pictures, with random points."""
    seeds, confirming = len(spec.seeds), spec.phase in CONFIRMING
    points = rng.normal(size=(seeds, POINTS if confirming else SNAPSHOT_POINTS, 2)).astype(np.float16)
    if not confirming:
        return {"last": points}
    pictures = picture_evaluations(len(steps) - 1)
    return {
        "last": points,
        "snapshots": np.stack([points[:, :SNAPSHOT_POINTS]] * len(pictures)),
        "snapshot_steps": steps[pictures],
        "critic_surface": rng.random((seeds, SURFACE_RESOLUTION, SURFACE_RESOLUTION), dtype=np.float32),
        "critic_corners": np.array([[-2.0, -2.0], [2.0, 2.0]]),
    }


def in_a_process(script: str, *arguments: str) -> Any:
    """The JSON value that a script prints in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=process_environment(), capture_output=True, text=True
    )
    if process.returncode:
        raise SystemExit(process.stdout + process.stderr)
    return json.loads(process.stdout)


def time_reading(label: str, **source: str) -> None:
    """Read the tables in a process of its own, and print the times."""
    parts, rate, rows = in_a_process(READ, json.dumps(source))
    shown = ", ".join(
        f"{name} {elapsed:.1f} ({processor:.1f})"
        for name, (elapsed, processor) in zip(("opening", "reading", "tables", "in all"), parts, strict=True)
    )
    print(f"  {label:<22} {SECONDS}: {shown}; {rate:,.0f} members/s classified; rows {rows}", flush=True)


def time_texts(root: Path) -> None:
    """Print the time of the comparison and of the page, each in a process of its own after the tables are read."""
    for name, script in (("compare", COMPARE), ("report", REPORT)):
        elapsed, processor, size = in_a_process(TEXT + script, str(root))
        print(f"  {name:<22} {SECONDS}: {elapsed:.1f} ({processor:.1f}), {size / 1e6:.2f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--without-server", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        conditions = "".join(CONDITION.format(name=preset) for preset in PRESETS)
        (top / "large.toml").write_text(STUDY.format(explore=arguments.trials // len(PRESETS)) + conditions)
        study = Study.load(top / "large.toml", overrides=[f'ledger.root="{top / "gan-studies"}"'])
        time_commits(top / "alone", study, min(200, arguments.trials))
        ledger = write_ledger(study)
        for _ in range(2):
            time_reading("from the ledger", root=str(ledger.root))
        time_texts(ledger.root)
        if not arguments.without_server:
            with mlflow_server(top / "server") as server:
                compare_with_server(study, ledger, server)


def compare_with_server(study: Study, ledger: Ledger, server: str) -> None:
    """Record the study on a server, time the reading from there, and compare the tables."""
    started, used = perf_counter(), process_time()
    sync(ledger, study.name, server)
    print(f"Recorded in one run, {SECONDS}: {perf_counter() - started:.1f} ({process_time() - used:.1f})", flush=True)
    for _ in range(2):
        time_reading("from the server", tracking_uri=server)
    local, remote = results(study.name, root=ledger.root), results(study.name, tracking_uri=server)
    for table in ("trials", "members", "curves", "ranking"):
        pd.testing.assert_frame_equal(getattr(remote, table), getattr(local, table), check_exact=True)
    print("All tables are equal bit for bit.")


if __name__ == "__main__":
    main()
