"""A study as tidy DataFrames, read from its ledger, finished or still running."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gan_core.data import Dataset
from gan_core.metrics import Box
from gan_core.stability import OUTCOMES, Curve, Verdict, judge_all
from studies.comparison import rank
from studies.comparison.ranking import FIRST
from studies.design import CONFIRMING, PHASES, Planned
from studies.errors import InputError, TrackingError
from studies.judgement import endings, member_curves
from studies.ledger import Entry, Ledger
from studies.recorded import STATES, Elsewhere, Finished, Recorded, recorded, uncollected
from studies.samples import loaded
from studies.sentences import nearest, printable
from studies.space import Distribution
from studies.study import Study
from studies.trained import Best
from studies.validation import check_name

LISTED = 12
"""Of how many studies a ledger's names still make one sentence."""


class Results:
    """One study's tables; each is read when it is first asked for.

    trials   a row per trial that was started
    members  a row per member of a finished trial
    curves   a row per member, step and metric
    ranking  the conditions, best first, from confirm alone
    study    the study itself

    Besides the `question` that it asks, in words, and the `environment` that it was last run in: versions, git state
    and hardware.
    """

    def __init__(self, ledger: Ledger, record: dict[str, Any], elsewhere: Elsewhere | None = None):
        self.study = Study.recorded(record["study"], record.get("surroundings", {}).get("sources", {}))
        self.question: str = record.get("question", "")
        self.environment: dict[str, Any] = record.get("environment") or {}
        self.ledger, self._elsewhere = ledger, elsewhere

    @cached_property
    def recorded(self) -> list[Recorded]:
        """The trials that were started, in the order of issue."""
        order = {condition.name: place for place, condition in enumerate(self.study.conditions)}
        found = self._elsewhere.trials if self._elsewhere is not None else self._read()
        trials = [one for one in found if one.planned.condition in order]
        return sorted(
            trials, key=lambda one: (PHASES.index(one.planned.phase), one.planned.index, order[one.planned.condition])
        )

    def _read(self) -> Iterator[Recorded]:
        for planned in self.ledger.read_plan(self.study.name):
            trial = Planned(**planned)
            entry = self.ledger.entry(trial.address)
            if entry.started:
                yield recorded(trial, entry)

    @property
    def planned(self) -> list[Planned]:
        """What those trials are."""
        return [one.planned for one in self.recorded]

    @cached_property
    def _finished(self) -> list[Finished]:
        return [one for one in self.recorded if isinstance(one, Finished)]

    @cached_property
    def member_curves(self) -> dict[str, dict[int, Curve]]:
        """What the members of each finished trial are judged by: the trial's address, then the member's seed."""
        return {one.planned.address: member_curves(one.facts, one.course) for one in self._finished}

    @cached_property
    def _verdicts(self) -> dict[str, dict[int, Verdict]]:
        with uncollected():
            members = [(address, seed) for address, curves in self.member_curves.items() for seed in curves]
            judged = judge_all([self.member_curves[address][seed] for address, seed in members], self.study.stability)
        verdicts: dict[str, dict[int, Verdict]] = {address: {} for address in self.member_curves}
        for (address, seed), verdict in zip(members, judged, strict=True):
            verdicts[address][seed] = verdict
        return verdicts

    @cached_property
    def curves(self) -> pd.DataFrame:
        """condition, phase, trial, seed, step, metric, value."""
        courses = [one.course for one in self._finished]
        metrics = sorted({metric for course in courses for metric in course.layout.metrics})
        codes = {course.layout: np.searchsorted(metrics, course.layout.metrics) for course in courses}
        rows = np.array([len(course.value) for course in courses], dtype=np.int64)
        return self._keyed(
            [one.planned for one in self._finished],
            rows,
            {
                "seed": _joined([course.seeds[course.layout.place] for course in courses], np.int64),
                "step": _joined([course.layout.step for course in courses], np.int64),
                "metric": pd.Categorical.from_codes(
                    _joined([codes[course.layout][course.layout.metric] for course in courses], np.int64),
                    pd.Index(metrics, dtype="str"),
                ),
                "value": _joined([course.value for course in courses], np.float64),
            },
        )

    @cached_property
    def members(self) -> pd.DataFrame:
        """What became of every member, judged by the study's thresholds; empty where a measure does not exist."""
        judged = [self._verdicts[one.planned.address] for one in self._finished]
        verdicts = [verdict for one in judged for verdict in one.values()]
        return self._keyed(
            [one.planned for one in self._finished],
            np.array([len(one) for one in judged], dtype=np.int64),
            {
                "seed": np.array([seed for one in judged for seed in one], dtype=np.int64),
                **{
                    name: pd.Series([getattr(verdict, name) for verdict in verdicts], dtype=dtype)
                    for name, dtype in MEMBER_MEASURES.items()
                },
            },
        )

    @cached_property
    def ended_members(self) -> pd.DataFrame:
        """The same and the members of every trial that was given up: without an outcome or a measure they failed."""
        lost = [
            {
                "condition": one.planned.condition,
                "phase": one.planned.phase,
                "trial": one.planned.index,
                "seed": seed,
                "improving": False,
            }
            for one in self.recorded
            if one.state == "failed"
            for seed in one.planned.seeds
        ]
        if not lost:
            return self.members
        frame = pd.DataFrame(lost).reindex(columns=self.members.columns).astype(MEMBER_MEASURES)
        text = {"condition": "str", "phase": "str"}
        return self._typed(pd.concat([self.members.astype(text), frame.astype(text)], ignore_index=True))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """study, condition, phase, trial, the knobs by their dotted paths, and how the trial ended."""
        knobs, finished = self._knobs, self._finished
        with uncollected():
            came_to = endings([(one.facts, list(self._verdicts[one.planned.address].values())) for one in finished])
            ending_of = {one.planned.address: ending for one, ending in zip(finished, came_to, strict=True)}
            rows = [
                {
                    "study": self.study.name,
                    "condition": one.planned.condition,
                    "phase": one.planned.phase,
                    "trial": one.planned.index,
                    **{path: one.planned.configuration.get(path) for path in knobs},
                    "state": one.state,
                    **ending_of.get(one.planned.address, {}),
                    "address": one.planned.address,
                }
                for one in self.recorded
            ]
        columns = ["study", "condition", "phase", "trial", *knobs, *TRIAL_MEASURES, "address"]
        frame = pd.DataFrame(rows, columns=columns, dtype="object")
        return self._typed(frame.astype({"study": "str", **knobs, **TRIAL_MEASURES, "address": "str"}))

    @property
    def _knobs(self) -> dict[str, str]:
        """The type of each searched knob's column, by its dotted path; empty where a condition does not search it."""
        found: dict[str, list[Distribution]] = {}
        for condition in self.study.conditions:
            for path, knob in condition.knobs.items():
                found.setdefault(path, []).append(knob)
        return {path: _column_type(found[path]) for path in sorted(found)}

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """rank, condition, distance and failure rate with intervals, members, and the winning configuration."""
        table = rank(self.ended_members, seed=self.study.search.seed)
        trials = self.trials[self.trials["phase"] == "confirm"].astype({"condition": "str"})
        knobs = [path for path in trials if "." in path]
        return table.merge(trials[["condition", "trial", *knobs]], on=["condition", "trial"], how="left")

    def best(self, condition: str, which: str = "last") -> Best:
        """What was confirmed first for a condition: its configuration and its generators at the end of training.

        `which="best"` gives each member's generator at its smallest distance instead.

        Errors: `InputError` for a condition that the study does not have, that is not confirmed yet or was given up.
        """
        trial = self._confirmed(condition)
        return Best(
            condition=condition,
            configuration=trial.configuration,
            identity=trial.identity,
            seeds=trial.seeds,
            space=self.data.space,
            shape=self.data.shape,
            parameters=self._entry(trial, f"generator_{which}.pt").generator(which),
        )

    def samples(self, condition: str, which: str = "last") -> Float[np.ndarray, "seeds samples dim"]:
        """Fakes that the ledger keeps of a condition's first confirmed configuration, flattened."""
        return self._entry(self._confirmed(condition), "samples.npz").samples()[which]

    def course(self, condition: str) -> tuple[list[int], Float[np.ndarray, "moments seeds samples dim"]]:
        """Steps on the budget's clock, and fakes that the same configuration's generators made then, flattened.

        They are always those of the same z. A trial that ended early, without a finite member, has fewer moments.

        Errors: `InputError` as for `best`, and for a trial that is older than this record.
        """
        kept = self._entry(self._confirmed(condition), "samples.npz").samples()
        if "course" not in kept:
            raise InputError(f"{condition}: its trial was finished before fakes were kept during the training")
        return kept["course_steps"].tolist(), kept["course"]

    def critic_surface(self, condition: str) -> tuple[Box, Float[np.ndarray, "seeds rows columns"]]:
        """What the same configuration's critics say at the end of training around points of the plane.

        A value for each cell of the box, in the order of its `centers`.

        Errors: `InputError` as for `best`, and for data that are no points of the plane.
        """
        kept = self._entry(self._confirmed(condition), "samples.npz").samples()
        if "critic_surface" not in kept:
            raise InputError(f"{condition}: a critic's surface is kept of points of the plane alone")
        low, high = kept["critic_corners"]
        surface = kept["critic_surface"]
        return Box(low=low, high=high, resolution=surface.shape[-1]), surface

    def _confirmed(self, condition: str) -> Planned:
        self.study.condition(condition)
        for one in self._finished:
            if (one.planned.condition, one.planned.phase, one.planned.index) == (condition, "confirm", FIRST):
                return one.planned
        if condition in set(self.ranking["condition"]):
            raise InputError(
                f"{condition}: the trial that confirms it was given up, so there is nothing trained to show"
            )
        raise InputError(f"{condition}: is not confirmed yet; run the study to its end first")

    def _entry(self, trial: Planned, file: str) -> Entry:
        """A trial's folder with one of its larger files in it."""
        entry = self.ledger.entry(trial.address)
        if self._elsewhere is not None:
            self._elsewhere.bring(entry, ["facts.json", file])
        return entry

    @cached_property
    def data(self) -> Dataset:
        """The real samples that the study learns."""
        return loaded(self.study.data)

    @cached_property
    def lines(self) -> dict[str, float | None]:
        """What stands beside the confirmed distances: floor, ref and the Gaussian's line."""
        return self._beside("lines", confirming=True) or self.search_lines

    @cached_property
    def search_lines(self) -> dict[str, float | None]:
        """The same lines as explore and exploit are measured against, on the search reference."""
        return self._beside("lines", confirming=False)

    @cached_property
    def floors(self) -> dict[str, float]:
        """What real samples get in the confirmed measures, by their names."""
        return self._beside("floors", confirming=True)

    @cached_property
    def gaussians(self) -> dict[str, float]:
        """What a Gaussian with the data's mean and covariance gets in them; nothing in a ledger from before."""
        return self._beside("gaussians", confirming=True)

    def _beside(self, table: str, *, confirming: bool) -> dict[str, Any]:
        """What facts hold beside the measures: the same in every trial that is measured against one reference."""
        of_one_reference = (one for one in self._finished if (one.planned.phase in CONFIRMING) == confirming)
        return dict(next((one.facts.get(table, {}) for one in of_one_reference), {}))

    def _keyed(self, trials: Sequence[Planned], rows: Int[np.ndarray, "trials"], columns: Any) -> pd.DataFrame:
        """A table of so many rows for each trial: which trial they are of stands in front."""
        conditions = {condition.name: place for place, condition in enumerate(self.study.conditions)}
        places = np.array([conditions[trial.condition] for trial in trials], dtype=np.int64)
        phases = np.array([PHASES.index(trial.phase) for trial in trials], dtype=np.int64)
        indices = np.array([trial.index for trial in trials], dtype=np.int64)
        return pd.DataFrame(
            {
                "condition": pd.Categorical.from_codes(places.repeat(rows), list(conditions)),
                "phase": pd.Categorical.from_codes(phases.repeat(rows), PHASES, ordered=True),
                "trial": indices.repeat(rows),
                **columns,
            },
            copy=False,  # millions of rows
        )

    def _typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The key columns' types, the same in every table."""
        conditions = [condition.name for condition in self.study.conditions]
        frame["condition"] = pd.Categorical(frame["condition"], conditions)
        frame["phase"] = pd.Categorical(frame["phase"], PHASES, ordered=True)
        whole = {name: "int64" for name in ("trial", "seed", "step") if name in frame}
        return frame.astype(whole)


