"""One trial: train, evaluate, checkpoint, and the row that its ledger entry is made of."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from math import isfinite
from time import monotonic, time
from typing import Any

import numpy as np
import torch

from gan_core.data import AnyData, Data, Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator, equilibrium_distances
from gan_core.features import features_hash
from gan_core.networks import DiracPair, Networks
from gan_core.training import Trainer
from studies.errors import DamagedError, InputError
from studies.execution.kept_samples import Kept, KeptSamples
from studies.execution.torch_settings import set_torch
from studies.file.budget import Budget
from studies.file.compared_features import with_path
from studies.file.condition import PARTS, Setting
from studies.file.messages import format_value
from studies.file.modules import require_sources
from studies.file.real_samples import load_samples
from studies.file.validation import build
from studies.ledger.curves import Curves
from studies.ledger.entries import to_row
from studies.ledger.segments import Row
from studies.ledger.unfinished import Unfinished
from studies.progress.summaries import summarize


class TrialTraining:
    """Trains one trial from its start or its last checkpoint.

    trial       what `TrialSpec.payload` holds
    unfinished  what the ledger holds of the trial so far; checkpoints are written there
    data        the study's table `[data]`, with where its files lie; None: the one that is part of the trial's address
    kept        evaluations whose generators are kept
    feature_file  path of the features' file on this machine, empty for features that need none

    Errors: `InputError` if the samples, the features or the user's modules differ from those that the study was started
    with.
    """

    def __init__(
        self,
        trial: Mapping[str, Any],
        unfinished: Unfinished,
        *,
        data: Mapping[str, Any] | None = None,
        feature_file: str = "",
        threads: int = 1,
        kept: Kept = "late",
    ):
        self._trial, self._unfinished, self._identity = trial, unfinished, trial["identity"]
        set_torch(self._identity["provenance"]["device"], threads)
        require_sources(_sources(trial))
        self._setting: Setting = build(Setting, {part: self._identity[part] for part in PARTS}, ())
        self._budget: Budget = build(Budget, self._identity["budget"], ("budget",))
        settings: EvaluationSettings = build(EvaluationSettings, trial["evaluation"]["settings"], ("evaluation",))
        settings = with_path(settings, feature_file)
        fingerprint = self._identity["provenance"]["data_fingerprint"]
        samples = _load_data(json.dumps([data or self._identity["data"], _sources(trial), fingerprint]))
        _check_features(settings, samples, trial["evaluation"]["provenance"].get("features", ""))
        self._trainer, self._evaluator = self._built(samples, settings)
        self._due = self._budget.evaluation_iterations(self._setting.training, settings.measurements)
        self._measured: list[dict[str, list[float]]] = []
        self._measured_seconds: list[float] = []
        self._reported = 0
        confirming = trial["evaluation"]["split"] == "test"
        self._samples = KeptSamples(samples, settings.measurements, kept, confirming=confirming)
        self._log: list[str] = []
        self._seconds_before, self._started = 0.0, monotonic()
        self._resume()

    def _built(self, data: Dataset, settings: EvaluationSettings) -> tuple[Trainer, Evaluator]:
        setting, device = self._setting, self._identity["provenance"]["device"]
        trainer = Trainer(
            objective=setting.objective,
            constraint=setting.constraint,
            networks=setting.networks,
            training=setting.training,
            data=data,
            seeds=self._identity["seeds"],
            device=device,
            health_batch=settings.health_batch,
        )
        evaluator = Evaluator(
            setting.networks.generator,
            data,
            settings=settings,
            split=self._trial["evaluation"]["split"],
            device=device,
            dtype=setting.training.dtype,
        )
        return trainer, evaluator

    @property
    def done(self) -> bool:
        """True if all evaluations are made, or every member has become non-finite."""
        return len(self._measured) == len(self._due) or bool((self._trainer.nonfinite_iteration >= 0).all())

    @property
    def iteration(self) -> int:
        """Number of iterations so far, pre-training steps included."""
        return self._trainer.iteration

    @property
    def seconds(self) -> float:
        """Seconds of training so far, without interruptions."""
        return self._seconds_before + monotonic() - self._started

    def advance(self, seconds: float) -> None:
        """Train for about `seconds`; an iteration or evaluation that has begun is completed."""
        end = monotonic() + seconds
        while not self.done and monotonic() < end:
            due = self._due[len(self._measured)]
            while self.iteration < due and not self.done and monotonic() < end:
                self._trainer.advance(1)
            if self.iteration == due:  # the time may be over before the next evaluation is due
                self._evaluate()

    def _evaluate(self) -> None:
        self._samples.add(len(self._measured), self._trainer)
        metrics = self._metrics(last=len(self._measured) + 1 == len(self._due))
        self._measured.append({name: values.tolist() for name, values in metrics.items()})
        self._measured_seconds.append(round(self.seconds, 3))

    def _metrics(self, *, last: bool) -> dict[str, np.ndarray]:
        """Every metric that is due at this evaluation, by name, one value per member."""
        trainer = self._trainer
        health = {name: value.detach().cpu().numpy().astype(np.float64) for name, value in trainer.health().items()}
        average = None if trainer.average is None else trainer.generator.views(trainer.average)
        return health | self._evaluator.evaluate(trainer.generator.frozen, last=last, average=average)

    def report(self) -> str:
        """JSON of the evaluations since the last report, each summarised over the members.

        The first report after a resume starts again at evaluation 0; the receiver recognises repeats by their step.
        """
        fresh = range(self._reported, len(self._measured))
        self._reported = len(self._measured)
        distance = self._evaluator.distance_name
        summaries = [
            summarize(self._step(self._due[i]), self._measured_seconds[i], self._measured[i], distance) for i in fresh
        ]
        return json.dumps([asdict(summary) for summary in summaries])

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def log(self, line: str) -> None:
        """Add a line to the trial's log."""
        self._log.append(line)

    def save_checkpoint(self) -> None:
        """Write the state of the training into the ledger."""
        self._unfinished.save_checkpoint(
            {
                "trainer": self._trainer.state(),
                "measured": self._measured,
                "measured_seconds": self._measured_seconds,
                "samples": self._samples.state(),
                "seconds": self.seconds,
                "saved_at": time(),
                "log": self._log,
            }
        )

    def _resume(self) -> None:
        try:
            state = self._unfinished.checkpoint()
        except InputError as error:
            self._unfinished.set_aside("checkpoint")
            reason = error.reason if isinstance(error, DamagedError) else "another version wrote it"
            self.log(f"began anew, since its checkpoint was set aside: {reason}")
            state = None
        if state is None:
            self.log(f"started on {platform.machine()}, torch {torch.__version__}")
            return
        self._trainer.load(state["trainer"])
        self._measured = state["measured"]
        self._measured_seconds = state["measured_seconds"]
        self._samples.load(state["samples"])
        self._seconds_before = state["seconds"]
        self._log = [*state["log"], f"resumed at iteration {self.iteration}"]

    # -- the entry -----------------------------------------------------------------------------------------------------

    def row(self) -> Row:
        """The row of the finished trial's entry."""
        self.log(f"finished after {self.iteration} iterations and {self.seconds:.1f} s")
        steps = [self._step(due) for due in self._due[: len(self._measured)]]
        return to_row(
            self._facts(),
            Curves.from_evaluations(self._identity["seeds"], steps, self._measured),
            generators=self._samples.generators(self._trainer, steps),
            samples=self._samples.arrays(self._trainer, steps),
            log=self._log,
        )

    def _step(self, iterations: int) -> int:
        """Steps in the budget's unit after that many iterations."""
        return self._budget.elapsed_steps(self._setting.training, iterations)

    def _facts(self) -> dict[str, Any]:
        trainer, evaluator, training = self._trainer, self._evaluator, self._setting.training
        critic_steps = training.critic_steps(trainer.iteration)
        nonfinite = [
            None if iteration < 0 else self._step(iteration) for iteration in trainer.nonfinite_iteration.tolist()
        ]
        return {
            **{name: self._trial[name] for name in ("address", "identity", "evaluation_address", "evaluation")},
            **evaluation_facts(evaluator, self._setting.networks),
            "sample_shape": asdict(trainer.shape),
            "nonfinite_step": nonfinite,
            "generator_steps": trainer.generator_steps,
            "critic_steps": critic_steps,
            "real_samples_seen": critic_steps * training.batch,
            "elapsed_seconds": round(self.seconds, 3),
            "ended_at": time(),
            "measured_seconds": self._measured_seconds,
            "threads": torch.get_num_threads(),
        }


def evaluation_facts(evaluator: Evaluator, networks: Networks) -> dict[str, Any]:
    """Facts of a trial that its evaluation determines: the metric that decides, and reference values."""
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
