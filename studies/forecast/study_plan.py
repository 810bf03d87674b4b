"""The plan of a study: numbers of trials and steps, hours, memory and bytes, and what a ledger has of it."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studies.design import Design, Phase, TrialSpec, counts, least, seeds_of, total
from studies.execution.memory_need import least_gpu_memory
from studies.execution.resources import Resources, this_machine
from studies.execution.runner import _provenance, check_resources
from studies.file.condition import Condition
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.forecast.calibration import Calibration, cached, calibrate
from studies.forecast.cost_cache import CostCache
from studies.forecast.held_trials import HeldTrials
from studies.forecast.ledger_bytes import bytes_of
from studies.forecast.pack_work import Work, Works
from studies.forecast.run_forecast import Range, SimulatedRun, Simulation, run_seconds
from studies.forecast.simulated_trials import ResultsOf, SimulatedTrials
from studies.ledger.ledger import Ledger
from studies.numbers import format_duration
from studies.progress.former_study import FileChanges, FormerStudy
from studies.shown_values import html_view, text_view


@dataclass(frozen=True, kw_only=True)
class TrackingRows:
    """Largest numbers of rows that a study adds to an MLflow database: runs, metrics, params."""

    runs: int
    metric_rows: int
    params: int


@dataclass(frozen=True, kw_only=True)
class ConditionPlan:
    """The part of a plan that one condition has.

    trials                         largest number of trials in each phase
    seeds                          seeds of each trial, by phase
    in_ledger                      number of known trials that the ledger has
    to_train, packs                trials that a run trains, and packs that they form
    critic_steps, generator_steps  smallest and largest number of steps of a member that a run trains; None if it trains
                                   none, and for the critic steps of a user's loop, which are unknown
    restarts                       True if an interrupted trial starts again from zero, as a user's loop that runs as a
                                   whole does
    process_seconds                seconds of all its packs, one after the other
    memory_bytes                   smallest and largest memory of a process that trains one of its packs, as far as
                                   it was measured
    """

    name: str
    trials: dict[Phase, int]
    seeds: dict[Phase, int]
    in_ledger: int
    to_train: Range
    packs: Range
    critic_steps: tuple[int, int] | None
    generator_steps: tuple[int, int] | None
    restarts: bool
    process_seconds: Range
    memory_bytes: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of a study on this machine.

    study             name
    processes         number of processes that train at once
    cores, load       number of cores that processes may use, and the load of the machine before the plan was made
    least, most       smallest and largest possible number of trials
    conditions        its conditions
    seconds           seconds of the whole run, its start included
    process_seconds   seconds of all packs, one after the other
    memory_bytes      largest memory of all processes together, as far as it was measured; without that of the driver
    gpu_memory_bytes  memory of a GPU that one process takes at least; None if the study uses no GPU
    ledger_bytes      bytes that the run adds to the ledger, before compression
    tracking          rows in MLflow's database
    ledger_root       folder of the ledger
    begun             number of unfinished trials that were begun; some may have no checkpoint yet
    changes           consequences of changes to the study of this name there
    kinds             number of kinds of packs
    extrapolated      number of those that were not measured
    measured_now      number of those that were measured for this plan
    errors            messages of users' code that failed while it was measured
    """

    study: str
    processes: int
    cores: int
    load: float
    least: int
    most: int
    conditions: tuple[ConditionPlan, ...]
    seconds: Range
    process_seconds: Range
    memory_bytes: float | None
    gpu_memory_bytes: float | None
    ledger_bytes: Range
    tracking: TrackingRows | None
    ledger_root: str
    begun: int
    changes: FileChanges
    kinds: int
    extrapolated: int
    measured_now: int
    errors: tuple[str, ...]

    def __repr__(self) -> str:
        trials = f"{self.most}" if self.least == self.most else f"{self.least} to {self.most}"
        ends = f"{format_duration(self.seconds.low)} to {format_duration(self.seconds.high)}"
        return f"<Plan of {self.study}: {trials} trials, {ends}>"

    def __str__(self) -> str:
        return text_view(self)

    def _repr_html_(self) -> str | None:
        return html_view(self)


class Planner:
    """Simulations of a study and the costs of its packs, for plans and for forecasts of runs.

    resources  machine or cluster that the study runs on

    Errors: `InputError` if the resources cannot run the study.
    """

    def __init__(self, study: Study, resources: Resources | None = None):
        self.study, self.resources = study, resources or this_machine()
        self.data, self.ledger = load_samples(study.data), Ledger(study.ledger.root)
        self.allocation = check_resources(study, self.ledger, self.resources)
        self.processes = self.resources.processes_at_once(self.allocation)
        self.works = Works(self.data.sample_shape)
        self.cache = CostCache(self.processes, max(1, int(self.allocation.cpu)))

    def design(self) -> Design:
        """The study's design on these resources, which knows no trial yet."""
        return Design(self.study, _provenance(self.study, "cuda" if self.allocation.gpu else "cpu"))

    def simulation(self, design: Design, results: ResultsOf) -> Simulation:
        """Simulated runs from what a design knows, and the results of the trials that have ended."""
        cores = sum(node.cpu for node in self.resources.nodes)
        full = self.processes * self.allocation.cpu >= cores
        return Simulation(design, results, self.works, self.processes, full=full)

    def cached(self, works: Iterable[Work]) -> Calibration:
        """The costs that are cached."""
        return cached({work.case for work in works}, self.cache)

    def calibrated(self, works: Sequence[Work], *, again: bool, note: Callable[[str], None]) -> Calibration:
        """The costs, after measuring those that are not cached."""
        return calibrate(self.study, works, self.allocation, self.resources, self.cache, again=again, note=note)


