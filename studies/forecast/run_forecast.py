"""Forecast of a run: seconds, and the packs that it trains, from simulated runs."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from studies.design import Design, TrialSpec, most_groups, total
from studies.forecast.pack_costs import PackCosts, noise
from studies.forecast.pack_work import Work, Works
from studies.forecast.simulated_trials import ResultsOf, SimulatedTrials

HANDOVER_SECONDS = 0.1
"""Seconds between two packs of a process that is given one pack at a time."""
SECONDS_OF_PACKS = 2.0
"""Packs that are shorter are given to a process together, as many as train in these seconds."""
MACHINE = 0.08
"""Standard deviation of the logarithm of a machine's speed between a measurement and a run."""
MOST_RUNS, SIMULATED_TRIALS = 24, 1200
"""Largest number of simulated runs, and that of the trials in all of them, unless two runs have more.

Not a time, so that all who forecast a study state the same numbers.
"""
SPLITS = 500
"""Number of random splits of a simulated test; with those of a study most of a simulation's time would be theirs."""
LOW, HIGH = 0.1, 0.9
"""Quantiles between which a forecast's range lies: 80 % of the runs should be within."""


@dataclass(frozen=True)
class Range:
    """Median of a quantity, and the ends of the range that holds 80 % of its values."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        """The range of simulated values."""
        low, middle, high = np.quantile(values, [LOW, 0.5, HIGH])
        return cls(float(low), float(middle), float(high))


@dataclass(frozen=True)
class SimulatedRun:
    """One simulated run: seconds from its first to its last pack, and the work and the seconds of every pack."""

    seconds: float
    packs: tuple[tuple[Work, float], ...]

    @property
    def work_seconds(self) -> float:
        """Seconds of all packs together."""
        return sum(seconds for _, seconds in self.packs)


def simulate(
    trials: SimulatedTrials,
    work_of: Callable[[Sequence[TrialSpec]], Work],
    seconds_of: Callable[[Work], float],
    processes: int,
    *,
    first_seconds: float = 0.0,
    driver_seconds: float = 0.0,
) -> SimulatedRun:
    """Train the packs on some processes, each next one on the first that is free; those that depend on results wait.

    first_seconds   seconds that the first pack of a process takes in addition
    driver_seconds  seconds that other processes keep each trial's process from its core
    """
    waiting, running, packs = deque(trials.first()), list[tuple[float, int, tuple[TrialSpec, ...]]](), []
    now, number = 0.0, 0
    while waiting or running:
        while waiting and len(running) < processes:
            pack = waiting.popleft()
            work = work_of(pack)
            seconds = seconds_of(work) + (first_seconds if number < processes else 0.0)
            packs.append((work, seconds))
            end = now + seconds + _handover(seconds) + driver_seconds * len(pack)
            heapq.heappush(running, (end, number, pack))
            number += 1
        now, _, ended = heapq.heappop(running)
        waiting += trials.end(ended)
    return SimulatedRun(now, tuple(packs))


def _handover(seconds: float) -> float:
    return HANDOVER_SECONDS * min(1.0, seconds / SECONDS_OF_PACKS)


START_RATIO, FIRST_PACK_RATIO, STOP_SECONDS = 3.0, 0.8, 1.0
"""Seconds from the start of a run to its first pack, and those that the first pack of a process takes in addition for
imports and first calls, both in those until a worker is ready; seconds of a run's end."""
TYPICAL_START = 3.0
"""Processor time until a worker is ready, where it was not measured."""
OTHER_PROGRAMS = 0.08
"""Share of the cores that Ray, the driver and the system take while the processes of a run use all of them."""


DRIVER_SECONDS = 0.005
"""Processor seconds that the driver (0.0035, see `benchmarks/whole_studies.py driver`), the command and Ray use for one
trial; they lengthen a run whose trainings use all cores."""


def run_seconds(run: SimulatedRun, start_seconds: float | None) -> float:
    """Seconds of a whole run, its start included; 0 if it trains nothing.

    start_seconds  processor time until a worker is ready; None: `TYPICAL_START`
    """
    if not run.packs:
        return 0.0
    return START_RATIO * _start(start_seconds) + run.seconds + STOP_SECONDS


def _start(seconds: float | None) -> float:
    return TYPICAL_START if seconds is None else seconds


class Simulation:
    """Simulated runs of a study.

    design     design that knows the trials that are known so far; it is not changed
    results    results of the trials that have ended
    works      works of packs
    processes  number of processes that train at once
    full       True if they use every core

    Random suggestions replace those of the sampler, which take time and would follow random scores.
    """

    def __init__(self, design: Design, results: ResultsOf, works: Works, processes: int, *, full: bool):
        self._share, self._driver_seconds = (1 - OTHER_PROGRAMS, DRIVER_SECONDS) if full else (1.0, 0.0)
        self._design, self._results = design.copy(sampler="random", splits=SPLITS), results
        self._works, self._processes = works, processes

    def packs(self) -> list[Work]:
        """The work of the packs of two simulated runs, in which every kind of pack should occur."""
        runs = [simulate(self._trials(number), self._works.of, lambda work: 1.0, self._processes) for number in (0, 1)]
        return [work for run in runs for work, _ in run.packs]

    def runs(self, costs: PackCosts, start_seconds: float | None) -> list[SimulatedRun]:
        """Runs with random results and speeds; at least two, and the more, the smaller the study is."""
        count = max(2, min(MOST_RUNS, SIMULATED_TRIALS // total(self._design.study)))
        return [self.run(costs, number, start_seconds) for number in range(count)]

    def run_as_measured(self, costs: PackCosts) -> SimulatedRun:
        """The simulated run 0 in which every pack takes the seconds that its parts take where nothing disturbs them."""
        return simulate(self._trials(0), self._works.of, costs.seconds, self._processes)

    def run(self, costs: PackCosts, number: int, start_seconds: float | None = None) -> SimulatedRun:
        """The simulated run of a number, at a random speed.

        start_seconds  processor time until a worker is ready; None: `TYPICAL_START`
        """
        random = _random(number, 1)
        speed = noise(MACHINE, random) / self._share
        of_structure: dict[str, float] = {}

        def seconds_of(work: Work) -> float:
            spread = costs.of(work.case).spread
            factor = of_structure.setdefault(work.case.structure, noise(spread, random))
            return speed * factor * costs.seconds(work)

        first = FIRST_PACK_RATIO * _start(start_seconds)
        return simulate(
            self._trials(number),
            self._works.of,
            seconds_of,
            self._processes,
            first_seconds=first,
            driver_seconds=self._driver_seconds,
        )

    def _trials(self, number: int) -> SimulatedTrials:
        undecided = most_groups(self._design.study) > 1 and number % 2 == 1
        return SimulatedTrials(self._design.copy(), self._results, _random(number, 0), undecided=undecided)


def _random(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
