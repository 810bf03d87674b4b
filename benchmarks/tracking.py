"""What tracking costs: the wall time of one study with MLflow off, dead, on SQLite, and served on PostgreSQL.

python benchmarks/tracking.py [--repeats 2] [--steps 12000]

Every way runs the same study (8 trials) in a fresh folder, one after the other, `repeats` times round-robin; the best
time of each way is held against the best without tracking. On a machine that does other work besides, wall times say
little: the processor time of the driver, where all tracking happens, is printed too. PostgreSQL is Debian's, started in
a temporary folder.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import command, surroundings, write_tiny
from servers import free_port, mlflow_server

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """The address of an empty database, or None where PostgreSQL is not installed."""
    if not POSTGRESQL:
        yield None
        return
    folder.mkdir()
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_postgres:
        shutil.chown(folder, "postgres")
    port, binaries = free_port(), POSTGRESQL[-1]
    quiet = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run([*as_postgres, binaries / "initdb", "-A", "trust", "-U", "postgres", folder / "data"], **quiet)
    listen = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    control = [*as_postgres, binaries / "pg_ctl", "-D", folder / "data", "-l", folder / "log"]
    subprocess.run([*control, "-w", "-o", listen, "start"], **quiet)
    try:
        yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def seconds(folder: Path, steps: int, *options: str, **environment: str) -> float:
    """How long the command takes, from its start to its end."""
    write_tiny(folder)
    started, used = perf_counter(), _processor_seconds()
    done = subprocess.run(
        command("run", "tiny.toml", "--set", f"budget.steps={steps}", "--set", "budget.measurements=20", *options),
        cwd=folder,
        env=surroundings(**environment),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    missing = "does not hold all" in done.stdout
    elapsed = perf_counter() - started
    print(
        f"  {folder.name:<16} {elapsed:6.1f} s, of the driver's processor {_processor_seconds() - used:5.1f} s"
        f"{'  (not all was recorded)' if missing else ''}",
        flush=True,
    )
    return elapsed


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12000)
    chosen = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        with postgresql(top / "postgresql") as database, mlflow_server(top / "server", database) as server:
            for repeat in range(chosen.repeats):
                for way, options, environment in (
                    ("off", ["--no-tracking"], {}),
                    ("dead", [], {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}"}),
                    ("sqlite", [], {}),
                    ("postgresql" if database else "server", [], {"MLFLOW_TRACKING_URI": server}),
                ):
                    folder = top / f"{way}-{repeat}"
                    setting = [*options, "--set", f'name="tiny-{repeat}"']
                    times.setdefault(way, []).append(seconds(folder, chosen.steps, *setting, **environment))
    base = min(times["off"])
    for way, measured in times.items():
        print(f"{way:<12} best {min(measured):6.1f} s  {min(measured) / base:.2f} x the time without tracking")


if __name__ == "__main__":
    main()
