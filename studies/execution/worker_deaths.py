"""Deaths of workers that Tune does not expect, reported to it as those that it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import ActorUnavailableError, NodeDiedError, RayActorError, RayError, RayTaskError

OUT_OF_MEMORY = "OutOfMemoryError"
"""Name of Ray's error for a worker that its memory monitor has ended, part of the message of the reported error."""

NODE_LOST = ("its node has died", "node was terminated", NodeDiedError.__name__)
"""Parts of the messages of Ray's errors about a worker that was lost together with its node."""


@dataclass(frozen=True)
class WorkerDeath:
    """Death of a worker.

    cause      kind and first line of Ray's error
    node_lost  True if the worker was lost together with its node: a crash of the node, a cut of the network, preemption
    """

    cause: str
    node_lost: bool = False


def death_of(error: Exception | None) -> WorkerDeath:
    """The death that an error of Ray reports; None for an error that could not be read."""
    if error is None:
        return WorkerDeath("its worker died")
    text = str(error).strip()
    node_lost = isinstance(error, RayActorError) and (
        error.preempted or isinstance(error, ActorUnavailableError) or any(part in text for part in NODE_LOST)
    )
    lines = [line.strip() for line in text.splitlines()]
    first = "its node has died" if NODE_LOST[0] in text else (lines or [""])[0]
    return WorkerDeath(f"{type(error).__name__}: {first}", node_lost)


@contextmanager
def deaths_as_actor_errors() -> Iterator[None]:
    """Context in which Tune treats every error of Ray about a worker as the worker's death.

    Tune ends all trials with a `RuntimeError` if Ray's memory monitor kills the worker of one: the `OutOfMemoryError`
    that arrives is no `RayActorError`. (Seen with Ray 2.56; no setting changes it.)
    """
    task_failed, start_failed = RayActorManager._actor_task_failed, RayActorManager._actor_start_failed

    def report_task(manager: RayActorManager, tracked_actor_task: Any, exception: Exception) -> None:
        task_failed(manager, tracked_actor_task, as_actor_error(exception))

    def report_start(manager: RayActorManager, tracked_actor: Any, exception: Exception) -> None:
        start_failed(manager, tracked_actor, as_actor_error(exception))

    with (
        patch.object(RayActorManager, "_actor_task_failed", report_task),
        patch.object(RayActorManager, "_actor_start_failed", report_start),
    ):
        yield


def as_actor_error(error: Exception) -> Exception:
    """A `RayActorError` with the name and the message of an error of Ray that is neither an actor's nor a task's."""
    if not isinstance(error, RayError) or isinstance(error, RayActorError | RayTaskError):
        return error
    return RayActorError(error_msg=f"{type(error).__name__}: {error}")
