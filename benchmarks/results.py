"""What it takes to read a large study: all four tables, from an MLflow server on loopback and from the ledger.

python benchmarks/results.py [--trials 10000] [--projected 40]

The study is synthetic: every trial's folder is written by the ledger's own code, with 3 members, 20 measurements and
10 metrics of random numbers; generators are left out and samples are black. It is recorded in a real server on SQLite
by the code that records every study, but for the trials' own runs: of these only `projected` are, since each takes a
second. The others are copied from them in the server's database, with their tags, params and latest metrics and
without their histories, so that the server searches as many runs as it would. Each reading is a process of its own,
after `import studies`: MLflow's import is part of its time. "By trial" is how a study is read that has no gathered
file: measured on the projected trials and multiplied.

On a machine that does other work besides, look at the processor's seconds: those of the reader alone, without the
server's.
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

from recorded import surroundings
from servers import mlflow_server

from studies.design import Design, Planned, Surroundings
from studies.ledger import SAMPLES_KEPT, Entry, Ledger
from studies.progress import Progress
from studies.results import results
from studies.study import Study, load_study
from studies.tracking.connection import mlflow_module
from studies.tracking.store import Store
from studies.tracking.tracker import close

STUDY = """
name = "large"
seeds = 3
budget = {{steps = 1000, measurements = 20}}
search = {{explore = {explore}, exploit = 0, confirm = {{best = 1, seeds = 10}}}}
data = {{kind = "digits"}}
networks.generator = {{kind = "mlp", width = 128, depth = 3, latent = 32}}
networks.critic = {{kind = "mlp", width = 128, depth = 3}}
training.critic_optimizer.lr = {{log_uniform = [1e-5, 1e-2]}}
"""
CONDITION = '\n[[conditions]]\nname = "{name}"\npreset = "{name}"\n'
PRESETS = ("gan", "lsgan", "wgan", "wgan-gp", "dragan")
METRICS = ("cells", "sliced_wasserstein", "spread", *(f"measure_{letter}" for letter in "abcdefg"))
LINES = {"floor": 0.04, "ref": 0.43, "gaussian": 0.05}
READ = """
import json, resource, sys
from time import perf_counter
import studies, studies.results
def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
before = perf_counter(), processor()
found = studies.results("large", **json.loads(sys.argv[1]))
transferred = perf_counter(), processor()
tables = found.trials, found.members, found.curves, found.ranking
done = perf_counter(), processor()
print(json.dumps([[b - a for a, b in zip(before, end)] for end in (transferred, done)] + [[len(t) for t in tables]]))
"""


def write_ledger(study: Study) -> Ledger:
    """Every trial's folder, with measurements that come nearer to real data, more or less."""
    ledger, rng = Ledger(study.ledger.root), np.random.default_rng(0)
    ledger.write_study(study.name, {"study": study.table()})
    drawn = Surroundings(data_fingerprint="0" * 16, torch_version="2.13.0", device="cpu")
    progress = Progress(Design(study, drawn), ledger)
    while pending := progress.pending():
        for planned in pending:
            commit(planned, ledger.entry(planned.address), rng)
    progress.write_plan()
    return ledger


