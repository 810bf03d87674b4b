"""The Ray Tune Trainable of a pack of trials."""

import errno
import json
from collections import deque
from dataclasses import asdict
from time import monotonic
from typing import Any

import ray
import torch
from ray import tune

from studies.errors import GanStudyError, HungCode, StudyFailed
from studies.execution.allowed_environment import remove_others
from studies.execution.pack_training import PackTraining
from studies.execution.torch_settings import limit_gpu_memory
from studies.execution.watchdog import Watchdog
from studies.file.code_errors import error_in_words, raised_by_user, traceback_in_words
from studies.file.hung_code import set_limit
from studies.file.modules import add_module_folder
from studies.file.run_settings import Limits
from studies.file.validation import build
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import EndState, TrialEnd

SECONDS_PER_REPORT = 0.7
"""Seconds of training between two reports; a report costs a round trip to the driver."""
OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
"""Parts of the messages of PyTorch's RuntimeErrors on a processor, and on a GPU outside its allocator."""
STORAGE_ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ETIMEDOUT, errno.ECONNRESET)
"""Errors of a disk or a mount; other operating-system errors, as of a missing file, are those of a user's code."""


class RayPack(tune.Trainable):
    """Trains packs of trials, one after the other, until they are in the ledger.

    `config["payloads"]` holds a `payload` for each pack. Everything is rebuilt from it, so a reused actor gives the
    same bits as a fresh one. Only the watchdog, if `config["watched"]` is true, lives as long as the actor.
    """

    _watchdog: Watchdog | None = None

    def setup(self, config: dict[str, Any]) -> None:
        self._waiting, self._config, self._last_checkpoint = deque(config["payloads"]), config, monotonic()
        self._trials = json.loads(self._waiting.popleft())
        self._ledger, self._limits = Ledger(config["ledger"]), build(Limits, config["limits"], ("limits",))
        self._training: PackTraining | None = None
        self._failed = False
        remove_others(cluster=True)  # before a user's code is imported: a node may have been started with more
        set_limit(self._limits.code_seconds)
        if config["watched"] and self._watchdog is None:
            self._watchdog = Watchdog(self._ledger.root, self._limits)
        if config.get("modules"):
            add_module_folder(config["modules"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train for about `SECONDS_PER_REPORT` and return a report.

        An exception is reported as the trials' end; the searcher, which decides about another attempt, records it.
        """
        try:
            return self._step()
        except (Exception, SystemExit) as error:
            if isinstance(error, SystemExit) and not raised_by_user(error):
                raise  # Ray ends this process
            self._training = None
            self._failed = True
            own = isinstance(error, GanStudyError)  # a sentence of this project, without a line of a user's module
            reason = f"{type(error).__name__}: {error}" if own else error_in_words(error)
            end = TrialEnd(state=end_of(error), reason=reason, detail=traceback_in_words(error))
            return {"done": True, "iteration": 0, "end": _reported(end, storage_failed=isinstance(error, StudyFailed))}
        finally:
            if self._failed and torch.cuda.is_initialized():
                torch.cuda.empty_cache()  # this process may stay, idle, while others need the memory of the GPU
            if self._watchdog is not None:
                self._watchdog.pause()

    def _step(self) -> dict[str, Any]:
        first = self._ledger.unfinished(self._trials[0]["key"])
        if self._training is None:
            if self._watchdog is not None:
                self._watchdog.expect_loading(first)
            self._training = self._started()
        training, limit = self._training, self._limits.trial_seconds
        if self._watchdog is not None:
            left = None if limit is None else (limit - training.seconds_of_place) * training.places
            self._watchdog.expect(first, left)
        training.advance(SECONDS_PER_REPORT)
        report: dict[str, Any] = {"iteration": training.iteration, "summaries": training.report()}
        if training.done:
            return {**report, **self._committed(training)}
        if limit is not None and training.seconds_of_place > limit:
            self._checkpoint()  # a later run with a larger limit continues from here
            self._training = None
            reason = f"its training took longer than limits.trial_seconds = {limit:g}"
            return {"done": True, **report, "end": _reported(TrialEnd(state="timed_out", reason=reason))}
        if monotonic() - self._last_checkpoint > self._config["checkpoint_seconds"]:
            self._checkpoint()
        return {"done": False, **report}

    def _committed(self, training: PackTraining) -> dict[str, Any]:
        """Commit the pack and turn to the next one; returns what the report says about it."""
        segment = self._ledger.commit(training.rows())
        self._training, done = None, not self._waiting
        if not done:
            self._trials = json.loads(self._waiting.popleft())
        return {"done": done, "segment": segment}

    def _started(self) -> PackTraining:
        node, first = ray.util.get_node_ip_address(), self._trials[0]["key"]
        for trial in self._trials:
            self._ledger.unfinished(trial["key"]).mark_started(node, checkpoint=first)
        if self._trials[0]["identity"]["provenance"]["device"] == "cuda":
            limit_gpu_memory(self._config["gpu_share"])
        training = PackTraining(
            self._trials,
            self._ledger.unfinished(first),
            data=json.loads(self._config["data"]),
            feature_file=self._config["feature_file"],
            threads=self._config["threads"],
            kept=self._config["kept"],
        )
        training.log(f"on node {node}")
        return training

    def cleanup(self) -> None:
        """Write a checkpoint; Tune calls this method when it ends the actor."""
        self._checkpoint()

    def _checkpoint(self) -> None:
        if self._training is not None:
            self._training.save_checkpoint()
            self._last_checkpoint = monotonic()


def end_of(error: BaseException) -> EndState:
    """State of a trial that an exception ended."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # of torch.cuda, if there is one
        return "out_of_memory"
    if isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY_TEXTS):
        return "out_of_memory"
    if isinstance(error, HungCode):
        return "timed_out"
    # an InputError here says that this node has other modules or samples than the study was started with
    if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        return "lost"
    return "lost" if isinstance(error, GanStudyError) else "error"


def _reported(end: TrialEnd, *, storage_failed: bool = False) -> str:
    """JSON of an end for the searcher; `storage_failed` is True if this worker could not write the ledger."""
    return json.dumps({"end": asdict(end), "storage_failed": storage_failed})
