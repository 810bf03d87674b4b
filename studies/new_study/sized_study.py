"""A study file for some data, methods and a budget of time, sized by a short calibration on this machine."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studies.errors import InputError, StudyFailed
from studies.execution.resources import this_machine
from studies.file.data_table import names_files
from studies.file.messages import count_noun
from studies.file.run_settings import LedgerSettings
from studies.file.search import Confirm, Exploit
from studies.file.study import Study
from studies.file.trees import Tree
from studies.forecast.calibration import cached
from studies.forecast.pack_work import Case, Work
from studies.forecast.run_forecast import Range, Simulation, run_seconds
from studies.forecast.simulated_trials import Result
from studies.forecast.study_plan import Planner, known_trials
from studies.ledger.ledger import Ledger
from studies.new_study.chosen_data import ChosenData
from studies.new_study.chosen_parts import (
    NetworkKind,
    conditions,
    large_images,
    needs_own_critic,
    networks,
    optimizer,
)
from studies.new_study.durations import duration_text
from studies.new_study.study_sizes import BudgetTooShort, StudySizes, sizes_for
from studies.new_study.study_text import rendered
from studies.reporting.terminal.data_text import data_text
from studies.reporting.terminal.plan_text import busy_sentence, duration_range
from studies.statistics.power import fewest_deciding_seeds

AROUND_SECONDS = 20.0
"""Seconds of a command besides those that a forecast has: its imports, and tables, figures and MLflow at the end.

