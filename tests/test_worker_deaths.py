"""Errors of Ray about workers, as Tune gets them."""

import pickle
from typing import Any

import pytest
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError, RayActorError, RayTaskError

from studies.execution.worker_deaths import OUT_OF_MEMORY, as_actor_error, deaths_as_actor_errors


@pytest.mark.parametrize("error", [OutOfMemoryError("low on memory"), NodeDiedError("no node")])
def test_an_error_that_is_neither_an_actors_nor_a_tasks_becomes_an_actors_with_its_name(error: Exception) -> None:
    assert not isinstance(error, RayActorError | RayTaskError)
    reported = as_actor_error(error)
    assert isinstance(reported, RayActorError)
    assert str(reported) == f"{type(error).__name__}: {error}"
    assert str(pickle.loads(pickle.dumps(reported))) == str(reported)  # as Tune does


def test_the_error_of_rays_memory_monitor_is_recognised_by_its_name() -> None:
    assert OUT_OF_MEMORY in str(as_actor_error(OutOfMemoryError("")))
    assert OUT_OF_MEMORY not in str(ActorDiedError())


@pytest.mark.parametrize("error", [ActorDiedError(), ValueError("no"), KeyboardInterrupt()])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    assert as_actor_error(error) is error


class Task:
    """A task of an actor, with the callbacks that Tune gives."""

    def __init__(self) -> None:
        self.seen: list[Exception] = []
        self._tracked_actor = self
        self._on_error = lambda actor, error: self.seen.append(error)
        self.actor_id = 1


class Manager(RayActorManager):
    """A manager without actors."""

    def __init__(self) -> None:
        self._failed_actor_ids: set[int] = set()

    def _cleanup_actor(self, tracked_actor: object) -> None:
        pass


def test_tune_ends_the_run_at_a_memory_kill_unless_it_is_reported_as_an_actors_death() -> None:
    task: Any = Task()
    error = OutOfMemoryError("low on memory")
    # the day that this raises nothing, `deaths_as_actor_errors` is no longer needed
    with pytest.raises(RuntimeError, match="Caught unexpected exception"):
        Manager()._actor_task_failed(tracked_actor_task=task, exception=error)
    with deaths_as_actor_errors():
        Manager()._actor_task_failed(tracked_actor_task=task, exception=error)
        Manager()._actor_start_failed(tracked_actor=task, exception=error)
    assert [str(seen) for seen in task.seen] == ["OutOfMemoryError: low on memory"] * 3  # actor and task, then actor
    with pytest.raises(RuntimeError, match="Caught unexpected exception"):
        Manager()._actor_task_failed(tracked_actor_task=task, exception=error)
