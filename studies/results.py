"""A study as tidy DataFrames, read from its ledger, finished or still running."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gan_core.data import Dataset
from gan_core.metrics import Box
from gan_core.networks import AnyGenerator, Generator, Networks, SampleSpace
from gan_core.randomness import stream
from gan_core.stability import OUTCOMES, Curve, Verdict, judge
from studies.comparison import rank
from studies.design import CONFIRMING, PHASES, Planned
from studies.errors import InputError, TrackingError
from studies.judgement import ending, member_curves
from studies.ledger import Entry, Ledger
from studies.modules import names_in, require
from studies.refusal import Parts
from studies.samples import loaded
from studies.sentences import nearest, printable
from studies.space import Distribution
from studies.study import PARTS, Setting, Study
from studies.validation import build, check_name

STATES = ("finished", "failed", "running")


@dataclass(frozen=True)
class Best:
    """The configuration of one condition that went into confirm first, with its trained generators."""

    condition: str
    configuration: dict[str, Any]
    identity: dict[str, Any]
    seeds: list[int]
    space: SampleSpace
    shape: tuple[int, ...]
    parameters: dict[str, torch.Tensor]

    @cached_property
    def setting(self) -> Setting:
        """What was trained; a kind of the user's is looked up for it as Python finds it here."""
        return self._built(Setting, {part: self.identity[part] for part in PARTS}, ())

    @cached_property
    def network(self) -> AnyGenerator:
        """The generator's description."""
        networks = self.identity["networks"]
        if "generator" not in networks:
            return self._built(Networks, networks, ("networks",)).generator
        return self._built(Generator | AnyGenerator, networks["generator"], ("networks", "generator"))

    def _built(self, annotation: Any, table: Mapping[str, Any], parts: Parts) -> Any:
        known, used = self.identity["surroundings"].get("sources", {}), names_in(table)
        require({name: source for name, source in known.items() if name in used})
        return build(annotation, table, parts)

    def generator(self, member: int = 0) -> "TrainedGenerator":
        """One member's generator; `member` counts the seeds of the confirm trial from 0."""
        if not 0 <= member < len(self.seeds):
            raise InputError(f"member: must lie in 0 .. {len(self.seeds) - 1}, but is {member}")
        alone = {name: value[member : member + 1] for name, value in self.parameters.items()}
        return TrainedGenerator(self, alone, self.seeds[member])