The command that ran a study of 34 trials took 37 processor seconds besides those of its workers and of Ray, some of
them while they trained.
"""
ENOUGH = 1.05
"""The smallest budget over its forecast, since a forecast changes a little when more is measured."""
MOST_ROUNDS = 3
"""Largest number of times that sizes are chosen again after measuring what the chosen ones need."""
RUNS = 12
"""Number of simulated runs of a forecast."""


@dataclass(frozen=True, kw_only=True)
class StudyWish:
    """A study that somebody wants.

    name         name of the study
    data         its data
    presets      presets that it compares
    budget       seconds of a run
    folder       folder of the study file
    conditional  True for GANs that get the class of each sample

    Errors of the constructor: `InputError` for conditional GANs on data without classes.
    """

    name: str
    data: ChosenData
    presets: Sequence[str]
    budget: float
    folder: Path
    conditional: bool = False

    def __post_init__(self) -> None:
        if self.conditional and self.data.samples.condition_classes is None:
            raise InputError(
                f"--conditional: must be left out, since there are no classes in {self.data.words}; the classes of "
                "images are the folders they lie in, those of a table are in a column that --label names"
            )

    @property
    def classes(self) -> int:
        """Number of classes whose labels the networks get; 0 for unconditional GANs."""
        known = self.data.samples.condition_classes
        return len(known.names) if self.conditional and known is not None else 0


@dataclass(frozen=True, kw_only=True)
class SizedStudy:
    """A study file whose study fits into a budget of time.

    text      the file
    study     the study in it
    sizes     the numbers that were chosen for it
    forecast  seconds of the whole command that runs it
    """

    text: str
    study: Study
    sizes: StudySizes
    forecast: Range


def sized_study(wish: StudyWish, note: Callable[[str], None] = lambda sentence: None) -> SizedStudy:
    """The study of the largest sizes whose forecast fits into the budget.

    note  called with one sentence before the first measurement, and if other programs use the machine

    Errors: `InputError` if the smallest sizes do not fit, or if the ledger has a study of this name; `StudyFailed` if
    nothing can be measured.
    """
    candidates = _Candidates(wish, note)
    candidates.refuse_recorded()
    if busy := busy_sentence(os.getloadavg()[0], _cores()):
        note(busy)
    sizes = candidates.largest()
    for _ in range(MOST_ROUNDS):
        if not candidates.measure(sizes):
            break
        sizes = candidates.largest()
    forecast = candidates.seconds(sizes)
    text = study_text(wish, sizes, forecast)
    return SizedStudy(text=text, study=Study.parse(text, wish.folder), sizes=sizes, forecast=forecast)


class _Candidates:
    """Studies of different sizes for one wish, and their forecasts from costs that are measured as they are needed."""

    def __init__(self, wish: StudyWish, note: Callable[[str], None]):
        self._wish, self._note = wish, note
        self._bases: dict[NetworkKind, Study] = {}
        self._cases: set[Case] = set()
        self._forecasts: dict[StudySizes, Range] = {}

    def refuse_recorded(self) -> None:
        """Check that the ledger in the working folder has no study of the name, with which a run would be refused."""
        root, name = LedgerSettings().root, self._wish.name
        if Path(root).is_dir() and Ledger(root).read_study(name) is not None:
            raise InputError(f"NAME: must be the name of a new study, but {root} has a study {name} already")

    def largest(self) -> StudySizes:
        """The sizes that fit, by the costs that are measured so far."""
        wish = self._wish
        try:
            shape, deciding = wish.data.samples.sample_shape, fewest_deciding_seeds(len(wish.presets))
            return sizes_for(shape, lambda sizes: self.seconds(sizes).high, wish.budget, confirm_seeds=deciding)
        except BudgetTooShort as short:
            compared = f"{count_noun(len(wish.presets), 'method')} on {wish.data.words}"
            needed = 5 * math.ceil(short.seconds * ENOUGH / 5)
            raise InputError(
                f"--budget: must be >= {duration_text(needed)} for the smallest study of {compared} that is "
                f"worth its time on this machine, but is {duration_text(wish.budget)}"
            ) from None

    def seconds(self, sizes: StudySizes) -> Range:
        """The forecast of the command that runs the study of these sizes."""
        if sizes.networks not in self._bases:
            self.measure(sizes)
        if sizes not in self._forecasts:
            planner, simulation, works = self._simulated(sizes)
            self._cases |= {work.case for work in works}
            calibration = cached(self._cases, planner.cache)
            runs = [simulation.run(calibration.costs, number) for number in range(RUNS)]
            seconds = [AROUND_SECONDS + run_seconds(run, calibration.start_seconds) for run in runs]
            self._forecasts[sizes] = Range.of(seconds)
        return self._forecasts[sizes]

    def measure(self, sizes: StudySizes) -> bool:
        """Measure the costs of the study of these sizes that are not known yet; True if there were any.

        Errors: `StudyFailed` if a user's code fails in a measurement, or nothing can be measured.
        """
        planner, _, works = self._simulated(sizes)
        if not cached({work.case for work in works}, planner.cache).left_out:
            return False
        calibration = planner.calibrated(works, again=False, note=self._note)
        self._note = lambda sentence: None  # said once: measuring what larger sizes need belongs to it
        if calibration.errors:
            raise StudyFailed(f"a measurement failed: {calibration.errors[0]}")
        if calibration.left_out == len({work.case for work in works}):
            raise StudyFailed("this machine is too busy to measure how long a study takes; try again later")
        self._forecasts.clear()
        return True

    def _simulated(self, sizes: StudySizes) -> tuple[Planner, Simulation, list[Work]]:
        planner = Planner(self._study(sizes))
        design = planner.design()
        known_trials(design, _no_results)  # which all simulated runs then share
        simulation = planner.simulation(design, _no_results)
        return planner, simulation, simulation.packs()

    def _study(self, sizes: StudySizes) -> Study:
        """The study of these sizes; only the first one of each kind of networks is read from the text of a file."""
        if sizes.networks not in self._bases:
            text = study_text(self._wish, sizes, Range(0.0, 0.0, 0.0))
            self._bases[sizes.networks] = Study.parse(text, self._wish.folder)
        base = self._bases[sizes.networks]
        return replace(
            base,
            seeds=sizes.seeds,
            budget=replace(base.budget, steps=sizes.steps),
            evaluation=replace(base.evaluation, measurements=sizes.measurements),
            search=replace(
                base.search,
                explore=sizes.explore,
                exploit=Exploit(trials=sizes.exploit),
                confirm=Confirm(seeds=sizes.confirm_seeds),
            ),
        )


def _no_results(keys: Iterable[str]) -> dict[str, Result]:
    """The results of the trials of a study that has not run."""
    return {}


def study_text(wish: StudyWish, sizes: StudySizes, forecast: Range) -> str:
    """The text of the study file of these sizes; `forecast` is the time of a run that its comment states."""
    shape = wish.data.samples.sample_shape
    return rendered(
        "study.toml.jinja",
        name=wish.name,
        words=wish.data.words,
        presets=list(wish.presets),
        own_critics=[preset for preset in wish.presets if needs_own_critic(preset)],
        budget=duration_text(wish.budget),
        forecast=duration_range(forecast),
        cores=_cores(),
        sizes=sizes,
        evaluation=wish.data.evaluation,
        data=beside(wish.data.table, wish.folder),
        counted=data_text(wish.data.samples).partition("\n")[0].removeprefix("Data: "),
        notes=wish.data.notes,
        networks=networks(shape, sizes.networks, wish.classes),
        large=large_images(shape),
        optimizer=optimizer(shape),
        conditions=conditions(wish.presets, shape, sizes.networks),
    )


def _cores() -> int:
    """Number of cores of this machine that a run may use."""
    return int(sum(node.cpu for node in this_machine().nodes))


def beside(data: Tree, folder: Path) -> Tree:
    """The table `[data]` with a path that begins at the folder of the study file, if it lies below it."""
    if not names_files(data):
        return data
    path = Path(data["path"])
    below = path.is_relative_to(folder.absolute())
    return {**data, "path": str(path.relative_to(folder.absolute())) if below else str(path)}
