"""One trial: train, measure, checkpoint, write the ledger; and the Ray Tune Trainable around it."""

import json
import platform
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import ray
import torch
from ray import tune

from gan_core.data import AnyData, Data, Dataset
from gan_core.metrics import Box, Measures
from gan_core.training import Trainer
from studies.errors import InputError
from studies.judgement import DISTANCES
from studies.ledger import COURSE_IMAGES, COURSE_POINTS, SAMPLES_KEPT, Entry, Ledger
from studies.modules import look_in, require
from studies.samples import loaded
from studies.sentences import shown
from studies.study import PARTS, Budget, Setting
from studies.tracking.projection import over_members
from studies.validation import build

SECONDS_PER_REPORT = 0.7
"""A report to the driver is a round trip, so the measurements of about this long go in one."""
SURFACE_MARGIN = 0.2
"""How far the kept critic surface reaches beyond the data, in longer sides of the smallest box around them."""
LEGS = 5
"""Parts that the moments at which fakes are kept divide the budget into."""


class TrialRun:
    """A trial against the ledger, from its start or from its last checkpoint to its commit."""

    def __init__(self, identity: Mapping[str, Any], entry: Entry, *, threads: int = 1):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # clipped weights would otherwise multiply a hundred times slower
        self._identity, self._entry = identity, entry
        require(_sources(identity))
        self._setting: Setting = build(Setting, {part: identity[part] for part in PARTS}, ())
        self._budget: Budget = build(Budget, identity["budget"], ("budget",))
        fingerprint = identity["surroundings"]["data_fingerprint"]
        self._data = _load_data(json.dumps([identity["data"], _sources(identity), fingerprint]))
        self._trainer = self._build_trainer()
        self._due = self._budget.measured_turns(self._setting.training)
        self._measured: list[dict[str, list[float]]] = []
        self._measured_seconds: list[float] = []
        self._reported = 0
        self._best = _Best(len(identity["seeds"]))
        self._course: list[torch.Tensor] = []
        self._seconds_before, self._started = 0.0, monotonic()
        self._resume()

    def _build_trainer(self) -> Trainer:
        identity, surroundings = self._identity, self._identity["surroundings"]
        return Trainer(
            objective=self._setting.objective,
            constraint=self._setting.constraint,
            networks=self._setting.networks,
            training=self._setting.training,
            data=self._data,
            seeds=identity["seeds"],
            measures=build(Measures, identity["measures"], ("measures",)),
            split=identity["split"],
            device=surroundings["device"],
        )

    @property
    def done(self) -> bool:
        """Whether nothing remains to be learned: all is measured, or no member has a finite number left."""
        return len(self._measured) == len(self._due) or bool((self._trainer.nonfinite_turn >= 0).all())

    @property
    def turn(self) -> int:
        return self._trainer.turn

    def play(self, seconds: float) -> None:
        """Go on for about that long, whole measurements or whole turns at a time."""
        end = monotonic() + seconds
        while not self.done and monotonic() < end:
            due = self._due[len(self._measured)]
            while self.turn < due and not self.done and monotonic() < end:  # not where the clock happens to stop
                self._trainer.advance(1)
            if self.turn == due:
                self._measure()

    def _measure(self) -> None:
        if len(self._measured) in moments(self._budget.measurements):
            count = COURSE_POINTS if self._data.planar else COURSE_IMAGES
            self._course.append(self._trainer.samples(count).float().cpu())
        metrics = self._trainer.measure()
        self._measured.append({name: values.tolist() for name, values in metrics.items()})
        self._measured_seconds.append(round(self._seconds(), 3))
        distance = next(metrics[name] for name in DISTANCES if name in metrics)
        self._best.consider(distance, self._trainer.generator.flat)

    def report(self) -> str:
        """The measurements since the last report, over the members, as JSON: what the driver shows of a running trial.

        After a resume it begins again with the first; whoever listens tells them apart by their steps.
        """
        fresh = range(self._reported, len(self._measured))
        self._reported = len(self._measured)
        told = [(self._step(self._due[i]), self._measured_seconds[i], over_members(self._measured[i])) for i in fresh]
        return json.dumps(told)

    # -- stopping and going on ----------------------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        self._entry.save_checkpoint(
            {
                "trainer": self._trainer.state(),
                "measured": self._measured,
                "measured_seconds": self._measured_seconds,
                "best": self._best.state(),
                "course": self._course,
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
        self._course = state["course"]
        self._seconds_before = state["seconds"]
        self._entry.log(f"went on from turn {self.turn}")

    def _seconds(self) -> float:
        return self._seconds_before + monotonic() - self._started

    # -- the end --------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Write the trial into the ledger, where it counts from then on."""
        generators = {"best": self._generators(self._best.flat), "last": self._generators(self._trainer.generator.flat)}
        if self._trainer.average is not None:
            generators["average"] = self._generators(self._trainer.average)
        self._entry.commit(curves=self._curves(), generators=generators, samples=self._samples(), facts=self._facts())
        self._entry.log(f"finished after {self.turn} turns and {self._seconds():.1f} s")

    def _generators(self, flat: torch.Tensor | None) -> dict[str, torch.Tensor]:
        parameters = self._trainer.generator.flat if flat is None else flat
        return {name: view.cpu().clone() for name, view in self._trainer.generator.views(parameters).items()}

    def _samples(self) -> dict[str, np.ndarray]:
        """Fakes of every seed; of points of the plane as many as are measured, and what the critic says around them."""
        count = self._trainer.measures.samples if self._data.planar else SAMPLES_KEPT
        samples = self._critic_surface() if self._data.planar else {}
        flats = {"best": self._best.flat, "last": None}
        samples |= {which: self._trainer.samples(count, flat).cpu().numpy() for which, flat in flats.items()}
        return samples | self._kept_course()

    def _kept_course(self) -> dict[str, np.ndarray]:
        """A few fakes at each moment that the trial came to, and those moments on the budget's clock."""
        course = torch.stack(self._course).numpy()
        steps = [self._step(self._due[i]) for i in moments(self._budget.measurements)[: len(course)]]
        return {"course": course, "course_steps": np.array(steps)}

    def _critic_surface(self) -> dict[str, np.ndarray]:
        """The last critics' values on a grid over the data and around them, and that grid's corners."""
        resolution = self._trainer.measures.resolution
        box = Box.around(self._data.every, resolution=resolution, margin=SURFACE_MARGIN)
        values = self._trainer.critic_surface(box.centers)
        return {
            "critic_surface": values.reshape(-1, resolution, resolution),
            "critic_corners": np.stack([box.low, box.high]),
        }

    def _curves(self) -> pd.DataFrame:
        """A row per seed, step and metric, in this order."""
        seeds, steps = self._identity["seeds"], [self._step(due) for due in self._due[: len(self._measured)]]
        metrics = sorted(self._measured[0])
        values = np.array([[measured[metric] for metric in metrics] for measured in self._measured])
        index = pd.MultiIndex.from_product([steps, metrics, seeds], names=["step", "metric", "seed"])
        frame = pd.DataFrame({"value": values.reshape(-1)}, index=index).reset_index()
        frame["metric"] = pd.Categorical(frame["metric"], metrics)
        return frame.sort_values(["seed", "step", "metric"], ignore_index=True)[["seed", "step", "metric", "value"]]

    def _step(self, turns: int) -> int:
        """Turns on the budget's clock."""
        return self._budget.clock(self._setting.training, turns)

    def _facts(self) -> dict[str, Any]:
        trainer, training = self._trainer, self._setting.training
        lines, critic_steps = trainer.reference_lines(), training.critic_steps(trainer.turn)
        nonfinite = [None if turn < 0 else self._step(turn) for turn in trainer.nonfinite_turn.tolist()]
        return {
            "address": self._entry.address,
            "identity": dict(self._identity),
            "seeds": self._identity["seeds"],
            "lines": asdict(lines),
            "real_cells": trainer.real_cells,
            "floors": trainer.floors,
            "gaussians": trainer.gaussians,
            "nonfinite_step": nonfinite,
            "generator_steps": trainer.round,
            "critic_steps": critic_steps,
            "real_samples_seen": critic_steps * training.batch,
            "elapsed_seconds": round(self._seconds(), 3),
            "measured_seconds": self._measured_seconds,
            "threads": torch.get_num_threads(),
        }


def moments(measurements: int) -> list[int]:
    """The measurements at which fakes are kept, step 0 and the last among them: squares of 0/5 .. 5/5 of the budget.

    Most happens early, but members also fail late. Lines between these moments miss the distance of 300 confirmed
    members (digits, ring, grid) by 3 % of its range, between equal ones by 6 %; powers leave half of the budget unseen.
    """
    return sorted({-(-measurements * leg**2 // LEGS**2) for leg in range(LEGS + 1)})


class _Best:
    """The generator at each seed's own smallest distance so far."""

    def __init__(self, seeds: int):
        self.distance = torch.full((seeds,), torch.inf, dtype=torch.float64)
        self.flat: torch.Tensor | None = None

    def consider(self, distance: np.ndarray, flat: torch.Tensor) -> None:
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
    """The hash of the source of each of the user's modules that a trial uses."""
    return identity["surroundings"].get("sources", {})


@lru_cache(maxsize=4)
def _load_data(key: str) -> Dataset:
    """The samples that a table says, held against the fingerprint of those that the study was started with."""
    table, _, fingerprint = json.loads(key)
    data = loaded(build(Data | AnyData, table, ("data",)))
    if data.fingerprint != fingerprint:
        raise InputError(
            f"data: must be the samples that the study was started with ({fingerprint}), but kind "
            f"{shown(table['kind'])} loads others here ({data.fingerprint})"
        )
    return data


class RayTrial(tune.Trainable):
    """The Trainable: Ray Tune gives it an order and calls it until the trial is in the ledger.

    Everything is rebuilt from the order, so an actor that served another trial before gives the bits of a fresh one.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._order, self._threads = json.loads(config["order"]), config["threads"]
        self._entry = Ledger(config["ledger"]).entry(self._order["address"])
        self._checkpoint_seconds, self._last_checkpoint = config["checkpoint_seconds"], monotonic()
        self._run: TrialRun | None = None
        if config.get("modules"):
            look_in(config["modules"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Go on with the trial; an exception ends it for good, since the same trial would raise it again.

        Only the death of this process is worth another try, and is Ray's to see.
        """
        try:
            return self._step()
        except Exception as error:
            self._entry.log(traceback.format_exc())
            self._entry.give_up(f"{type(error).__name__}: {error}")
            self._run = None
            return {"done": True, "turn": 0}

    def _step(self) -> dict[str, Any]:
        if self._entry.finished:
            return {"done": True, "turn": 0}
        if self._run is None:
            self._entry.log(f"on node {ray.util.get_node_ip_address()}")
            self._run = TrialRun(self._order["identity"], self._entry, threads=self._threads)
        run = self._run
        run.play(SECONDS_PER_REPORT)
        report = {"turn": run.turn, "measured": run.report()}
        if run.done:
            run.commit()
            self._run = None
        elif monotonic() - self._last_checkpoint > self._checkpoint_seconds:
            self._checkpoint()
        return {"done": run.done, **report}

    def cleanup(self) -> None:
        """Tune ends this actor: keep what was learned since the last checkpoint."""
        if self._run is not None:
            self._checkpoint()

    def _checkpoint(self) -> None:
        if self._run is not None:
            self._run.save_checkpoint()
            self._last_checkpoint = monotonic()
