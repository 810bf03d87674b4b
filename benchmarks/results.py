"""Time to read the four tables of a large study: from an MLflow server on this machine and from the ledger.

python benchmarks/results.py [--trials 10000] [--recorded 40]

The study is synthetic: every entry is written by the ledger's own code, with 3 members, 20 measurements and 10 metrics
of random numbers, without generators and with zeros as samples. It is recorded on a real MLflow server with SQLite by
the code that records every study, except for the runs of the trials: a run takes a second, so only `--recorded` of them
are. The others are copied from these in the server's database, with their tags, parameters and latest metrics and
without their histories, so that the server searches the same number of runs. Each reading is a process of its own; its
time begins after the import of `studies.results` and includes the import of MLflow. "By trial" reads a study whose run
has no bundle: measured with the recorded trials and multiplied. "Tables" is the time of the four tables once the
records of all trials are in memory; the rate is that of the classification of their members.

On a machine with other load compare the processor times: those of the reading process, without the server.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import process_environment
from servers import mlflow_server

from studies.design import Design, Provenance, TrialSpec
from studies.file.study import Study
from studies.ledger.curves import Curves
from studies.ledger.entries import SAMPLES_KEPT, Entry
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.progress.pending import StudyProgress
from studies.tracking.connection import mlflow_module
from studies.tracking.mlflow_runs import MlflowRuns
from studies.tracking.tracker import close

STUDY = """
name = "large"
seeds = 3
budget = {{steps = 1000}}
evaluation.measurements = 20
search = {{explore = {explore}, exploit = 0, confirm = {{best = 1, seeds = 10}}}}
data = {{kind = "digits"}}
networks.generator = {{kind = "mlp", width = 128, depth = 3, latent = 32}}
networks.critic = {{kind = "mlp", width = 128, depth = 3}}
training.critic_optimizer.lr = {{log_uniform = [1e-5, 1e-2]}}
"""
CONDITION = '\n[[conditions]]\nname = "{name}"\npreset = "{name}"\n'
PRESETS = ("gan", "lsgan", "wgan", "wgan-gp", "dragan")
METRICS = ("cells", *(f"metric_{letter}" for letter in "abcdefg"), "sliced_wasserstein", "spread")
REFERENCE_DISTANCES = {"real": 0.04, "constant": 0.43, "gaussian": 0.05}
READ = """
import json, resource, sys
from time import perf_counter
import studies
studies.results  # imported on first use: now, before the clock starts
def now():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return perf_counter(), used.ru_utime + used.ru_stime
start = now()
results = studies.results("large", **json.loads(sys.argv[1]))
records = results.trial_records
recorded = now()
tables = results.trials, results.members, results.curves, results.ranking
ready = now()
from studies.tables.member_outcomes import classify_members
trials = [(trial.facts, trial.curves) for trial in records]
began = perf_counter()
members = classify_members(trials, results.study.outcomes)
rate = len(members.outcome) / (perf_counter() - began)
elapsed = [[b - a for a, b in zip(start, end)] for end in (recorded, ready)]
print(json.dumps([*elapsed, rate, [len(table) for table in tables]]))
"""


def write_ledger(study: Study) -> Ledger:
    """A ledger with an entry for every trial; the members' distances approach those of real data, with noise."""
    ledger, rng = Ledger(study.ledger.root), np.random.default_rng(0)
    ledger.write_study(study.name, {"study": study.table()})
    provenance = Provenance(data_fingerprint="0" * 16, torch_version="2.13.0", device="cpu")
    progress = StudyProgress(Design(study, provenance), ledger)
    while pending := progress.pending():
        for spec in pending:
            commit(spec, ledger.entry(spec.address), rng)
    progress.write_plan()
    return ledger


