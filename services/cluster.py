"""A study as a Ray job: submit, follow, stop.

A study's jobs are its attempts, counted from 1 by what the cluster remembers; attempt and study make a job's id, so of
two submits at the same moment the cluster takes one. What an attempt finds finished in the ledger it does not run
again: submitting a study that was stopped, or that died, is going on with it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import aiohttp

from services.jobs import AlreadyThere, JobsServer, Unreachable
from services.package import archive_name, pack
from services.preflight import versions
from studies.environment import git_state
from studies.errors import InputError, StudyFailed
from studies.sentences import nearest
from studies.study import Study

PREFIX = "gan-study-"
ENTRYPOINT = "exec python -m services drive"
"""`exec`: the stop signal then meets the driver, not a shell."""
STOP_SECONDS = 120
"""How long Ray waits after SIGTERM before it kills: a measurement, the checkpoints of all trials, and some more."""
SILENCE_SECONDS = 120.0
"""How long a follower waits for a cluster that stopped answering."""

Write = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One job of a study.

    status     PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED
    exit_code  the driver's, where it ended by itself
    commit     of the study file's folder when it was submitted, with `dirty` where not all was committed
    """

    study: str
    number: int
    job_id: str
    status: str
    message: str
    exit_code: int | None
    started: datetime | None
    ended: datetime | None
    commit: str | None
    dirty: bool

    @property
    def over(self) -> bool:
        return self.status in ("STOPPED", "SUCCEEDED", "FAILED")

    def outcome(self) -> int:
        """The exit code for whoever waited for it: the study's own, 130 where it was stopped."""
        if self.exit_code is not None:
            return self.exit_code
        return {"SUCCEEDED": 0, "STOPPED": 130}.get(self.status, 1)


class Cluster:
    """The studies on one cluster."""

    def __init__(self, server: JobsServer):
        self._server = server

    def attempts(self, study: str | None = None) -> list[Attempt]:
        """The attempts that the cluster remembers, the latest last; of one study or of all."""
        read = [attempt for job in self._server.jobs() if (attempt := _attempt(job)) is not None]
        chosen = [attempt for attempt in read if study in (None, attempt.study)]
        return sorted(chosen, key=lambda attempt: (attempt.study, attempt.number))

    def latest(self, study: str, number: int | None = None) -> Attempt:
        """A study's last attempt, or the one of that number.

        Errors: `InputError` where the cluster knows none.
        """
        known = self.attempts()
        found = [one for one in known if one.study == study and number in (None, one.number)]
        if not found:
            what = f"no attempt {number} of {study}" if number is not None else f"no study {study}"
            near = nearest(study, {one.study for one in known} - {study})
            hint = f"; did you mean {near}?" if near else ""
            raise InputError(f"{study}: {self._server.url} knows {what}{hint}")
        return found[-1]

    def submit(self, study: Study, source: str | Path) -> Attempt:
        """Send a study to the cluster as its next attempt.

        Errors: `InputError` if it is running there already, or if it cannot be sent as it stands.
        """
        self._server.check_version()
        known = self.attempts(study.name)
        if known and not known[-1].over:
            raise self._running(known[-1])
        number = known[-1].number + 1 if known else 1
        git = git_state(Path(source).parent) if Path(source).is_file() else None
        ours = versions()
        content = pack(study, source, attempt=number, versions=ours, git=git)
        job_id = f"{PREFIX}{study.name}-{number}"
        self._server.upload(archive_name(content), content)
        metadata = {"study": study.name, "attempt": str(number), "gan_studies": ours["gan-studies"]}
        if git is not None:
            metadata |= {"commit": git["commit"], "dirty": str(git["dirty"]).lower()}
        environment = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS), "RAY_USAGE_STATS_ENABLED": "0"}
        runtime = {"working_dir": f"gcs://{archive_name(content)}", "env_vars": environment}
        request = {"entrypoint": ENTRYPOINT, "submission_id": job_id, "runtime_env": runtime, "metadata": metadata}
        try:
            self._server.submit(request)
        except AlreadyThere:
            raise self._running(self.latest(study.name, number)) from None
        return self.latest(study.name, number)

    def _running(self, attempt: Attempt) -> InputError:
        name, where = attempt.study, f"--cluster {self._server.url}"
        return InputError(
            f"{name}: is running on {self._server.url} already, as attempt {attempt.number}; "
            f"gan-study logs {name} {where} --follow watches it, gan-study stop {name} {where} ends it"
        )

    def log(self, attempt: Attempt) -> str:
        return self._server.log(attempt.job_id)

    def follow(self, attempt: Attempt, write: Write) -> Attempt:
        """Write an attempt's log as it grows, until the attempt is over: a stream that ends is not a job that ended.

        Errors: `StudyFailed` if the cluster stops answering; the study may go on all the same.
        """
        unread, heard = _Unread(write), monotonic()
        while True:
            try:
                seen = self._again(attempt)  # asked first: the stream of a job that is over holds the log's end
                heard = monotonic()
                self._stream(attempt, unread.stream())
                if seen.over:
                    return seen
            except Unreachable:
                if monotonic() - heard > SILENCE_SECONDS:
                    raise StudyFailed(
                        f"{self._server.url} has not answered for {SILENCE_SECONDS:.0f} s; {attempt.study} may be "
                        f"running all the same: gan-study status {attempt.study} --cluster {self._server.url}"
                    ) from None
            sleep(0.5)

    def _stream(self, attempt: Attempt, write: Write) -> None:
        """One stream of the log; that it breaks says nothing about the job."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            asyncio.run(self._server.follow(attempt.job_id, write))

    def _again(self, attempt: Attempt) -> Attempt:
        seen = _attempt(self._server.job(attempt.job_id))
        return attempt if seen is None else seen

    def stop(self, study: str) -> Attempt:
        """Ask a study's driver to stop, and wait until it has: its trials write their checkpoints.

        Errors: `InputError` if it is not running; `StudyFailed` if it does not end.
        """
        attempt = self.latest(study)
        if attempt.over:
            raise InputError(f"{study}: is not running; attempt {attempt.number} is {attempt.status.lower()}")
        self._server.stop(attempt.job_id)
        end = monotonic() + STOP_SECONDS + 30
        while not (attempt := self._again(attempt)).over:
            if monotonic() > end:
                raise StudyFailed(f"{study}: was asked to stop, but attempt {attempt.number} is {attempt.status} still")
            sleep(0.3)
        return attempt


class _Unread:
    """A log that is streamed from its beginning again after every break: only what is new is written."""

    def __init__(self, write: Write):
        self._write, self._written = write, 0

    def stream(self) -> Write:
        """What takes one stream, from the log's beginning on."""
        position = 0

        def take(text: str) -> None:
            nonlocal position
            fresh = text[max(0, self._written - position) :]
            position += len(text)
            if fresh:
                self._written = position
                self._write(fresh)

        return take


def _attempt(job: dict[str, Any]) -> Attempt | None:
    """What a job of the cluster says, or None if it is not one of ours."""
    job_id, metadata = job.get("submission_id") or "", job.get("metadata") or {}
    study, number = metadata.get("study"), metadata.get("attempt", "")
    if not number.isdigit() or job_id != f"{PREFIX}{study}-{number}" or job.get("type") != "SUBMISSION":
        return None
    return Attempt(
        study=str(study),
        number=int(number),
        job_id=job_id,
        status=job["status"],
        message=job.get("message") or "",
        exit_code=job.get("driver_exit_code"),
        started=_time(job.get("start_time")),
        ended=_time(job.get("end_time")),
        commit=metadata.get("commit"),
        dirty=metadata.get("dirty") == "true",
    )


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