def commit(planned: Planned, entry: Entry, rng: np.random.Generator) -> None:
    budget, seeds = planned.identity["budget"], planned.seeds
    steps = np.linspace(0, budget["steps"], budget["measurements"] + 1).astype(int)
    index = pd.MultiIndex.from_product([seeds, steps, METRICS], names=["seed", "step", "metric"])
    values = rng.random((len(seeds), len(steps), len(METRICS))).astype(np.float32).astype(np.float64)
    approach = np.linspace(0, rng.random(), len(steps)) + rng.normal(0, 0.03, (len(seeds), len(steps)))
    values[..., METRICS.index("sliced_wasserstein")] = LINES["ref"] - approach * (LINES["ref"] - LINES["floor"])
    values[..., METRICS.index("cells")] = rng.integers(8, 21, (len(seeds), len(steps)))
    frame = pd.DataFrame({"value": values.reshape(-1)}, index=index).reset_index()
    frame["metric"] = pd.Categorical(frame["metric"], METRICS)
    facts = {
        "address": planned.address,
        "identity": planned.identity,
        "seeds": seeds,
        "lines": LINES,
        "real_cells": 20,
        "floors": {"sliced_wasserstein": LINES["floor"], "cells": 20.0, "spread": 0.99},
        "nonfinite_step": [None] * len(seeds),
        "generator_steps": budget["steps"],
        "critic_steps": budget["steps"],
        "real_samples_seen": 64 * budget["steps"],
        "elapsed_seconds": 5.31,
        "measured_seconds": [round(5.3 * step / budget["steps"], 3) for step in steps.tolist()],
        "threads": 1,
    }
    samples = {which: np.zeros((len(seeds), SAMPLES_KEPT, 64), dtype=np.float32) for which in ("best", "last")}
    entry.commit(curves=frame, generators={}, samples=samples, facts=facts)


def copy_runs(database: Path, copies: int) -> None:
    """More runs below the study's, each as one of those that are there."""
    with sqlite3.connect(database, timeout=60) as held:
        trials = [row[0] for row in held.execute("SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'trial'")]
        for table in ("runs", "tags", "params", "latest_metrics"):
            names = [row[1] for row in held.execute(f"PRAGMA table_info({table})")]
            taken = ", ".join("?" if name == "run_uuid" else f'"{name}"' for name in names)
            copied = f"INSERT INTO {table} SELECT {taken} FROM {table} WHERE run_uuid = ?"
            if table == "runs":
                fresh = [(uuid4().hex, trials[number % len(trials)]) for number in range(copies)]
            held.executemany(copied, fresh)


def reading(what: str, times: int, **where: str) -> float:
    """Read it in a process of its own, and say what that took."""
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(where)], env=surroundings(), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    brought, all_of_it, rows = json.loads(done.stdout)
    seconds = [took * times for took in all_of_it]
    print(
        f"  {what:<22} {seconds[0]:8.1f} s, of the processor {seconds[1]:8.1f} s; until there were tables to make "
        f"{brought[0] * times:8.1f} s and {brought[1] * times:8.1f} s; rows {rows}",
        flush=True,
    )
    return seconds[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--projected", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, mlflow_server(Path(name) / "server") as server:
        top, started = Path(name), perf_counter()
        conditions = "".join(CONDITION.format(name=preset) for preset in PRESETS)
        (top / "large.toml").write_text(STUDY.format(explore=chosen.trials // len(PRESETS)) + conditions)
        study = load_study(top / "large.toml", overrides=[f'ledger.root="{top / "gan-studies"}"'])
        ledger = write_ledger(study)
        here = {"root": str(ledger.root)}
        found = results(study.name, **here)
        count = len(found.planned)
        print(f"{count} trials written to the ledger in {perf_counter() - started:.0f} s")

        mlflow_module()
        store, started = Store(study, ledger, server), perf_counter()
        store.open()
        for planned in found.planned[: chosen.projected]:
            store.ended(planned)
        print(f"{chosen.projected} of them recorded in MLflow in {perf_counter() - started:.0f} s")
        times = count / chosen.projected
        slow = reading("by trial, multiplied", times, tracking_uri=server)
        started = perf_counter()
        close(store, interrupted=False, failed=False)
        print(f"The study's run closed, its file and tables written, in {perf_counter() - started:.0f} s")
        copy_runs(top / "server" / "server.db", count - chosen.projected)

        for _ in range(2):
            fast = reading("from the server", 1, tracking_uri=server)
            ledgers = reading("from the ledger", 1, **here)
        print(f"Processor, by trial / from the server {slow / fast:.0f}, ledger / server {ledgers / fast:.1f}")
        there = results(study.name, tracking_uri=server)
        for table in ("trials", "members", "curves", "ranking"):
            pd.testing.assert_frame_equal(getattr(there, table), getattr(found, table), check_exact=True)
        print("All tables are equal to the last digit.")


if __name__ == "__main__":
    main()
