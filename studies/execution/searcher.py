"""Ray Tune Searcher that issues the trials of a study's design in packs."""

import json
import pickle
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from studies.design import PHASES, Phase, TrialSpec, payload
from studies.errors import DamagedError, GanStudyError, StudyFailed
from studies.execution.death_causes import KERNEL_KILL, DeathCauses
from studies.execution.worker_deaths import OUT_OF_MEMORY, WorkerDeath
from studies.file.messages import count_noun
from studies.ledger.unfinished import EndState, TrialEnd
from studies.progress.events import Listener
from studies.progress.failures_in_a_row import FailuresInARow
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary

RETRIES_OF_OWN_ENDS = {"out_of_memory": 1, "error": 1, "timed_out": 0}
"""Number of times that a trial is started again after an end that may be its configuration's own."""
MOST_NODE_LOSSES = 50
"""Number of times that a trial is started again after it was lost with its node, or preempted with it.

No node can be blamed on a trial, so these do not count as retries; the bound ends a run on a cluster that keeps losing
its nodes.
"""
SECONDS_OF_PACKS, MOST_PACKS = 2.0, 16
"""Seconds of training that a process is given at once if packs are short, and the largest number of packs."""
Pack = tuple[TrialSpec, ...]
"""Trials that are trained together, by slot."""


@dataclass(frozen=True)
class PackEnd:
    """End of a pack without a result.

    storage_failed  True if the worker could not write the ledger
    node_lost       True if the worker was lost together with its node
    killed          True if the watchdog killed the worker, so that the end may be that of one trial of the pack alone
    """

    end: TrialEnd
    storage_failed: bool = False
    node_lost: bool = False
    killed: bool = False


