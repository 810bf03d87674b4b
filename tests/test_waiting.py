"""Lines about processors that are missing, against a cluster whose numbers a test sets."""

import threading

import pytest
import ray
import ray.autoscaler.sdk

from services import waiting
from services.waiting import wait_for_processors, waiting_reported
from studies.execution.resources import Allocation


@pytest.fixture
def cluster(monkeypatch):
    """Processor cores of a cluster at each look in turn, the last for ever, and requests to its autoscaler."""
    cores, requests = [2.0], []

    def resources():
        return {"CPU": cores.pop(0) if len(cores) > 1 else cores[0]}

    monkeypatch.setattr(ray, "cluster_resources", resources)
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": 0.0})
    monkeypatch.setattr(ray.autoscaler.sdk, "request_resources", lambda num_cpus: requests.append(num_cpus))
    monkeypatch.setattr(waiting, "sleep", lambda _: None)
    return cores, requests


def test_a_study_that_wants_more_processors_waits_asks_an_autoscaler_and_withdraws_the_request(cluster):
    cores, requests = cluster
    cores[:] = [2.0, 2.0, 2.0, 6.0, 16.0]
    lines: list[str] = []
    wait_for_processors(16, lines.append)
    assert lines == [f"waiting for processors: 16 are wanted, the cluster has {count}" for count in (2, 6)]
    assert requests == [16, 0]


def test_a_study_that_has_its_processors_starts_at_once(cluster):
    wait_for_processors(0, pytest.fail)
    wait_for_processors(2, pytest.fail)
    assert cluster[1] == []


def test_a_request_is_withdrawn_if_the_study_is_stopped_while_it_waits(cluster, monkeypatch):
    def stopped(seconds):
        raise SystemExit

    monkeypatch.setattr(waiting, "sleep", stopped)
    with pytest.raises(SystemExit):
        wait_for_processors(3, lambda line: None)
    assert cluster[1] == [3, 0]


def test_a_study_without_a_process_says_what_it_wants_until_it_has_one(cluster, monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    looks, done = iter([(0, 0), (4, 0), (4, 0), (3, 1), (4, 0)]), threading.Event()
    lines: list[str] = []

    def processes():
        try:
            return next(looks)
        except StopIteration:
            done.set()
            raise RuntimeError("the head does not answer") from None

    monkeypatch.setattr(waiting, "_processes", processes)
    with waiting_reported(Allocation(cpu=2, gpu=0.0), lines.append):
        assert done.wait(10)
    line = (
        "waiting for processors: 8 processors are wanted for 4 processes at once, the cluster has 2 processors, "
        "0 of them free"
    )
    assert lines == [line, line]  # once before it had a process, and once after