MEMBER_MEASURES = {
    "outcome": pd.CategoricalDtype(OUTCOMES),
    "outcome_step": "Int64",
    "improving": "bool",
    "best_distance": "float64",
    "late_distance": "float64",
    "last_distance": "float64",
    "best": "float64",
    "late": "float64",
    "gap": "float64",
    "roughness": "float64",
}
TRIAL_MEASURES = {
    "distance": "float64",
    "failure_rate": "float64",
    "search_score": "float64",
    "state": pd.CategoricalDtype(STATES),
    "generator_steps": "Int64",
    "critic_steps": "Int64",
    "real_samples_seen": "Int64",
    "elapsed_seconds": "float64",
}


def _column_type(knobs: Iterable[Distribution]) -> str:
    values = [value for knob in knobs for value in knob.extremes()]
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if any(isinstance(value, str | bool) for value in values):
        return "str"
    return "Int64" if all(isinstance(value, int) for value in values) else "float64"


def _joined(columns: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *columns])


def results(study: str | Path, *, root: str | Path | None = None, tracking_uri: str | None = None) -> Results:
    """A study's tables, by its name in the ledger below `root`, or by its folder there.

    `root` is ./gan-studies where it is left out. With `tracking_uri` they are read from that MLflow server instead, as
    they are where there is no such ledger but the variable MLFLOW_TRACKING_URI: the same numbers to the last digit.
    Unfinished studies give what is finished so far.

    Errors: `InputError` where there is no such study; the nearest names are given. `TrackingError` where the server
    cannot be reached or refuses.
    """
    if tracking_uri is not None:
        return _from_tracking(str(study), tracking_uri)
    folder = Path(study)
    if os.path.isfile(folder / "study.json"):
        folder = folder.resolve()
        ledger, name = Ledger(folder.parent.parent), folder.name
    else:
        ledger, name = Ledger(root or "gan-studies"), str(study)
    record = ledger.read_study(name) if "/" not in name else None
    if record is None and root is None and os.environ.get("MLFLOW_TRACKING_URI") and "/" not in name:
        return _from_tracking(name, None, beside=ledger)
    if record is None:
        known = sorted(ledger.studies())
        near = nearest(name, known)
        held = f"it holds {', '.join(known)}" if 0 < len(known) <= LISTED else "give its name, or its folder there"
        hint = f"did you mean {near}?" if near else held
        raise InputError(f"{printable(name)}: there is no such study in {ledger.root}; {hint}")
    return Results(ledger, record)


def _from_tracking(name: str, uri: str | None, *, beside: Ledger | None = None) -> Results:
    """From a server, after the ledger `beside` did not have it."""
    from studies.tracking.reading import fetch

    check_name(name, ("NAME",))
    folder = tempfile.mkdtemp(prefix="gan-studies-")
    try:
        ledger, elsewhere = fetch(name, uri, Path(folder), beside=beside)
        found = Results(ledger, ledger.read_study(name) or {}, elsewhere)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if beside is not None and isinstance(error, TrackingError):
            raise type(error)(f"there is no study {name} in {beside.root}, and {error}") from error
        raise
    weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found
