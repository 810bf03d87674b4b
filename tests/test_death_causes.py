"""Causes of the death of a worker, from its log and from the kernel's counter."""

import subprocess
import sys
from pathlib import Path

import pytest
from ray.exceptions import ActorDiedError, RayActorError

from studies.execution import death_causes
from studies.execution.death_causes import KERNEL_KILL, WITHOUT_TRACE, DeathCauses

DEATH = RayActorError(error_msg="The actor died unexpectedly.\n\tclass_name: RayPack\n\tpid: 4321\nThe actor is dead")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Log of the process 4321."""
    path = tmp_path / "worker.err"

    def log_of(process: int) -> str | None:
        assert process == 4321
        return path.read_text()

    monkeypatch.setattr(death_causes, "_log_of", log_of)
    return path


def test_a_crash_is_named_with_the_users_line(log: Path, tmp_path: Path) -> None:
    module = tmp_path / "my_module.py"
    module.write_text("import ctypes, faulthandler\nfaulthandler.enable()\n\ndef f():\n    ctypes.string_at(0)\nf()\n")
    log.write_text(subprocess.run([sys.executable, str(module)], capture_output=True, text=True).stderr)
    assert DeathCauses().cause(DEATH) == "its worker crashed (Segmentation fault; my_module.py, line 5)"


def test_a_signal_that_only_ray_reports_is_named(log: Path) -> None:
    log.write_text(":job_id:01\n*** SIGBUS received at time=1795726586 on cpu 1 ***\nPC: @     0x7f62\n")
    assert DeathCauses().cause(DEATH) == "its worker crashed (SIGBUS)"


def test_a_kill_by_the_kernel_is_found_by_its_counter(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_text("")
    kills = iter([7, 8, 8])
    monkeypatch.setattr(death_causes, "ended_for_memory", lambda: next(kills))
    causes = DeathCauses()
    assert causes.cause(DEATH) == KERNEL_KILL
    assert causes.cause(DEATH) == WITHOUT_TRACE


def test_without_a_log_of_this_machine_the_cause_is_what_ray_says(log: Path) -> None:
    assert DeathCauses().cause(ActorDiedError()) == (
        "its worker or node was lost: ActorDiedError: The actor died unexpectedly before finishing this task."
    )
