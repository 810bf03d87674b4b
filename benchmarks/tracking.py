"""Cost of recording a study in MLflow: wall time without it, with a dead server, with SQLite and with PostgreSQL.

python benchmarks/tracking.py [--repeats 2] [--steps 12000]

Each variant runs the same study (8 trials) in a fresh folder, one after the other, `repeats` times in turn. The best
time of each variant is divided by the best time without MLflow. Wall times are unreliable on a busy machine, so the
processor time of the driver, which does all the recording, is printed too. PostgreSQL is Debian's, started in a
temporary folder.
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

from recorded import command, process_environment, write_tiny
from servers import free_port, mlflow_server

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """Context with an empty database; its value is the address, or None if PostgreSQL is not installed."""
    if not POSTGRESQL:
        yield None
        return
    folder.mkdir()
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_postgres:
        shutil.chown(folder, "postgres")
    port, binaries = free_port(), POSTGRESQL[-1]

    def run_quietly(*arguments: object) -> None:
        subprocess.run([*map(str, arguments)], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run_quietly(*as_postgres, binaries / "initdb", "-A", "trust", "-U", "postgres", folder / "data")
    listen = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    control = [*as_postgres, binaries / "pg_ctl", "-D", folder / "data", "-l", folder / "log"]
    run_quietly(*control, "-w", "-o", listen, "start")
    try:
        yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    finally:
        run_quietly(*control, "-m", "immediate", "stop")


def seconds(folder: Path, steps: int, *options: str, **environment: str) -> float:
    """Wall time of the command in seconds; prints it with the driver's processor time."""
    write_tiny(folder)
    started, used_before = perf_counter(), _processor_seconds()
    done = subprocess.run(
        command("run", "tiny.toml", "--set", f"budget.steps={steps}", "--set", "evaluation.measurements=20", *options),
        cwd=folder,
        env=process_environment(**environment),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    missing = "does not have all" in done.stdout
    elapsed = perf_counter() - started
    print(
        f"  {folder.name:<16} {elapsed:6.1f} s, of the driver's processor {_processor_seconds() - used_before:5.1f} s"
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
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgresql(folder / "postgresql") as database, mlflow_server(folder / "server", database) as server:
            for repeat in range(arguments.repeats):
                for variant, options, environment in (
                    ("off", ["--no-tracking"], {}),
                    ("dead", [], {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}"}),
                    ("sqlite", [], {}),
                    ("postgresql" if database else "server", [], {"MLFLOW_TRACKING_URI": server}),
                ):
                    study_folder = folder / f"{variant}-{repeat}"
                    setting = [*options, "--set", f'name="tiny-{repeat}"']
                    times.setdefault(variant, []).append(
                        seconds(study_folder, arguments.steps, *setting, **environment)
                    )
    base = min(times["off"])
    for variant, measured in times.items():
        print(f"{variant:<12} best {min(measured):6.1f} s  {min(measured) / base:.2f} x the time without tracking")


if __name__ == "__main__":
    main()
