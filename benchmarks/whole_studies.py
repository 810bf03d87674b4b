"""Whole studies with Ray and ledger: trials in packs against one trial per process, and the driver at many trials.

    python benchmarks/whole_studies.py                      # both of the following
    python benchmarks/whole_studies.py packs                # 512 configurations in packs, 48 one by one
    python benchmarks/whole_studies.py driver               # 1,000 and 20,000 trials of the Dirac pair

`packs`: width 16, 3 seeds, 1,000 iterations on the ring, 20 evaluations. Both sides run the same study file with the
same number of workers; the second side has packs of one trial. Seconds per trial are those on the clock from the first
to the last trial's end, without the start of Ray.

`driver`: processor time of the driver's process and of the command's for a trial, which should not grow with the number
of trials, and the driver's memory.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, process_time
from unittest.mock import patch

import psutil  # type: ignore[import-untyped]

from studies.execution.driver_process import run
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing

RING = """
name = "benchmark"
seeds = 3
budget.steps = 1000
evaluation.measurements = 20
search = {{explore = {trials}, exploit = {{trials = 0}}, confirm = {{best = 0}}}}
data.kind = "ring"
networks.generator = {{kind = "mlp", width = 16, depth = 3, latent = 32}}
networks.critic = {{kind = "mlp", width = 16, depth = 3}}
training.critic_optimizer.lr = {{log_uniform = [1e-4, 1e-2]}}
training.generator_optimizer.lr = {{log_uniform = [1e-4, 1e-2]}}

[[conditions]]
name = "gan-r1"
preset = "gan-r1"
constraint.gp_weight = "search"
"""
DIRAC = """
name = "benchmark"
seeds = 1
budget.steps = 20
evaluation.measurements = 20
search = {{explore = {trials}, exploit = {{trials = 0}}, confirm = {{best = 0}}}}
data.kind = "dirac"
networks = {{kind = "dirac", theta = 1.0, psi = -1.0}}
training.batch = 1
training.critic_optimizer = {{kind = "sgd", lr = {{log_uniform = [0.01, 1.0]}}}}
training.generator_optimizer = {{kind = "sgd", lr = 0.2}}

[[conditions]]
name = "wasserstein"
objective.kind = "wasserstein"
"""


class Ends(Listener):
    """Times at which trials ended, and at which the run opened and closed the study."""

    def __init__(self) -> None:
        self.first_report = 0.0
        self.ends: list[float] = []
        self.driver_seconds, self.driver_bytes = 0.0, 0

    def measured(self, spec: object, summaries: Sequence[object]) -> None:
        self.first_report = self.first_report or monotonic()

    def opened(self, standing: Standing, needed: Needed) -> None:
        children = psutil.Process().children()
        (self.driver,) = (child for child in children if "studies.driver_entry" in " ".join(child.cmdline()))

    def ended(self, trial: TrialRecord) -> None:
        assert trial.finished
        self.ends.append(monotonic())
        times = self.driver.cpu_times()
        self.driver_seconds, self.driver_bytes = times.user + times.system, self.driver.memory_info().rss

    def closed(self, standing: Standing, interrupted: bool) -> None:
        assert not interrupted


def run_study(text: str, trials: int) -> Ends:
    """Run a study with this number of trials in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.toml"
        file.write_text(text.format(trials=trials))
        ends = Ends()
        run(Study.load(file, overrides=[f"ledger.root={folder}/ledger"]), ends)
        assert len(ends.ends) == trials
        return ends


def packs(packed: int, single: int) -> None:
    """Print seconds per trial of both sides."""
    together = run_study(RING, packed)
    with patch("studies.design.places.pack_members", return_value=1):
        alone = run_study(RING, single)
    seconds = [(ends.ends[-1] - ends.first_report) / len(ends.ends) for ends in (together, alone)]
    print(f"{packed} trials in packs: {seconds[0]:.3f} s per trial on the clock")
    print(f"{single} trials one by one: {seconds[1]:.3f} s per trial on the clock, {seconds[1] / seconds[0]:.1f}x")


def driver(counts: Sequence[int]) -> None:
    """Print processor time and memory of the driver for studies of these numbers of trials, smallest first."""
    start = run_study(DIRAC, 50).driver_seconds  # imports, and the start of Ray
    print("   trials   driver, ms per trial   command, ms per trial   clock, ms per trial   driver's memory, MB")
    for trials in sorted(counts):
        before, clock = process_time(), monotonic()
        ends = run_study(DIRAC, trials)
        seconds = (ends.driver_seconds - start, process_time() - before, monotonic() - clock)
        own, command, elapsed = (1000 * part / trials for part in seconds)
        memory = ends.driver_bytes / 1e6
        print(f"{trials:9} {own:22.2f} {command:23.2f} {elapsed:21.2f} {memory:21.0f}", flush=True)


def main() -> None:
    """Run one of the two comparisons, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", choices=("packs", "driver", "both"), nargs="?", default="both")
    parser.add_argument("--packed", type=int, default=512)
    parser.add_argument("--single", type=int, default=48)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 20_000])
    given = parser.parse_args()
    if given.comparison != "driver":
        packs(given.packed, given.single)
    if given.comparison != "packs":
        driver(given.trials)


if __name__ == "__main__":
    main()
