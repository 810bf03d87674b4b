"""Remaining time of a run, from its forecast and the true seconds of what it has trained."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from studies.design import Design, Provenance, TrialSpec
from studies.errors import InputError
from studies.execution.resources import Resources
from studies.file.study import Study
from studies.forecast.calibration import Calibration
from studies.forecast.held_trials import HeldTrials
from studies.forecast.pack_work import Work
from studies.forecast.run_forecast import Range, SimulatedRun, run_seconds
from studies.forecast.simulated_trials import Result
from studies.forecast.study_plan import Planner
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.progress.pending import StudyProgress
from studies.progress.standing import Needed

TRUSTED = 0.5
"""Smallest share of the seconds of a run that must come from measured kinds of packs, for a forecast to be printed."""
PRIOR_SECONDS = 20.0
"""Seconds of training after which the true speed counts as much as the measured one."""


class RunForecast:
    """The forecast of a run, and its remaining time.

    Nothing is measured here: costs that are not cached are rough, and the first packs that end correct them. The trials
    are read from the ledger, in which the run has recorded the study.

    root     path of the ledger
    seconds  forecast of the whole run; None if too little of it was measured on this machine

    Errors: `InputError` if no process fits on the resources.
    """

    def __init__(self, study: Study, root: Path, resources: Resources | None = None):
        self._planner, self._budget, self._rules = Planner(study, resources), study.budget.steps, study.outcomes
        self._true, self._forecast = 0.0, 0.0
        ledger = Ledger(root)
        record = ledger.read_study(study.name)
        if record is None:
            raise InputError(f"{study.name}: must be recorded in {root} before its run is forecast")
        design = Design(study, Provenance.from_table(record["provenance"]))
        self._progress = StudyProgress(design, ledger)
        self._begin()
        start = self._calibration.start_seconds
        runs = self._simulation.runs(self._calibration.costs, start) if self._trusted else []
        self.seconds = Range.of([run_seconds(run, start) for run in runs]) if runs else None

    def _begin(self) -> None:
        """Simulate the run from what is pending now."""
        progress = self._progress
        pending = {trial.key for trial in progress.pending()}
        ended = {trial.key for trial in progress.trials()} - pending
        held = HeldTrials(progress.ledger, self._rules)

        def results(keys: Iterable[str]) -> dict[str, Result]:
            known = ended.intersection(keys)
            return {key: Result(0.0, 1.0, np.empty(0)) for key in known} | held.results(known)  # lost: without a score

        self._trials = progress.needed.trials
        self._simulation = self._planner.simulation(progress.design, results)
        self._calibration: Calibration = self._planner.cached(self._simulation.packs())
        self._run: SimulatedRun = self._simulation.run_as_measured(self._calibration.costs)
        self._done = 0.0

    @property
    def _trusted(self) -> bool:
        costs = self._calibration.costs
        measured = sum(seconds for work, seconds in self._run.packs if costs.is_measured(work.case))
        return bool(self._run.packs) and measured >= TRUSTED * self._run.work_seconds

    def ended(self, trial: TrialRecord) -> None:
        """Note a trial that has ended."""
        if trial.finished:
            seconds = self._share(trial.spec, trial.facts["trials_sharing_seconds"])
            self._true += trial.facts["elapsed_seconds"]
            self._forecast += seconds
            self._done += seconds

    def planned(self, needed: Needed) -> None:
        """Note the number of trials that the study is known to need."""
        if needed.trials != self._trials:
            self._begin()

    def remaining(self, running: Mapping[str, tuple[TrialSpec, int]]) -> float | None:
        """Remaining seconds; None if nothing is known yet.

        The forecast of the packs that are left, times the true seconds of those that have ended over their forecast. It
        is at least that of the pack that is left on one process.

        running  running trials and their last steps, by key
        """
        if not self._trusted and not self._forecast:
            return None
        prior = PRIOR_SECONDS if self._trusted else 0.0
        speed = (self._true + prior) / (self._forecast + prior)
        left = [(self._budget - step) / self._budget for _, step in running.values()]
        shares = self._running_shares([spec for spec, _ in running.values()])
        trained = sum((1 - part) * share for part, share in zip(left, shares, strict=True))
        work = max(0.0, self._run.work_seconds - self._done - trained)
        packs: dict[str, float] = defaultdict(float)
        for (spec, _), part, share in zip(running.values(), left, shares, strict=True):
            packs[spec.pack] += part * share
        whole = self._run.seconds * work / self._run.work_seconds if self._run.packs else 0.0
        return speed * max(whole, *packs.values(), 0.0)

    def _running_shares(self, specs: Collection[TrialSpec]) -> list[float]:
        together = Counter(spec.pack for spec in specs)
        return [self._share(spec, together[spec.pack]) for spec in specs]

    def _share(self, trial: TrialSpec, together: int) -> float:
        """Forecast of a trial's share of the seconds of its pack, which holds this number of trials."""
        work: Work = self._planner.works.of([trial] * together)
        return self._calibration.costs.seconds(work) / together
