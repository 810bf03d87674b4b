"""One trial: train, evaluate, checkpoint, write its entry in the ledger."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import torch

from gan_core.data import AnyData, Data, Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator, ReferenceDistances, equilibrium_distances
from gan_core.networks import DiracPair
from gan_core.training import Trainer
from studies.errors import InputError
from studies.execution.kept_samples import KeptSamples
from studies.file.budget import Budget
from studies.file.condition import PARTS, Setting
from studies.file.messages import format_value
from studies.file.modules import require_sources
from studies.file.real_samples import load_samples
from studies.file.validation import build
from studies.ledger.entries import Entry
from studies.progress.summaries import summarize


class TrialTraining:
    """Trains one trial from its start or its last checkpoint, and writes its entry in the ledger.

    Errors: `InputError` if the samples or the user's modules differ from those that the study was started with.
    """

    def __init__(self, identity: Mapping[str, Any], entry: Entry, *, threads: int = 1):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # clipped weights give denormal numbers, which multiply a hundred times slower
        self._identity, self._entry = identity, entry
        require_sources(_sources(identity))
        self._setting: Setting = build(Setting, {part: identity[part] for part in PARTS}, ())
        self._budget: Budget = build(Budget, identity["budget"], ("budget",))
        fingerprint = identity["provenance"]["data_fingerprint"]
        data = _load_data(json.dumps([identity["data"], _sources(identity), fingerprint]))
        self._trainer, self._evaluator = self._built(data)
        self._due = self._budget.evaluation_iterations(self._setting.training)
        self._measured: list[dict[str, list[float]]] = []
        self._measured_seconds: list[float] = []
        self._reported = 0
        self._best = _BestGenerators(len(identity["seeds"]))
        self._samples = KeptSamples(data, self._evaluator.settings, self._budget.measurements)
        self._seconds_before, self._started = 0.0, monotonic()
        self._resume()

    def _built(self, data: Dataset) -> tuple[Trainer, Evaluator]:
        setting, device = self._setting, self._identity["provenance"]["device"]
        trainer = Trainer(
            objective=setting.objective,
            constraint=setting.constraint,
            networks=setting.networks,
            training=setting.training,
            data=data,
            seeds=self._identity["seeds"],
            device=device,
        )
        evaluator = Evaluator(
            setting.networks.generator,
            data,
            settings=build(EvaluationSettings, self._identity["evaluation"], ("evaluation",)),
            split=self._identity["split"],
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
        self._samples.add_snapshot(len(self._measured), self._trainer)
        metrics = self._metrics(last=len(self._measured) + 1 == len(self._due))
        self._measured.append({name: values.tolist() for name, values in metrics.items()})
        self._measured_seconds.append(round(self._seconds(), 3))
        self._best.update(self._evaluator.distance_of(metrics), self._trainer.generator.flat)

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
        summaries = [summarize(self._step(self._due[i]), self._measured_seconds[i], self._measured[i]) for i in fresh]
        return json.dumps([asdict(summary) for summary in summaries])

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        """Write the state of the training into the entry."""
        self._entry.save_checkpoint(
            {
                "trainer": self._trainer.state(),
                "measured": self._measured,
                "measured_seconds": self._measured_seconds,
                "best": self._best.state(),
                "snapshots": self._samples.snapshots,
                "seconds": self._seconds(),
            }
        )

    def _resume(self) -> None:
        state = self._entry.checkpoint()
        if state is None:
            self._entry.log(f"started on {platform.machine()}, torch {torch.__version__}")
            return
        self._trainer.load(state["trainer"])
        self._measured = state["measured"]
        self._measured_seconds = state["measured_seconds"]
        self._best.load(state["best"])
        self._samples.snapshots = state["snapshots"]
        self._seconds_before = state["seconds"]
        self._entry.log(f"resumed at iteration {self.iteration}")

    def _seconds(self) -> float:
        return self._seconds_before + monotonic() - self._started

    # -- the entry -----------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Write the finished trial into its entry of the ledger."""
        generators = {"best": self._generators(self._best.flat), "last": self._generators(self._trainer.generator.flat)}
        if self._trainer.average is not None:
            generators["average"] = self._generators(self._trainer.average)
        steps = [self._step(due) for due in self._due]
        samples = self._samples.arrays(self._trainer, {"best": self._best.flat, "last": None}, steps)
        self._entry.commit(curves=self._curves(), generators=generators, samples=samples, facts=self._facts())
        self._entry.log(f"finished after {self.iteration} iterations and {self._seconds():.1f} s")

    def _generators(self, flat: torch.Tensor | None) -> dict[str, torch.Tensor]:
        parameters = self._trainer.generator.flat if flat is None else flat
        return {name: view.cpu().clone() for name, view in self._trainer.generator.views(parameters).items()}

    def _curves(self) -> pd.DataFrame:
        """Table with one row per seed, step and metric, sorted in this order."""
        seeds, steps = self._identity["seeds"], [self._step(due) for due in self._due[: len(self._measured)]]
        metrics = sorted({metric for measured in self._measured for metric in measured})
        rows = [
            (step, metric, seed, value)
            for step, measured in zip(steps, self._measured, strict=True)
            for metric, values in measured.items()
            for seed, value in zip(seeds, values, strict=True)
        ]
        frame = pd.DataFrame(rows, columns=["step", "metric", "seed", "value"])
        frame["metric"] = pd.Categorical(frame["metric"], metrics)
        return frame.sort_values(["seed", "step", "metric"], ignore_index=True)[["seed", "step", "metric", "value"]]

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
            "address": self._entry.address,
            "identity": dict(self._identity),
            "seeds": self._identity["seeds"],
            "distance": {"metric": evaluator.distance_name, "highest": evaluator.highest},
            "reference_distances": asdict(self._reference_distances()),
            "real_cells": evaluator.real_cells,
            "real_values": evaluator.real_values,
            "gaussian_values": evaluator.gaussian_values,
            "nonfinite_step": nonfinite,
            "generator_steps": trainer.generator_steps,
            "critic_steps": critic_steps,
            "real_samples_seen": critic_steps * training.batch,
            "elapsed_seconds": round(self._seconds(), 3),
            "measured_seconds": self._measured_seconds,
            "threads": torch.get_num_threads(),
        }

    def _reference_distances(self) -> ReferenceDistances:
        distances, networks = self._evaluator.reference_distances, self._setting.networks
        if distances is None:
            assert isinstance(networks, DiracPair)
            return equilibrium_distances(networks)
        return distances


class _BestGenerators:
    """The parameters of each seed's generator at its smallest distance so far."""

    def __init__(self, seeds: int):
        self.distance = torch.full((seeds,), torch.inf, dtype=torch.float64)
        self.flat: torch.Tensor | None = None

    def update(self, distance: np.ndarray, flat: torch.Tensor) -> None:
        distances = torch.from_numpy(distance)
        better = distances < self.distance
        kept = flat if self.flat is None else self.flat
        self.flat = torch.where(better.to(flat.device)[:, None], flat, kept)
        self.distance = torch.where(better, distances, self.distance)

    def state(self) -> dict[str, Any]:
        return {"distance": self.distance, "flat": self.flat}

    def load(self, state: dict[str, Any]) -> None:
        self.distance, self.flat = state["distance"], state["flat"]


def _sources(identity: Mapping[str, Any]) -> dict[str, str]:
    """Source hashes of the user's modules that a trial uses, by module name."""
    return identity["provenance"].get("sources", {})


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