class DesignSearcher(Searcher):
    """Issues the pending trials of a design, pack by pack; waits while there is none.

    Lasting state is in the ledger, so the state that Tune saves of this searcher is empty. Tune's own retries are off:
    they would cover running trials only, not one that was pending on a node that died. By the cause of its end, a trial
    is issued again

    node lost or preempted   up to `MOST_NODE_LOSSES` times, without counting
    worker or storage lost   up to `retries` times, in the last attempt without the others of its pack
    out of memory            once more, alone on the machine
    exception                once more, without the others of its pack
    over the time limit      not again; those of a pack that had to be killed once, each without the others

    A condition whose trials keep ending without a result is stopped, see `FailuresInARow`.

    retries      number of times that a lost trial is tried again
    per_process  largest number of packs that a process is given at once; "auto": as many as train in about
                 `SECONDS_OF_PACKS`, at most `MOST_PACKS`
    processes    number of processes that train at once, among which the waiting packs are shared out
    failures     largest number of trials of a condition that end in a row without a result; None: any number
    failure      error of the ledger after which no further trial is issued, else None
    """

    def __init__(
        self,
        progress: StudyProgress,
        trial_config: dict[str, Any],
        listener: Listener,
        *,
        retries: int,
        per_process: int | Literal["auto"] = "auto",
        processes: int = 1,
        failures: int | None = None,
    ):
        super().__init__(metric="iteration", mode="max")
        self._retries: dict[str, int] = {**RETRIES_OF_OWN_ENDS, "lost": retries}
        self._attempts = Counter[tuple[str, EndState]]()
        self._progress, self._trial_config, self._listener = progress, trial_config, listener
        self._opened = False
        self._waiting: deque[Pack] = deque()
        self._waiting_alone: deque[Pack] = deque()
        self._keys: set[str] = set()
        self._per_process, self._processes = 1 if per_process == "auto" else per_process, processes
        self._adapts = per_process == "auto"
        self._issued: dict[str, deque[Pack]] = {}
        self._alone: str | None = None
        self._causes: dict[str, WorkerDeath] = {}
        self._node_losses = Counter[str]()
        self._failures = FailuresInARow(failures)
        self._death_causes = DeathCauses()
        self.failure: GanStudyError | None = None

    def suggest(self, trial_id: str) -> Any:
        """Tune's configuration of the next packs; None to wait for running packs, `Searcher.FINISHED` at the end."""
        try:
            if not self._opened:
                self._opened = True
                self._add(self._progress.pending())
            self._progress.write_plan()
        except GanStudyError as error:
            self.failure = error
        pack = None if self.failure else self._next(trial_id)
        if pack is None:
            return None if self._issued else Searcher.FINISHED
        packs, config = deque([pack]), self._trial_config
        if self._alone is not None:
            config = {**config, "gpu_share": 1.0}  # nothing else runs
        else:
            share = -(-(len(self._waiting) + 1) // self._processes)
            while self._waiting and len(packs) < min(self._per_process, share):
                packs.append(self._waiting.popleft())
        self._issued[trial_id] = packs
        return {**config, "payloads": [payload(pack) for pack in packs]}

    def _add(self, trials: Iterable[TrialSpec]) -> None:
        """Add pending trials to those that wait: phase by phase, each next pack from the condition with fewest trials.

        So the conditions are balanced within one pack whenever the run is interrupted.
        """
        packs: dict[str, list[TrialSpec]] = defaultdict(list)
        for trial in trials:
            if trial.key not in self._keys:  # conditions that train the same have trials of one key
                self._keys.add(trial.key)
                packs[trial.pack].append(trial)
        before: Counter[tuple[str, Phase]] = Counter()
        ordered: list[tuple[tuple[int, int], Pack]] = []
        for pack in packs.values():
            condition_and_phase = (pack[0].condition, pack[0].phase)
            ordered.append(((PHASES.index(pack[0].phase), before[condition_and_phase]), tuple(pack)))
            before[condition_and_phase] += len(pack)
        self._waiting += [pack for _, pack in sorted(ordered, key=itemgetter(0))]

    def _next(self, trial_id: str) -> Pack | None:
        """The next pack to start; None if none can start now.

        A pack that ran out of memory is tried again alone, since others beside it may have taken the memory.
        """
        if self._alone is not None:
            return None
        if self._waiting:
            return self._waiting.popleft()
        if self._issued or not self._waiting_alone:
            return None
        self._alone = trial_id
        return self._waiting_alone.popleft()

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        packs = self._issued.get(trial_id)
        if packs is None:
            return
        summaries = json.loads(result.get("summaries", "{}"))
        for trial in packs[0]:
            own = [EvaluationSummary(**summary) for summary in summaries.get(trial.key, [])]
            self._listener.measured(trial, own)
        if "segment" in result:  # the process goes on with its next pack
            self._note_ended(trial_id, packs.popleft(), result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        packs = self._issued.pop(trial_id, None)
        if packs is None:
            return
        self._alone = None if self._alone == trial_id else self._alone
        pack = packs.popleft()
        self._waiting.extendleft(reversed(packs))  # the process ended before it came to them
        self._note_ended(trial_id, pack, result or {})

    def _note_ended(self, trial_id: str, pack: Pack, result: dict[str, Any]) -> None:
        """Add the trials that are known since this pack ended, and tell the listener how its trials ended."""
        try:
            update = self._progress.update(self._ended(trial_id, pack, result))
            self._add(update.pending)
        except GanStudyError as failure:
            self.failure = failure
            return
        records = update.ended
        if self._adapts and records and all(record.finished for record in records):
            seconds = sum(record.facts["elapsed_seconds"] for record in records)
            self._per_process = min(MOST_PACKS, max(1, int(SECONDS_OF_PACKS / max(seconds, 1e-3))))
        for record in records:
            self._listener.ended(record)
            if self._failures.reached(record):
                self._stop_condition(record.spec.condition)
        if update.found:
            self._listener.found(update.found)
        self._listener.planned(self._progress.needed)

    def _stop_condition(self, name: str) -> None:
        """Start no further trial of a condition in this run."""
        self._progress.stop_condition(name)
        self._waiting = deque(pack for pack in self._waiting if pack[0].condition != name)
        self._waiting_alone = deque(pack for pack in self._waiting_alone if pack[0].condition != name)
        self._listener.warned(
            f"{name}: {count_noun(self._failures.most, 'trial')} in a row ended without a result, as many as "
            "limits.condition_failures allows; no further trial of it is started in this run"
        )

    def _ended(self, trial_id: str, pack: Pack, result: dict[str, Any]) -> list[TrialSpec]:
        """The trials of a pack that have ended; the others are issued again."""
        finished = self._progress.ledger.finished([trial.key for trial in pack], segment=result.get("segment"))
        without = [trial for trial in pack if trial.key not in finished]
        if without:
            ended = self._end(trial_id, pack, result)
            if ended.storage_failed:
                raise StudyFailed(ended.end.reason)
            again = [trial for trial in without if self._is_tried_again(trial, ended, shared=len(pack) > 1)]
            self._issue_again(again, ended)
            for trial in without:
                if trial not in again:
                    self._progress.ledger.unfinished(trial.key).record_end(ended.end)
            return [trial for trial in pack if trial not in again]
        return list(pack)

    def _is_tried_again(self, trial: TrialSpec, ended: PackEnd, *, shared: bool) -> bool:
        if trial.condition in self._progress.stopped:
            return False
        if ended.node_lost:
            self._node_losses[trial.key] += 1
            return self._node_losses[trial.key] <= MOST_NODE_LOSSES
        if ended.killed and shared and ended.end.state == "timed_out":
            return True
        self._attempts[trial.key, ended.end.state] += 1
        return self._attempts[trial.key, ended.end.state] <= self._retries[ended.end.state]

    def _issue_again(self, trials: Sequence[TrialSpec], ended: PackEnd) -> None:
        if not trials:
            return
        state = ended.end.state
        last_attempt = self._attempts[trials[0].key, state] == self._retries[state]
        if ended.node_lost or (state == "lost" and not last_attempt):
            self._waiting.appendleft(tuple(trials))
        elif state == "out_of_memory":
            self._waiting_alone.extend((trial,) for trial in trials)
        else:  # at once, so that a condition all of whose trials fail is stopped before each has failed
            self._waiting.extendleft((trial,) for trial in reversed(trials))

    def _end(self, trial_id: str, pack: Pack, result: dict[str, Any]) -> PackEnd:
        """End of a pack without a result: that which its worker reported, else the cause of the worker's death."""
        if "end" in result:
            reported = json.loads(result["end"])
            return PackEnd(TrialEnd(**reported["end"]), storage_failed=reported["storage_failed"])
        death = self._causes.pop(trial_id, None) or self._death_causes.death(None)
        with suppress(DamagedError):
            killed = self._progress.ledger.unfinished(pack[0].key).killed()
            if killed is not None:
                return PackEnd(killed, killed=True)
        if OUT_OF_MEMORY in death.cause:
            reason = "Ray ended it because its node was running out of memory"
            return PackEnd(TrialEnd(state="out_of_memory", reason=reason))
        if death.cause == KERNEL_KILL:
            return PackEnd(TrialEnd(state="out_of_memory", reason=death.cause))
        return PackEnd(TrialEnd(state="lost", reason=death.cause), node_lost=death.node_lost)

    def note_cause(self, trial_id: str, error: Exception | None) -> None:
        """Remember the error with which a trial's worker ended; `on_trial_complete` is not given it."""
        self._causes[trial_id] = self._death_causes.death(error)

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles the searcher at the start, but this project never restores it."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class CauseScheduler(FIFOScheduler):
    """First in, first out; notes with the searcher why a worker ended, since Tune tells a searcher only that it did."""

    def __init__(self, searcher: DesignSearcher):
        super().__init__()
        self._searcher = searcher

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        error = None
        with suppress(Exception):  # an exception here would end the whole study
            # `get_pickled_error` reads the storage, to which Tune copies this file later
            error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
        self._searcher.note_cause(trial.trial_id, error)

    def __getstate__(self) -> dict[str, Any]:
        """An empty state, as the searcher's."""
        return {}
