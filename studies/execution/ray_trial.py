"""The Ray Tune Trainable of a trial."""

import json
import traceback
from time import monotonic
from typing import Any

import ray
from ray import tune

from studies.execution.trial import TrialTraining
from studies.file.modules import add_module_folder
from studies.ledger.ledger import Ledger

SECONDS_PER_REPORT = 0.7
"""Seconds of training between two reports; a report costs a round trip to the driver."""


class RayTrial(tune.Trainable):
    """Trains the trial in `config["payload"]` until it is in the ledger.

    Everything is rebuilt from the payload, so a reused actor gives the same bits as a fresh one.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._payload, self._threads = json.loads(config["payload"]), config["threads"]
        self._entry = Ledger(config["ledger"]).entry(self._payload["address"])
        self._checkpoint_seconds, self._last_checkpoint = config["checkpoint_seconds"], monotonic()
        self._training: TrialTraining | None = None
        if config.get("modules"):
            add_module_folder(config["modules"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train for about `SECONDS_PER_REPORT` and return a report.

        An exception is recorded as the trial's failure and not retried, since the same trial would raise it again. The
        searcher retries a trial only if this process dies.
        """
        try:
            return self._step()
        except Exception as error:
            self._entry.log(traceback.format_exc())
            self._entry.record_failure(f"{type(error).__name__}: {error}")
            self._training = None
            return {"done": True, "iteration": 0}

    def _step(self) -> dict[str, Any]:
        if self._entry.finished:
            return {"done": True, "iteration": 0}
        if self._training is None:
            self._entry.log(f"on node {ray.util.get_node_ip_address()}")
            self._training = TrialTraining(self._payload["identity"], self._entry, threads=self._threads)
        training = self._training
        training.advance(SECONDS_PER_REPORT)
        report = {"iteration": training.iteration, "summaries": training.report()}
        if training.done:
            training.commit()
            self._training = None
        elif monotonic() - self._last_checkpoint > self._checkpoint_seconds:
            self._checkpoint()
        return {"done": training.done, **report}

    def cleanup(self) -> None:
        """Write a checkpoint; Tune calls this method when it ends the actor."""
        self._checkpoint()

    def _checkpoint(self) -> None:
        if self._training is not None:
            self._training.save_checkpoint()
            self._last_checkpoint = monotonic()
