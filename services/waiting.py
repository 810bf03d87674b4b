"""Waiting for processors of a cluster: what a submitted study prints while it may not start or has no process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from studies.execution.resources import Allocation

FIRST_SECONDS, REPEAT_SECONDS = 10.0, 300.0
"""Time without a process before the first line, and time between two lines that say the same."""
LOOK_SECONDS = 2.0

Write = Callable[[str], None]


def wait_for_processors(wanted: int, write: Write) -> None:
    """Return once the cluster that this process is connected to has `wanted` processor cores, free or not.

    An autoscaler is asked for them; other clusters get them when nodes join.
    """
    import ray
    from ray.autoscaler.sdk import request_resources

    lines = _Lines(write)
    if _total(ray.cluster_resources()) >= wanted:
        return
    request_resources(num_cpus=wanted)
    try:
        while (have := _total(ray.cluster_resources())) < wanted:
            lines.say(f"waiting for processors: {wanted} are wanted, the cluster has {have:g}")
            sleep(LOOK_SECONDS)
    finally:
        request_resources(num_cpus=0)  # withdraws the request; from now on the trials' own demand keeps the nodes


@contextmanager
def waiting_reported(allocation: Allocation, write: Write) -> Iterator[None]:
    """Context that writes how many processors a study wants and the cluster has, while none of its processes has any.

    allocation  processor cores and GPUs of one process
    """
    closed = threading.Event()
    watching = threading.Thread(target=_watch, args=(allocation, write, closed), name="waiting", daemon=True)
    watching.start()
    try:
        yield
    finally:
        closed.set()
        watching.join(LOOK_SECONDS)


def _watch(allocation: Allocation, write: Write, closed: threading.Event) -> None:
    lines, without_since = _Lines(write), None
    while not closed.wait(LOOK_SECONDS):
        try:
            waiting, placed = _processes()
            sentence = _sentence(allocation, waiting)
        except Exception:  # a line of the log is not worth more than the next look
            continue
        if placed or not waiting:
            without_since = None
            lines.forget()
            continue
        without_since = without_since or monotonic()
        if monotonic() - without_since >= FIRST_SECONDS:
            lines.say(sentence)


def _sentence(allocation: Allocation, waiting: int) -> str:
    import ray

    has, free = ray.cluster_resources(), ray.available_resources()
    kinds = [("CPU", "processors", allocation.cpu)]
    if allocation.gpu:
        kinds.append(("GPU", "GPUs", allocation.gpu))
    wanted = " and ".join(f"{share * waiting:g} {name}" for _, name, share in kinds)
    there = " and ".join(f"{has.get(key, 0):g} {name}, {free.get(key, 0):g} of them free" for key, name, _ in kinds)
    return f"waiting for processors: {wanted} are wanted for {waiting} processes at once, the cluster has {there}"


class _Lines:
    """Writer that repeats a line only after `REPEAT_SECONDS`."""

    def __init__(self, write: Write):
        self._write, self._last, self._at = write, "", 0.0

    def say(self, line: str) -> None:
        """Write a line, unless it was the last one and is recent."""
        if line != self._last or monotonic() - self._at >= REPEAT_SECONDS:
            self._write(line)
            self._last, self._at = line, monotonic()

    def forget(self) -> None:
        """Write the next line in any case."""
        self._last = ""


def _total(resources: dict[str, Any]) -> float:
    return float(resources.get("CPU", 0.0))


def _processes() -> tuple[int, int]:
    """Number of this job's processes that wait for resources, and that have them; Tune gives each a placement group."""
    import ray
    from ray.util.state import list_placement_groups

    job = ray.get_runtime_context().get_job_id()
    groups = list_placement_groups(filters=[("creator_job_id", "=", job)], limit=10_000, raise_on_missing_output=False)
    states = [group["state"] for group in groups]
    return states.count("PENDING"), states.count("CREATED")
