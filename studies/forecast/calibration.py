"""Measuring the costs of a study's packs on this machine, in as many processes at once as a run has."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

import numpy as np

import studies
from studies.errors import StudyFailed
from studies.execution.allowed_environment import allowed
from studies.execution.resources import Allocation, Resources
from studies.file import modules
from studies.file.compared_features import path_of
from studies.file.messages import count_noun
from studies.file.study import Study
from studies.file.validation import plain
from studies.forecast.cost_cache import CostCache
from studies.forecast.pack_costs import PackCost, PackCosts
from studies.forecast.pack_work import Case, Work

START_LIMIT, CASE_LIMIT, TOTAL_LIMIT = 120.0, 40.0, 60.0
"""Longest seconds until the processes are ready, of the measurement of one case, after which its processes are ended,
and of all measurements, after which no further one is begun."""
MOST_PROCESSES = 16
"""Largest number of processes that measure at once."""
AFFINE = (1, 5)
"""Numbers of critic steps per iteration that are measured where the packs of a case differ in it, or warm up."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Costs of the cases of a study.

    costs          measured costs, from which others are extrapolated
    start_seconds  processor time until a worker is ready; None if that was not measured
    left_out       number of cases that were not measured: their seconds are extrapolated
    measured_now   number of cases that were measured now, the others being cached
    errors         messages of users' code that failed in a measurement
    """

    costs: PackCosts
    start_seconds: float | None
    left_out: int
    measured_now: int = 0
    errors: tuple[str, ...] = ()


def cached(cases: Iterable[Case], cache: CostCache) -> Calibration:
    """The costs that are cached."""
    found = {case: cost for case in cases if (cost := cache.cost(case)) is not None}
    return Calibration(
        costs=PackCosts(found),
        start_seconds=cache.start_seconds(),
        left_out=len(set(cases) - set(found)),
    )


def calibrate(
    study: Study,
    works: Sequence[Work],
    allocation: Allocation,
    resources: Resources,
    cache: CostCache,
    *,
    again: bool = False,
    note: Callable[[str], None] = lambda sentence: None,
) -> Calibration:
    """Measure the costs of the packs that the cache does not have, those of most work first.

    All processes measure the same case at the same time, as the processes of a run slow each other down, and the cost
    is the mean of theirs. A case that takes longer than `CASE_LIMIT` is left out, and so are all that are left after
    `TOTAL_LIMIT`.

    again  True: measure what is cached again
    note   called with one sentence before the first measurement

    Errors: `StudyFailed` if no process can be started.
    """
    by_case: dict[Case, list[Work]] = {}
    for work in works:
        by_case.setdefault(work.case, []).append(work)
    missing = [case for case in by_case if again or cache.cost(case) is None]
    missing.sort(key=lambda case: -sum(work.critic_steps * case.size for work in by_case[case]))
    errors: dict[str, None] = {}
    if missing:
        note(f"measuring {count_noun(len(missing), 'kind')} of packs on this machine, for about a minute at most")
        processes = min(MOST_PROCESSES, resources.processes_at_once(allocation))
        requests = {case: _request(study, by_case[case], allocation) for case in missing}
        for case, answer in _measured(requests, processes, cache):
            if isinstance(answer, str):
                errors[answer] = None
            else:
                cache.keep(case, answer)
    kept = cached(by_case, cache)
    return replace(kept, measured_now=sum(kept.costs.is_measured(case) for case in missing), errors=tuple(errors))


def _request(study: Study, works: Sequence[Work], allocation: Allocation) -> str:
    """The request for the measurement of a case; works are all packs of it."""
    iterations = [work for work in works if work.generator_steps]
    steps = {work.most_critic_steps for work in iterations}
    same = len(steps) == 1 and all(work.critic_steps == max(steps) * work.generator_steps for work in iterations)
    return json.dumps(
        {
            "trial": json.loads(works[0].example)[0],
            "critic_steps": sorted(steps) if same else AFFINE,
            "pretraining": any(work.pretraining_steps for work in works),
            "threads": max(1, int(allocation.cpu)),
            "data": plain(study.data),
            "feature_file": path_of(study.evaluation),
            "modules": modules.folder_of(study.table()),
        }
    )


def _measured(requests: Mapping[Case, str], processes: int, cache: CostCache) -> Iterator[tuple[Case, PackCost | str]]:
    """The costs of the cases that can be measured within the limits, one after the other, or an error's message."""
    waiting, end = list(requests), monotonic() + TOTAL_LIMIT
    while waiting and monotonic() < end:
        with _processes(processes) as group:
            ready = group.answers(START_LIMIT)
            if ready is None and len(waiting) < len(requests):  # a machine so busy is not waited for again
                return
            if ready is None:
                raise StudyFailed("plan: the processes that measure cannot be started")
            cache.keep_start(max(answer["ready"] for answer in ready))
            end = max(end, monotonic() + TOTAL_LIMIT) if len(waiting) == len(requests) else end
            while waiting and monotonic() < end:
                case = waiting.pop(0)
                group.ask(requests[case])
                answers = group.answers(CASE_LIMIT)
                if answers is None:  # processes that do not answer are ended, and others measure the rest
                    break
                error = next((answer["error"] for answer in answers if "error" in answer), None)
                yield case, _mean(answers) if error is None else error


def _mean(answers: Sequence[Mapping[str, float]]) -> PackCost:
    """The mean of the seconds of several processes; the spread also between them, and the largest memory."""
    numbers = {name: float(np.mean([answer[name] for answer in answers])) for name in answers[0]}
    steps = [answer["critic_step"] + answer["generator_step"] for answer in answers]
    between = float(np.std(np.log(steps)))
    numbers["spread"] = float(np.hypot(numbers["spread"], between))
    numbers["memory_bytes"] = max(answer["memory_bytes"] for answer in answers)
    return PackCost(**numbers)


class _Group:
    """Processes that answer the same requests at the same time."""

    def __init__(self, count: int):
        root = str(Path(studies.__file__).parents[1])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "studies.forecast.measurement"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    **allowed(os.environ),
                    "PYTHONPATH": path,
                    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
                },
                text=True,
            )
            for _ in range(count)
        ]
        self._lines = [SimpleQueue[str]() for _ in self.processes]
        for process, lines in zip(self.processes, self._lines, strict=True):
            Thread(target=_pass_on, args=(process, lines), daemon=True).start()

    def ask(self, request: str) -> None:
        for process in self.processes:
            assert process.stdin is not None
            with suppress(OSError):  # it has ended, which `answers` finds
                process.stdin.write(request + "\n")
                process.stdin.flush()

    def answers(self, seconds: float) -> list[dict[str, Any]] | None:
        """The next answer of every process; None if one of them has ended, or has not answered in time."""
        end = monotonic() + seconds
        answers = []
        for lines in self._lines:
            try:
                line = lines.get(timeout=max(0.0, end - monotonic()))
            except Empty:
                return None
            if not line:
                return None
            answers.append(json.loads(line))
        return answers


def _pass_on(process: "subprocess.Popen[str]", lines: "SimpleQueue[str]") -> None:
    """Put every line that a process prints into a queue, and an empty text at its end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")


@contextmanager
def _processes(count: int) -> Iterator[_Group]:
    """Context with processes that measure; they are ended with it."""
    group = _Group(count)
    try:
        yield group
    finally:
        for process in group.processes:
            process.kill()
        for process in group.processes:
            process.communicate()
