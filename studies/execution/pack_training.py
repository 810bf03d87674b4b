"""Trials of one pack: train, evaluate, checkpoint, and the rows that their ledger entries are made of."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from math import isfinite
from time import monotonic, time
from typing import Any

import torch

from gan_core.data import AnyData, Data, Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator, equilibrium_distances
from gan_core.features import features_hash
from gan_core.networks import DiracPair, Networks
from studies.errors import DamagedError, InputError
from studies.execution.kept_samples import Kept, KeptSamples, Last, of_members
from studies.execution.pack_trainers import trained_pack
from studies.execution.torch_settings import set_torch
from studies.execution.trial_in_pack import TrialInPack
from studies.file.budget import Budget
from studies.file.compared_features import with_path
from studies.file.messages import format_value
from studies.file.modules import require_sources
from studies.file.real_samples import load_samples
from studies.file.validation import build
from studies.ledger.curves import Curves
from studies.ledger.entries import to_row
from studies.ledger.segments import Row
from studies.ledger.unfinished import Unfinished
from studies.progress.summaries import summarize


class PackTraining:
    """Trains the trials of a pack from their start or their last checkpoint.

    A training by a user's loop that cannot be resumed has no checkpoint: it always trains from its start.

    trials        what `payload` holds: one trial, or several of one pack, by slot; places of the pack without a trial
                  are filled with copies of the first
    unfinished    what the ledger holds of the first trial so far; checkpoints of the pack are written there
    data          the study's table `[data]`, with where its files lie; None: the one in the trials' address
    feature_file  path of the features' file on this machine, empty for features that need none
    kept          evaluations whose generators are kept

    The bits of a trial's numbers do not depend on the other trials. A trial whose members have all become non-finite
    ends there; the others go on.

    Errors: `InputError` if the samples, the features or the user's modules differ from those that the study was started
    with.
    """

    def __init__(
        self,
        trials: Sequence[Mapping[str, Any]],
        unfinished: Unfinished,
        *,
        data: Mapping[str, Any] | None = None,
        feature_file: str = "",
        threads: int = 1,
        kept: Kept = "late",
    ):
        identity, evaluation, self._unfinished = trials[0]["identity"], trials[0]["evaluation"], unfinished
        sources = _sources(trials[0])
        set_torch(identity["provenance"]["device"], threads)
        require_sources(sources)
        self._budget: Budget = build(Budget, identity["budget"], ("budget",))
        settings: EvaluationSettings = build(EvaluationSettings, evaluation["settings"], ("evaluation",))
        settings = with_path(settings, feature_file)
        fingerprint = identity["provenance"]["data_fingerprint"]
        samples = _load_data(json.dumps([data or identity["data"], sources, fingerprint]))
        _check_features(settings, samples, evaluation["provenance"].get("features", ""))
        self._trials = [TrialInPack(trial) for trial in trials]
        self._steps, self._shape = self._trials[0].steps, samples.sample_shape
        self._trained = trained_pack(self._trials, samples, settings, evaluation["split"], budget=self._budget)
        self._due = self._budget.evaluation_iterations(self._steps, settings.measurements)
        self._measured_seconds: list[float] = []
        self._samples = KeptSamples(samples, settings.measurements, kept, confirming=evaluation["split"] == "test")
        self._log: list[str] = []
        self._seconds_before, self._started = 0.0, monotonic()
        self._resume()

    @property
    def done(self) -> bool:
        """True if all evaluations are made, or every trial has ended early."""
        return len(self._measured_seconds) == len(self._due) or all(trial.end is not None for trial in self._trials)

    @property
    def iteration(self) -> int:
        """Number of iterations so far, pre-training steps included."""
        return self._trained.iteration

    @property
    def seconds(self) -> float:
        """Seconds of training so far, without interruptions, divided by the number of trials that share them."""
        return self._pack_seconds / len(self._trials)

    @property
    def places(self) -> int:
        """Number of places of the pack, those without a trial included; 1: the trial trains without a pack."""
        return self._trials[0].slots

    @property
    def seconds_of_place(self) -> float:
        """Seconds of training so far divided by the places, which take the same time with a trial as without one."""
        return self._pack_seconds / self.places

    @property
    def _pack_seconds(self) -> float:
        return self._seconds_before + monotonic() - self._started

    def advance(self, seconds: float) -> None:
        """Train for about `seconds`; an iteration or evaluation that has begun is completed."""
        end = monotonic() + seconds
        while not self.done and monotonic() < end:
            due = self._due[len(self._measured_seconds)]
            while self.iteration < due and monotonic() < end:
                self._trained.advance(1)
            if self.iteration == due:  # the time may be over before the next evaluation is due
                self._evaluate()

    def _evaluate(self) -> None:
        """Evaluate the trials that have not ended; a trial ends once all its members are non-finite."""
        evaluation, nonfinite = len(self._measured_seconds), self._trained.nonfinite_iterations()
        self._samples.add(evaluation, self._trained)
        running = [trial for trial in self._trials if trial.end is None]
        for trial in running:
            trial.end = trial.end_of(nonfinite)
        ending = [trial for trial in running if trial.end is not None]
        if ending:
            last = self._samples.last(self._trained)
            for trial in ending:
                trial.last = of_members(last, trial.rows)
        measured = [trial for trial in running if trial.end in (None, self.iteration)]
        for trial, values in zip(measured, self._values(measured), strict=True):
            trial.measured.append(values)
        self._measured_seconds.append(round(self.seconds, 3))

    def _values(self, trials: Sequence[TrialInPack]) -> list[dict[str, list[float]]]:
        """Every metric of each trial that is due at this evaluation, by name, one value per member."""
        members = [member for trial in trials for member in trial.members]
        if not members:
            return []
        values = self._trained.evaluate(members, last=len(self._measured_seconds) + 1 == len(self._due))
        seeds, parts = len(trials[0].seeds), range(len(trials))
        return [
            {name: value[part * seeds : (part + 1) * seeds].tolist() for name, value in values.items()}
            for part in parts
        ]

    def report(self) -> str:
        """JSON of the evaluations of each trial since the last report, by key, each summarised over the members.

        The first report after a resume starts again at evaluation 0; the receiver recognises repeats by their step.
        """
        return json.dumps({trial.key: self._summaries(trial) for trial in self._trials})

    def _summaries(self, trial: TrialInPack) -> list[dict[str, Any]]:
        fresh = range(trial.reported, len(trial.measured))
        trial.reported = len(trial.measured)
        distance, seconds = self._trained.evaluator.distance_name, self._measured_seconds
        return [asdict(summarize(self._step(self._due[i]), seconds[i], trial.measured[i], distance)) for i in fresh]

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def log(self, line: str) -> None:
        """Add a line to the log of the trials."""
        self._log.append(line)

    def save_checkpoint(self) -> None:
        """Write the state of the training into the ledger; nothing of a user's loop that has none."""
        if not self._trained.resumes:
            return
        self._unfinished.save_checkpoint(
            {
                "trainer": self._trained.state(),
                "trials": {trial.key: trial.state() for trial in self._trials},
                "measured_seconds": self._measured_seconds,
                "samples": self._samples.state(),
                "seconds": self._pack_seconds,
                "saved_at": time(),
                "log": self._log,
            }
        )

    def _resume(self) -> None:
        state = self._checkpoint()
        if state is None:
            self.log(f"started on {platform.machine()}, torch {torch.__version__}")
            return
        self._trained.load(state["trainer"])
        for trial in self._trials:
            trial.load(state["trials"][trial.key])
        self._measured_seconds = state["measured_seconds"]
        self._samples.load(state["samples"])
        self._seconds_before = state["seconds"]
        self._log = [*state["log"], f"resumed at iteration {self.iteration}"]

    def _checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint; None if there is none that all trials can go on from."""
        try:
            state = self._unfinished.checkpoint()
        except InputError as error:
            self._unfinished.set_aside("checkpoint")
            reason = error.reason if isinstance(error, DamagedError) else "another version wrote it"
            self.log(f"began anew, since its checkpoint was set aside: {reason}")
            return None
        if state is not None and any(trial.key not in state["trials"] for trial in self._trials):
            self.log("began anew, since its checkpoint is that of fewer trials of its pack")
            return None
        return state

    # -- the entries ---------------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The rows of the trials' entries, once the training is done."""
        last = self._samples.last(self._trained)
        networks = None if self._trials[0].own_loop else self._trials[0].setting.networks
        shared = {
            **evaluation_facts(self._trained.evaluator, networks),
            "sample_shape": asdict(self._shape),
            **self._classes(),
            "elapsed_seconds": round(self.seconds, 3),
            "trials_sharing_seconds": len(self._trials),
            "ended_at": time(),
            "threads": torch.get_num_threads(),
        }
        self.log(f"finished after {self.iteration} iterations and {self._pack_seconds:.1f} s")
        if len(self._trials) > 1:
            self.log(f"its seconds are those of {len(self._trials)} trials of a pack, in equal shares")
        return [self._row(trial, trial.last or of_members(last, trial.rows), shared) for trial in self._trials]

    def _classes(self) -> dict[str, Any]:
        """The fact of conditional GANs: their classes."""
        classes = self._trained.classes
        return {} if classes is None else {"classes": asdict(classes)}

    def _row(self, trial: TrialInPack, last: Last, shared: Mapping[str, Any]) -> Row:
        """The row of one trial; `shared` holds the facts that all trials of the pack have in common."""
        steps = [self._step(due) for due in self._due[: len(trial.measured)]]
        shapes = self._trained.parameter_shapes()
        return to_row(
            {**shared, **self._facts(trial)},
            Curves.from_evaluations(trial.seeds, steps, trial.measured),
            generators=self._samples.generators(last, trial.rows, steps, shapes),
            samples=self._samples.arrays(last, trial.rows, steps),
            log=self._log,
        )

    def _step(self, iterations: int) -> int:
        """Steps in the budget's unit after that many iterations."""
        return self._budget.elapsed_steps(self._steps, iterations)

    def _facts(self, trial: TrialInPack) -> dict[str, Any]:
        """The facts of one trial that the others of its pack need not share."""
        iterations = self.iteration if trial.end is None else trial.end
        nonfinite = self._trained.nonfinite_iterations()[trial.rows]
        critic_steps = None if trial.own_loop else self._steps.critic_steps(iterations)
        return {
            **trial.addresses(),
            "nonfinite_step": [None if iteration < 0 else self._step(iteration) for iteration in nonfinite],
            "generator_steps": self._steps.generator_steps(iterations),
            "critic_steps": critic_steps,
            "real_samples_seen": None if critic_steps is None else critic_steps * trial.setting.training.batch,
            "measured_seconds": self._measured_seconds[: len(trial.measured)],
        }