def commit(spec: TrialSpec, entry: Entry, rng: np.random.Generator) -> None:
    budget, seeds = spec.identity["budget"], spec.seeds
    steps = np.linspace(0, budget["steps"], budget["measurements"] + 1).astype(int)
    values = rng.random((len(METRICS), len(seeds), len(steps))).astype(np.float32).astype(np.float64)
    approach = np.linspace(0, rng.random(), len(steps)) + rng.normal(0, 0.03, (len(seeds), len(steps)))
    constant, real = REFERENCE_DISTANCES["constant"], REFERENCE_DISTANCES["real"]
    values[METRICS.index("sliced_wasserstein")] = constant - approach * (constant - real)
    values[METRICS.index("cells")] = rng.integers(8, 21, (len(seeds), len(steps)))
    measured = np.ones((len(METRICS), len(steps)), dtype=bool)
    curves = Curves(METRICS, np.array(seeds), steps, values, measured)
    facts = {
        "address": spec.address,
        "identity": spec.identity,
        "seeds": seeds,
        "distance": "sliced_wasserstein",
        "known_modes": None,
        "reference_distances": REFERENCE_DISTANCES,
        "real_cells": 20,
        "real_values": {"sliced_wasserstein": real, "cells": 20.0, "spread": 0.99},
        "nonfinite_step": [None] * len(seeds),
        "generator_steps": budget["steps"],
        "critic_steps": budget["steps"],
        "real_samples_seen": 64 * budget["steps"],
        "elapsed_seconds": 5.31,
        "measured_seconds": [round(5.3 * step / budget["steps"], 3) for step in steps.tolist()],
        "threads": 1,
    }
    samples = {which: np.zeros((len(seeds), SAMPLES_KEPT, 64), dtype=np.float32) for which in ("best", "last")}
    entry.commit(curves=curves, generators={}, samples=samples, facts=facts)


def copy_runs(database: Path, copies: int) -> None:
    """Add `copies` runs of trials to the server's database, each a copy of one that is there."""
    with sqlite3.connect(database, timeout=60) as connection:
        trials = [
            row[0] for row in connection.execute("SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'trial'")
        ]
        for table in ("runs", "tags", "params", "latest_metrics"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            selected = ", ".join("?" if name == "run_uuid" else f'"{name}"' for name in names)
            statement = f"INSERT INTO {table} SELECT {selected} FROM {table} WHERE run_uuid = ?"
            if table == "runs":
                pairs = [(uuid4().hex, trials[number % len(trials)]) for number in range(copies)]
            connection.executemany(statement, pairs)


def time_reading(label: str, factor: float, **source: str) -> float:
    """Read the tables in a process of its own, print the times multiplied by `factor`, return its processor seconds."""
    process = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(source)], env=process_environment(), capture_output=True, text=True
    )
    if process.returncode:
        raise SystemExit(process.stdout + process.stderr)
    recorded, ready, rate, rows = json.loads(process.stdout)
    tables = [(whole - before) * factor for before, whole in zip(recorded, ready, strict=True)]
    print(
        f"  {label:<22} elapsed {ready[0] * factor:8.1f} s, processor {ready[1] * factor:8.1f} s; of these tables "
        f"{tables[0]:6.2f} s and {tables[1]:6.2f} s; {rate:,.0f} members/s classified; rows {rows}",
        flush=True,
    )
    return ready[1] * factor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--recorded", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, mlflow_server(Path(name) / "server") as server:
        top, started = Path(name), perf_counter()
        conditions = "".join(CONDITION.format(name=preset) for preset in PRESETS)
        (top / "large.toml").write_text(STUDY.format(explore=arguments.trials // len(PRESETS)) + conditions)
        study = Study.load(top / "large.toml", overrides=[f'ledger.root="{top / "gan-studies"}"'])
        ledger = write_ledger(study)
        local = results(study.name, root=ledger.root)
        count = len(local.specs)
        print(f"{count} trials written to the ledger in {perf_counter() - started:.0f} s")

        mlflow_module()
        mlflow_runs, started = MlflowRuns(study, ledger, server), perf_counter()
        mlflow_runs.open(running=False)
        for spec in local.specs[: arguments.recorded]:
            mlflow_runs.ended(spec)
        print(f"{arguments.recorded} of them recorded in MLflow in {perf_counter() - started:.0f} s")
        by_trial = time_reading("by trial, multiplied", count / arguments.recorded, tracking_uri=server)
        started = perf_counter()
        close(mlflow_runs, interrupted=False, failed=False)
        print(f"The study's run closed, its bundle and tables written, in {perf_counter() - started:.0f} s")
        copy_runs(top / "server" / "server.db", count - arguments.recorded)

        for _ in range(2):
            from_server = time_reading("from the server", 1, tracking_uri=server)
            from_ledger = time_reading("from the ledger", 1, root=str(ledger.root))
        print(
            f"Processor time, by trial / from the server {by_trial / from_server:.0f}, "
            f"ledger / server {from_ledger / from_server:.1f}"
        )
        remote = results(study.name, tracking_uri=server)
        for table in ("trials", "members", "curves", "ranking"):
            pd.testing.assert_frame_equal(getattr(remote, table), getattr(local, table), check_exact=True)
        print("All tables are equal bit for bit.")


if __name__ == "__main__":
    main()
