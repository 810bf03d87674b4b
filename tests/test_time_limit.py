"""The time limit of a user's code that is tried before a study starts."""

import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tiny import study_in

from gan_core.objectives import Wasserstein
from studies.design import places
from studies.file.modules import describe_error
from studies.file.real_samples import load_samples
from studies.file.time_limit import time_limit


def forever() -> None:
    while True:
        pass


def test_code_that_loops_is_ended_and_its_line_is_named() -> None:
    with pytest.raises(TimeoutError) as ended, time_limit(0.2):
        forever()
    line = forever.__code__.co_firstlineno + 2
    assert describe_error(ended.value) in [
        f"raises TimeoutError: took longer than 0.2 s (test_time_limit.py, line {line - back})" for back in (0, 1)
    ]


def test_the_handler_and_the_timer_of_others_are_restored() -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with time_limit(5):
        assert signal.getitimer(signal.ITIMER_REAL)[0] <= 5
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] == pytest.approx(timer[0], abs=1)


def test_another_thread_has_no_limit() -> None:
    ended = []

    def work() -> None:
        with time_limit(0.1):
            time.sleep(0.3)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended


@dataclass(frozen=True, kw_only=True)
class Looping(Wasserstein):
    weight: float = 1.0  # what differs between the members of a pack is tried

    def critic_loss(self, real, fake, state):
        forever()


def test_an_objective_that_hangs_is_no_reason_to_wait_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "TRY_SECONDS", 0.3)
    study = study_in(tmp_path)
    setting = replace(next(study.conditions[0].extreme_settings()), objective=Looping())
    reason = places._why_unpackable(setting, load_samples(study.data).sample_shape)
    assert reason is not None
    must = "objective: cannot be tried before the start, since it raises TimeoutError: took longer than 0.3 s "
    assert reason.startswith(f"{must}(test_time_limit.py, line ")
