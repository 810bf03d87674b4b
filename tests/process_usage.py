"""Memory and threads of processes over time, as a container's limits count them."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]


@dataclass
class Usage:
    """Largest use so far by a process and all that it started.

    memory   bytes; memory that several processes share counts once (PSS)
    threads  number of threads of all processes, which is what `pids_limit` limits
    """

    memory: int = 0
    threads: int = 0

    def measure(self, process: psutil.Process) -> None:
        memory = threads = 0
        for part in [process, *process.children(recursive=True)]:
            try:
                memory, threads = memory + part.memory_full_info().pss, threads + part.num_threads()
            except psutil.Error:
                continue
        self.memory, self.threads = max(self.memory, memory), max(self.threads, threads)


@contextmanager
def repeated(work: Callable[[], object], seconds: float) -> Iterator[None]:
    """Context in which a thread calls `work` every few seconds."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def measured(processes: Mapping[str, subprocess.Popen[bytes]], seconds: float = 2.0) -> Iterator[dict[str, Usage]]:
    """Context in which the use of each process is measured every few seconds; its value holds the results."""
    usage = {name: Usage() for name in processes}

    def measure() -> None:
        for name, process in processes.items():
            with suppress(psutil.NoSuchProcess):
                usage[name].measure(psutil.Process(process.pid))

    with repeated(measure, seconds):
        yield usage