def evaluation_facts(evaluator: Evaluator, networks: Networks | None) -> dict[str, Any]:
    """Facts of a trial that its evaluation determines: the metric that decides, and reference values.

    networks  those of the trial; None if a user's loop trains it
    """
    distances = evaluator.reference_distances
    if distances is None:
        assert isinstance(networks, DiracPair)
        distances = equilibrium_distances(networks)
    for name in ("real", "constant"):
        if not isfinite(value := getattr(distances, name)):
            raise ValueError(
                f"evaluation.distance: must be a metric with finite reference values, but {evaluator.distance_name} is "
                f"{value} for {name}; give the metric `best` and `trivial`"
            )
    return {
        "distance": evaluator.distance_name,
        "highest": evaluator.highest,
        "features": evaluator.features,
        "reference_distances": asdict(distances),
        "real_cells": evaluator.real_cells,
        "known_modes": evaluator.known_modes,
        "real_values": evaluator.real_values,
        "gaussian_values": evaluator.gaussian_values,
    }


def _check_features(settings: EvaluationSettings, data: Dataset, started_with: str) -> None:
    found = features_hash(settings.features, data)
    if found != started_with:
        raise InputError(
            f"evaluation.features: must be those that the study was started with ({started_with or 'pixels'}), but "
            f"{found or 'pixels'} are found here; the labels of the data may have changed"
        )


def _sources(trial: Mapping[str, Any]) -> dict[str, str]:
    """Source hashes of the user's modules that a trial and its evaluation use, by module name."""
    return {
        **trial["identity"]["provenance"].get("sources", {}),
        **trial["evaluation"]["provenance"].get("sources", {}),
    }


@lru_cache(maxsize=4)
def _load_data(key: str) -> Dataset:
    """Real samples, checked against a fingerprint; `key` is [table of the data, source hashes, fingerprint] as JSON."""
    table, _, fingerprint = json.loads(key)
    data = load_samples(build(Data | AnyData, table, ("data",)))
    if data.fingerprint != fingerprint:
        raise InputError(
            f"data: must be the samples that the study was started with ({fingerprint}), but kind "
            f"{format_value(table['kind'])} loads different samples here ({data.fingerprint}); restore the former "
            "samples, or give the study another name"
        )
    return data
