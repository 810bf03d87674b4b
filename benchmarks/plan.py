"""Forecasts of `gan-study plan` beside the truth: seconds of whole runs, and of all packs together.

    python benchmarks/plan.py                                        # dirac-map, segments, a-a
    python benchmarks/plan.py first-study ring --set budget.steps=500
    python benchmarks/plan.py presets-on-digits grid clip-value      # on an idle machine, an hour

Each study is measured anew, then run on this machine in a folder of its own, without MLflow. Printed are forecast,
truth and forecast / truth; the goal is a ratio between 0.8 and 1.25. `run` is the time on the clock from the start of
Ray to its end, `packs` the sum of all packs' seconds in all processes. Other programs lengthen a run more than its
forecast, which is from processor time.
"""

import argparse
import os
import tempfile
from time import monotonic

from studies.api import plan
from studies.execution.driver_process import run
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing
from studies.reporting.terminal.plan_text import duration_range


class Truth(Listener):
    """Seconds of a run, and of all packs."""

    def __init__(self) -> None:
        self.start, self.seconds, self.packs = 0.0, 0.0, 0.0

    def opened(self, standing: Standing, needed: Needed) -> None:
        self.start = monotonic()

    def ended(self, trial: TrialRecord) -> None:
        assert trial.finished
        self.packs += trial.facts["elapsed_seconds"]

    def closed(self, standing: Standing, interrupted: bool) -> None:
        assert not interrupted
        self.seconds = monotonic() - self.start


def compare(name: str, overrides: list[str]) -> None:
    """Print forecast and truth of one study."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study.load(name, overrides=[f"ledger.root={folder}/ledger", *overrides])
        before = monotonic()
        made = plan(study, calibrate=True)
        planned, truth = monotonic() - before, Truth()
        run(study, truth)
        rows = (("run", made.seconds, truth.seconds), ("packs", made.process_seconds, truth.packs))
        for label, forecast, seconds in rows:
            inside = "in" if forecast.low <= seconds <= forecast.high else "out of"
            print(
                f"{name:18} {label:6} forecast {duration_range(forecast):26} truth {seconds:7.1f} s  "
                f"ratio {forecast.middle / seconds:.2f}  {inside} its range",
                flush=True,
            )
        load = os.getloadavg()[0]
        print(f"{name:18} planned in {planned:.0f} s, {made.extrapolated} of {made.kinds} kinds extrapolated; ", end="")
        print(f"load of the machine at the end {load:.1f}", flush=True)


def main() -> None:
    """Compare the given studies, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", default=["dirac-map", "segments", "a-a"])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    given = parser.parse_args()
    for name in given.studies:
        compare(name, given.overrides)


if __name__ == "__main__":
    main()
