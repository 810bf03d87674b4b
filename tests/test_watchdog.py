"""The watchdog of a worker, with real processes: who is killed, what the ledger then says, and who is left alone."""

import ctypes
import multiprocessing
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from studies.execution import watchdog, watchdog_process
from studies.execution.watchdog_process import code_in
from studies.file.run_settings import Limits
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import TrialEnd, Unfinished

FORK = multiprocessing.get_context("fork")


def work(root: Path, code: str, memory: float, pids: SimpleQueue[int]) -> None:
    """A worker with small limits, which runs the code as if it were called by `ray_pack.py`."""
    watchdog.GRACE_SECONDS = 0.3
    guard = watchdog.Watchdog(root, Limits(step_seconds=0.5, trial_seconds=9.0, trial_memory_gb=memory))
    pids.put(guard._process.pid)
    trial = Ledger(root).unfinished("k")
    trial.mark_started("here")
    exec(compile(code, "ray_pack.py", "exec"), {"guard": guard, "trial": trial, **globals()})


def forever() -> None:
    while True:
        pass


def hold_the_lock() -> None:
    while True:
        ctypes.PyDLL(None).sleep(60)  # unlike CDLL it keeps Python's global lock; a signal ends the call


def grow(guard: watchdog.Watchdog, trial: Unfinished) -> None:
    kept = []
    while True:
        kept.append(bytearray(50_000_000))
        guard.expect(trial)
        time.sleep(0.05)


def worker(root: Path, code: str, *, memory: float = 100.0) -> tuple[BaseProcess, int]:
    """A process that runs the code, and the process id of its watchdog."""
    pids = FORK.SimpleQueue()
    process = FORK.Process(target=work, args=(root, code, memory, pids))
    process.start()
    return process, pids.get()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create()
    return ledger


HUNG = "it hung: one iteration or evaluation took longer than limits.step_seconds = 0.5"


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        ("guard.expect(trial); forever()", "timed_out", HUNG),
        ("guard.expect(trial); hold_the_lock()", "timed_out", HUNG),
        (
            "guard.expect(trial, left=0.1); forever()",
            "timed_out",
            "its training took longer than limits.trial_seconds = 9, and hung",
        ),
        (
            "guard.expect(trial); grow(guard, trial)",
            "out_of_memory",
            "its process took more than limits.trial_memory_gb = ",
        ),
    ],
)
def test_a_worker_that_passes_a_limit_is_killed_and_the_ledger_says_why_once(
    ledger: Ledger, code: str, state: str, reason: str
) -> None:
    own = psutil.Process().memory_info().rss / 1e9
    process, _ = worker(ledger.root, code, memory=own + 0.5)
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    end = ledger.unfinished("k").killed()
    assert end is not None
    assert end.state == state
    assert end.reason.startswith(reason)
    assert "; it was in test_watchdog.py, line " in end.reason
    assert " in <module>" in end.detail
    assert ledger.unfinished("k").killed() is None
    assert ledger.unfinished("k").end() is None


def test_a_worker_within_its_limits_is_left_alone_and_the_watchdog_ends_with_it(ledger: Ledger) -> None:
    code = "for _ in range(4): guard.expect(trial, left=9); time.sleep(0.3)\nguard.pause(); time.sleep(1.2)"
    process, pid = worker(ledger.root, code)
    process.join(timeout=60)
    assert process.exitcode == 0
    assert ledger.unfinished("k").killed() is None
    assert_ends(pid)


def test_the_watchdog_of_a_killed_worker_ends(ledger: Ledger) -> None:
    process, pid = worker(ledger.root, "guard.expect_loading(trial); forever()")
    process.kill()
    process.join(timeout=60)
    assert_ends(pid)
    assert ledger.unfinished("k").killed() is None


def assert_ends(pid: int) -> None:
    end = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_reason_that_an_earlier_run_left_is_forgotten_when_the_trial_starts(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    trial = Unfinished(storage, "k")
    watchdog_process._record(str(tmp_path), {"key": "k", "object": trial.kill_object}, "timed_out", "long ago", "")
    assert isinstance(Unfinished(storage, "k").killed(), TrialEnd)
    watchdog_process._record(str(tmp_path), {"key": "k", "object": trial.kill_object}, "timed_out", "long ago", "")
    trial.mark_started("here")
    assert trial.killed() is None


def test_the_users_code_is_named_by_the_innermost_call_of_the_thread_that_trains() -> None:
    own = watchdog_process.PROJECT / "studies/execution/ray_pack.py"
    stacks = f"""Thread 0x1 (most recent call first):
  File "/home/somebody/other.py", line 3 in waits

Current thread 0x2 (most recent call first):
  File "{sys.prefix}/lib/torch/functional.py", line 9 in inner
  File "/home/somebody/mine.py", line 31 in critic_loss
  File "/home/somebody/mine.py", line 40 in outer
  File "{own}", line 77 in _step
"""
    assert code_in(stacks) == "mine.py, line 31, critic_loss"
    assert code_in(stacks.replace("/home/somebody/mine.py", f"{sys.prefix}/lib/installed.py")) == ""
    assert code_in("") == ""