@dataclass(frozen=True)
class TrainedGenerator:
    """A trained generator: call it for samples."""

    origin: Best
    parameters: dict[str, torch.Tensor]
    seed: int

    def __call__(self, samples: int, *, seed: int = 0) -> Float[np.ndarray, "samples ..."]:
        """That many fakes in the data's own shape and scale; the same `seed` gives the same ones."""
        network = self.origin.network
        z = torch.randn((1, samples, network.latent), generator=stream(seed, "results_z"))
        with torch.no_grad():
            fakes = network.generate(self.parameters, z, self.origin.space)[0]
        return fakes.numpy().reshape(samples, *self.origin.shape)


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

    def __init__(self, ledger: Ledger, record: dict[str, Any]):
        self.study = Study.recorded(record["study"], record.get("surroundings", {}).get("sources", {}))
        self.question: str = record.get("question", "")
        self.environment: dict[str, Any] = record.get("environment") or {}
        self.ledger = ledger

    @cached_property
    def planned(self) -> list[tuple[Planned, Entry]]:
        """The trials that were started, each with its folder, in the order of issue."""
        order = [condition.name for condition in self.study.conditions]
        trials = [Planned(**trial) for trial in self.ledger.read_plan(self.study.name) if trial["condition"] in order]
        trials.sort(key=lambda trial: (PHASES.index(trial.phase), trial.index, order.index(trial.condition)))
        started = [(trial, self.ledger.entry(trial.address)) for trial in trials]
        return [(trial, entry) for trial, entry in started if entry.started]

    @cached_property
    def _finished(self) -> list[tuple[Planned, Entry]]:
        return [(trial, entry) for trial, entry in self.planned if entry.finished]

    @cached_property
    def _curves_of(self) -> dict[str, pd.DataFrame]:
        return {entry.address: entry.curves() for _, entry in self._finished}

    @cached_property
    def member_curves(self) -> dict[str, dict[int, Curve]]:
        """What the members of each finished trial are judged by: the trial's address, then the member's seed."""
        return {
            entry.address: member_curves(entry.facts(), self._curves_of[entry.address]) for _, entry in self._finished
        }

    @cached_property
    def _verdicts(self) -> dict[str, dict[int, Verdict]]:
        return {
            address: {seed: judge(curve, self.study.stability) for seed, curve in curves.items()}
            for address, curves in self.member_curves.items()
        }

    @cached_property
    def curves(self) -> pd.DataFrame:
        """condition, phase, trial, seed, step, metric, value."""
        frames = [
            self._curves_of[entry.address].assign(condition=trial.condition, phase=trial.phase, trial=trial.index)
            for trial, entry in self._finished
        ]
        columns = ["condition", "phase", "trial", "seed", "step", "metric", "value"]
        frame = pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
        return self._typed(frame.astype({"metric": "category", "value": "float64"}))

    @cached_property
    def members(self) -> pd.DataFrame:
        """What became of every member, judged by the study's thresholds; empty where a measure does not exist."""
        rows = [
            {"condition": trial.condition, "phase": trial.phase, "trial": trial.index, "seed": seed} | vars(verdict)
            for trial, entry in self._finished
            for seed, verdict in self._verdicts[entry.address].items()
        ]
        frame = pd.DataFrame(rows, columns=["condition", "phase", "trial", "seed", *MEMBER_MEASURES])
        return self._typed(frame.astype(MEMBER_MEASURES))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """study, condition, phase, trial, the knobs by their dotted paths, and how the trial ended."""
        knobs = self._knobs
        rows = []
        for trial, entry in self.planned:
            rows.append(
                {
                    "study": self.study.name,
                    "condition": trial.condition,
                    "phase": trial.phase,
                    "trial": trial.index,
                    **{path: trial.configuration.get(path) for path in knobs},
                    "state": _state(entry),
                    **self._ending(entry),
                    "address": trial.address,
                }
            )
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

    def _ending(self, entry: Entry) -> dict[str, Any]:
        """What a finished trial came to and what it cost; nothing for another one."""
        if not entry.finished:
            return {}
        return ending(entry.facts(), list(self._verdicts[entry.address].values()))

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """rank, condition, distance and failure rate with intervals, members, and the winning configuration."""
        table = rank(self.members, seed=self.study.search.seed)
        trials = self.trials[self.trials["phase"] == "confirm"].astype({"condition": "str"})
        knobs = [path for path in trials if "." in path]
        return table.merge(trials[["condition", "trial", *knobs]], on=["condition", "trial"], how="left")

    def best(self, condition: str, which: str = "last") -> Best:
        """What was confirmed first for a condition: its configuration and its generators at the end of training.

        `which="best"` gives each member's generator at its smallest distance instead.

        Errors: `InputError` for a condition that the study does not have or that is not confirmed yet.
        """
        trial, entry = self._confirmed(condition)
        return Best(
            condition=condition,
            configuration=trial.configuration,
            identity=trial.identity,
            seeds=trial.seeds,
            space=self.data.space,
            shape=self.data.shape,
            parameters=entry.generator(which),
        )

    def samples(self, condition: str, which: str = "last") -> Float[np.ndarray, "seeds samples dim"]:
        """Fakes that the ledger keeps of a condition's first confirmed configuration, flattened."""
        return self._confirmed(condition)[1].samples()[which]

    def critic_surface(self, condition: str) -> tuple[Box, Float[np.ndarray, "seeds rows columns"]]:
        """What the same configuration's critics say at the end of training around points of the plane.

        A value for each cell of the box, in the order of its `centers`.

        Errors: `InputError` as for `best`, and for data that are no points of the plane.
        """
        kept = self._confirmed(condition)[1].samples()
        if "critic_surface" not in kept:
            raise InputError(f"{condition}: a critic's surface is kept of points of the plane alone")
        low, high = kept["critic_corners"]
        surface = kept["critic_surface"]
        return Box(low=low, high=high, resolution=surface.shape[-1]), surface

    def _confirmed(self, condition: str) -> tuple[Planned, Entry]:
        self.study.condition(condition)
        for trial, entry in self._finished:
            if (trial.condition, trial.phase, trial.index) == (condition, "confirm", 0):
                return trial, entry
        raise InputError(f"{condition}: is not confirmed yet; run the study to its end first")

    @cached_property
    def data(self) -> Dataset:
        """The real samples that the study learns."""
        return loaded(self.study.data)

    @cached_property
    def lines(self) -> dict[str, float | None]:
        """What stands beside the confirmed distances: floor, ref and the Gaussian's line."""
        confirmed = [entry for trial, entry in self._finished if trial.phase in CONFIRMING]
        return _lines(confirmed) or self.search_lines

    @cached_property
    def search_lines(self) -> dict[str, float | None]:
        """The same lines as explore and exploit are measured against, on the search reference."""
        return _lines([entry for trial, entry in self._finished if trial.phase not in CONFIRMING])

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


def _lines(entries: Sequence[Entry]) -> dict[str, float | None]:
    return dict(entries[0].facts()["lines"]) if entries else {}


def _state(entry: Entry) -> str:
    if entry.finished:
        return "finished"
    return "failed" if entry.error() is not None else "running"


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
        near = nearest(name, ledger.studies())
        hint = f"did you mean {near}?" if near else "give its name, or the folder that holds its study.json"
        raise InputError(f"{printable(name)}: there is no such study in {ledger.root}; {hint}")
    return Results(ledger, record)


def _from_tracking(name: str, uri: str | None, *, beside: Ledger | None = None) -> Results:
    """From a server, after the ledger `beside` did not have it."""
    from studies.tracking.reading import fetch

    check_name(name, ("NAME",))
    folder = tempfile.mkdtemp(prefix="gan-studies-")
    try:
        ledger = fetch(name, uri, Path(folder), beside=beside)
        found = Results(ledger, ledger.read_study(name) or {})
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if beside is not None and isinstance(error, TrackingError):
            raise type(error)(f"there is no study {name} in {beside.root}, and {error}") from error
        raise
    weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found