def plan_of(
    study: Study,
    *,
    resources: Resources | None = None,
    tracking: TrackingRows | None = None,
    again: bool = False,
    note: Callable[[str], None] = lambda sentence: None,
) -> Plan:
    """The plan of a study; kinds of packs whose costs are not cached are measured for about a minute at most.

    Nothing is written but the cache of costs.

    resources  machine or cluster that the study runs on; None: this machine
    tracking   rows in MLflow
    again      True: measure costs again that are cached
    note       called with one sentence before the first measurement

    Errors: `InputError` if the resources cannot run the study; `DamagedError` for a damaged ledger; `StudyFailed` if
    nothing can be measured.
    """
    load = os.getloadavg()[0]
    planner = Planner(study, resources)
    held, former = HeldTrials(planner.ledger, study.outcomes), FormerStudy.read(planner.ledger, study.name)
    design = planner.design()
    known = known_trials(design, held.results)
    simulation = planner.simulation(design, held.results)
    works = simulation.packs()
    calibration = planner.calibrated(works, again=again, note=note)
    runs = simulation.runs(calibration.costs, calibration.start_seconds)
    cases = {work.case for work in works}
    conditions = tuple(
        _condition(study, condition, runs, calibration, sum(t.key in held for t in known if t.condition == name))
        for condition in study.conditions
        for name in [condition.name]
    )
    on_gpu = [least_gpu_memory(study, condition)[0] for condition in study.conditions if planner.allocation.gpu]
    memory = [each.memory_bytes[1] for each in conditions if each.memory_bytes is not None]
    return Plan(
        study=study.name,
        processes=planner.processes,
        cores=int(sum(node.cpu for node in planner.resources.nodes)),
        load=load,
        least=least(study),
        most=total(study),
        conditions=conditions,
        seconds=Range.of([run_seconds(run, calibration.start_seconds) for run in runs]),
        process_seconds=Range.of([run.work_seconds for run in runs]),
        memory_bytes=planner.processes * max(memory) if memory else None,
        gpu_memory_bytes=max(on_gpu, default=None),
        ledger_bytes=Range.of([sum(bytes_of(work, study, planner.data) for work, _ in run.packs) for run in runs]),
        tracking=tracking,
        ledger_root=str(planner.ledger.root),
        begun=len(planner.ledger.started().intersection(trial.key for trial in known if trial.key not in held)),
        changes=FileChanges() if former is None else former.changes(study, held, known),
        kinds=len(cases),
        extrapolated=calibration.left_out,
        measured_now=calibration.measured_now,
        errors=calibration.errors,
    )


MOST_FOR_ESTIMATE = 3000
"""Largest number of trials of a study that is simulated where only a rough time is asked for."""


def cached_seconds(study: Study) -> Range | None:
    """Seconds of a run from cached costs alone; None if one is missing, or the study is very large.

    Errors: as for `plan_of`.
    """
    planner = Planner(study)
    if planner.cache.start_seconds() is None or total(study) > MOST_FOR_ESTIMATE:
        return None
    held = HeldTrials(planner.ledger, study.outcomes)
    design = planner.design()
    known_trials(design, held.results)
    simulation = planner.simulation(design, held.results)
    calibration = planner.cached(simulation.packs())
    if calibration.left_out:
        return None
    runs = simulation.runs(calibration.costs, calibration.start_seconds)
    return Range.of([run_seconds(run, calibration.start_seconds) for run in runs])


def known_trials(design: Design, results: ResultsOf) -> list[TrialSpec]:
    """Every trial whose configuration is determined by the results of the trials that have ended."""
    trials = SimulatedTrials(design, results, np.random.default_rng(0), undecided=False)
    trials.first()
    return trials.known


def _condition(
    study: Study, condition: Condition, runs: Sequence[SimulatedRun], calibration: Calibration, in_ledger: int
) -> ConditionPlan:
    own = [[(work, seconds) for work, seconds in run.packs if work.condition == condition.name] for run in runs]
    works = [work for packs in own for work, _ in packs]
    measured = [work.case for work in works if calibration.costs.is_measured(work.case)]
    memory = [calibration.costs.of(case).memory_bytes for case in measured]
    critic = [work.pretraining_steps + work.critic_steps for work in works]
    generator = [work.generator_steps for work in works]
    trials = counts(study, condition)
    return ConditionPlan(
        name=condition.name,
        trials=trials,
        seeds={phase: len(seeds_of(study, condition, phase, 0)) for phase in trials},
        in_ledger=in_ledger,
        to_train=Range.of([sum(work.trials for work, _ in packs) for packs in own]),
        packs=Range.of([len(packs) for packs in own]),
        critic_steps=(min(critic), max(critic)) if works and not condition.own_loop else None,
        generator_steps=(min(generator), max(generator)) if works else None,
        restarts=any(not loop.resumes for loop in condition.extreme_loops()),
        process_seconds=Range.of([sum(seconds for _, seconds in packs) for packs in own]),
        memory_bytes=(min(memory), max(memory)) if memory else None,
    )
