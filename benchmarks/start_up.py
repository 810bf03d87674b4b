"""Seconds until commands have done their work, as ratios to `import torch`, which most of them need.

    python benchmarks/start_up.py [--repetitions N]

Each command is a process of its own, as after typing it. The study is a tiny one, which is run first in a temporary
folder. All are measured in turn, several times; of each the smallest time counts, since other programs only add to it.
`ui` is measured until it prints its address. The last row is a process that trains, from its start to the first step
of a GAN: what a run waits for before its first trial.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

STUDY = """
# A study of seconds.
name = "seconds"
seeds = 2
budget = {unit = "generator_steps", steps = 20}
search = {explore = 4, exploit = {trials = 2}, confirm = {best = 1, seeds = 3}}
evaluation = {measurements = 4, samples = 100}
data.kind = "ring"
networks = {generator = {kind = "mlp", width = 12, depth = 1}, critic = {kind = "mlp", width = 12, depth = 1}}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = "search"

[[conditions]]
name = "gan"
preset = "gan"
"""
FIRST_STEP = """
from gan_core import Adam, MLPCritic, MLPGenerator, NetworkPair, NonSaturating, Trainer, Training, Unconstrained
from gan_core.data import Ring
networks = NetworkPair(generator=MLPGenerator(), critic=MLPCritic())
trainer = Trainer(objective=NonSaturating(), constraint=Unconstrained(), networks=networks, training=Training(),
                  data=Ring().load(), seeds=[0])
trainer.advance(1)
"""
GAN_STUDY = (sys.executable, "-m", "services")


def finished(*arguments: str) -> Callable[[Path], float]:
    """Seconds until a process has ended."""

    def seconds(folder: Path) -> float:
        started = perf_counter()
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        return perf_counter() - started

    return seconds


def address_printed(folder: Path) -> float:
    """Seconds until `gan-study ui` has printed its address."""
    started = perf_counter()
    with subprocess.Popen(
        [*GAN_STUDY, "ui", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        printed = []
        for line in server.stdout:
            printed.append(line)
            if "http://" in line:
                break
        taken = perf_counter() - started
        server.terminate()
        server.stdout.read()
    if not printed or "http://" not in printed[-1]:
        raise SystemExit("".join(printed))
    return taken


MEASURED: dict[str, Callable[[Path], float]] = {
    "import torch": finished(sys.executable, "-c", "import torch"),
    "gan-study --help": finished(*GAN_STUDY, "--help"),
    "gan-study validate": finished(*GAN_STUDY, "validate", "seconds.toml"),
    "gan-study results": finished(*GAN_STUDY, "results", "seconds"),
    "gan-study compare": finished(*GAN_STUDY, "compare", "seconds"),
    "gan-study report": finished(*GAN_STUDY, "report", "seconds"),
    "gan-study run, finished already": finished(*GAN_STUDY, "run", "seconds.toml"),
    "gan-study ui, to its address": address_printed,
    "first step of a GAN": finished(sys.executable, "-c", FIRST_STEP),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5, metavar="N")
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seconds.toml").write_text(STUDY, encoding="utf-8")
        first = finished(*GAN_STUDY, "run", "seconds.toml")(folder)
        print(f"the whole study: {first:.1f} s")
        taken: dict[str, list[float]] = {what: [] for what in MEASURED}
        for _ in range(repetitions):
            for what, seconds in MEASURED.items():
                taken[what].append(seconds(folder))
    unit = min(taken["import torch"])
    for what, times in taken.items():
        print(f"{what:32} {min(times):6.2f} s, {min(times) / unit:5.2f} times import torch")


if __name__ == "__main__":
    main()
