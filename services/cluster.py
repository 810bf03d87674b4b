"""Studies as Ray jobs: submit, follow, stop.

Each submission of a study is one attempt and one Ray job. A new attempt has the number after the last one that the
cluster has a record of, or 1. A job's id consists of the study's name and the attempt's number, so the cluster accepts
only one of two simultaneous submissions. An attempt does not repeat trials that are finished in the ledger: a study
that was stopped or that failed resumes when it is submitted again.
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

from services.installation import check_installation
from services.jobs import AlreadyThere, JobsServer, Unreachable
from services.package import archive_name, pack
from services.preflight import versions
from studies.errors import InputError, StudyFailed
from studies.execution.environment import git_state
from studies.file.messages import nearest
from studies.file.study import Study

PREFIX = "gan-study-"
ENTRYPOINT = "exec python -m services drive"
"""Command of a job; with `exec` the driver replaces the shell and receives the stop signal itself."""
STOP_SECONDS = 120
"""Time between SIGTERM and SIGKILL: enough for one evaluation and the checkpoints of all trials."""
SILENCE_SECONDS = 120.0
"""Time without an answer from the cluster after which `Cluster.follow` raises an error."""

Write = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One job of a study.

    status     PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED
    message    Ray's description of the status
    exit_code  exit code of the driver; None if it was stopped or killed
    commit     git commit of the study file's folder when the study was submitted; None outside a repository
    dirty      True if there were uncommitted changes
    ledger     `ledger.root` of the study file; a relative one is below a folder that the cluster chooses
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
    ledger: str

    @property
    def over(self) -> bool:
        """True if the attempt has ended, for whatever reason."""
        return self.status in ("STOPPED", "SUCCEEDED", "FAILED")

    def return_code(self) -> int:
        """Exit code of a command that waited for this attempt: the driver's, else 0 (succeeded), 130 (stopped) or 1."""
        if self.exit_code is not None:
            return self.exit_code
        return {"SUCCEEDED": 0, "STOPPED": 130}.get(self.status, 1)


class Cluster:
    """The studies on one cluster."""

    def __init__(self, server: JobsServer):
        self._server = server

    @property
    def url(self) -> str:
        """Address of the cluster's dashboard."""
        return self._server.url

    def attempts(self, study: str | None = None) -> list[Attempt]:
        """All attempts, or those of one study, that the cluster has a record of, ordered by study and number."""
        attempts = [attempt for job in self._server.jobs() if (attempt := _attempt(job)) is not None]
        selected = [attempt for attempt in attempts if study in (None, attempt.study)]
        return sorted(selected, key=lambda attempt: (attempt.study, attempt.number))

    def latest(self, study: str, number: int | None = None) -> Attempt:
        """The last attempt of a study or, if `number` is given, the attempt with that number.

        Errors: `InputError` if the cluster has no record of such an attempt.
        """
        attempts = self.attempts()
        matching = [attempt for attempt in attempts if attempt.study == study and number in (None, attempt.number)]
        if not matching:
            known = [attempt.number for attempt in attempts if attempt.study == study]
            if known:
                of_study = f"attempt {known[0]}" if len(known) == 1 else f"attempts {known[0]} to {known[-1]}"
                raise InputError(f"{study}: {self._server.url} has no attempt {number} of it, but {of_study}")
            missing = f"no attempt {number} of {study}" if number is not None else f"no study {study}"
            near = nearest(study, {attempt.study for attempt in attempts} - {study})
            hint = f"; did you mean {near}?" if near else ""
            raise InputError(f"{study}: {self._server.url} has {missing}{hint}")
        return matching[-1]

    def submit(self, study: Study, source: str | Path, *, send_data: bool = False, processors: int = 0) -> Attempt:
        """Submit a study to the cluster as a new attempt, and return that attempt.

        source     the study file, or the name of a study in the catalog
        send_data  True: the samples are sent with it
        processors number of processor cores that the cluster must have before the study starts

        Errors: `InputError` if the study is already running on the cluster, if the cluster has another version of Ray
        or of gan-studies or lacks the latter, or if the user's modules cannot be sent.
        """
        self._server.check_version()
        local_versions = versions()
        check_installation(self._server, local_versions)
        attempts = self.attempts(study.name)
        if attempts and not attempts[-1].over:
            raise self._running(attempts[-1])
        number = attempts[-1].number + 1 if attempts else 1
        git = git_state(Path(source).parent) if Path(source).is_file() else None
        content = pack(
            study,
            source,
            attempt=number,
            versions=local_versions,
            git=git,
            send_data=send_data,
            processors=processors,
        )
        job_id = f"{PREFIX}{study.name}-{number}"
        self._server.upload(archive_name(content), content)
        metadata = {"study": study.name, "attempt": str(number), "ledger": study.ledger.root}
        metadata["gan_studies"] = local_versions["gan-studies"]
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
        name, option = attempt.study, f"--cluster {self._server.url}"
        return InputError(
            f"{name}: is running on {self._server.url} already, as attempt {attempt.number}; "
            f"gan-study logs {name} {option} --follow prints its log, gan-study stop {name} {option} stops it"
        )

    def log(self, attempt: Attempt) -> str:
        """The log of an attempt so far."""
        return self._server.log(attempt.job_id)

    def follow(self, attempt: Attempt, write: Write) -> Attempt:
        """Pass an attempt's log to `write` as it grows, and return the attempt with its final status once it is over.

        A stream of the log can end before the job ends, so the job's status is read too.

        Errors: `StudyFailed` if the cluster stops answering; the study may continue to run.
        """
        unwritten, answered = _Unwritten(write), monotonic()
        while True:
            try:
                current = self._refresh(attempt)  # first, so that the stream has the whole log if the job is over
                answered = monotonic()
                self._stream(attempt, unwritten.stream())
                if current.over:
                    return current
            except Unreachable:
                if monotonic() - answered > SILENCE_SECONDS:
                    raise StudyFailed(
                        f"{self._server.url} has not answered for {SILENCE_SECONDS:.0f} s; {attempt.study} may be "
                        f"running nevertheless: gan-study status {attempt.study} --cluster {self._server.url}"
                    ) from None
            sleep(0.5)

    def _stream(self, attempt: Attempt, write: Write) -> None:
        """Pass the log to `write` until the stream ends; connection errors are ignored, since the job may still run."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            asyncio.run(self._server.follow(attempt.job_id, write))

    def _refresh(self, attempt: Attempt) -> Attempt:
        current = _attempt(self._server.job(attempt.job_id))
        return attempt if current is None else current

    def stop(self, study: str) -> Attempt:
        """Stop the running attempt of a study, wait until it has ended, and return it; its trials write checkpoints.

        Errors: `InputError` if the study is not running; `StudyFailed` if the attempt does not end in time.
        """
        attempt = self.latest(study)
        if attempt.over:
            raise InputError(f"{study}: is not running; attempt {attempt.number} is {attempt.status.lower()}")
        self._server.stop(attempt.job_id)
        end = monotonic() + STOP_SECONDS + 30
        while not (attempt := self._refresh(attempt)).over:
            if monotonic() > end:
                raise StudyFailed(
                    f"{study}: attempt {attempt.number} was to stop, but is still {attempt.status.lower()}"
                )
            sleep(0.3)
        return attempt


class _Unwritten:
    """Writer of a log that skips text written before, since every new stream starts at the beginning of the log."""

    def __init__(self, write: Write):
        self._write, self._written = write, 0

    def stream(self) -> Write:
        """A function that takes the parts of one stream in turn, and writes the text that was not written before."""
        position = 0

        def receive(text: str) -> None:
            nonlocal position
            fresh = text[max(0, self._written - position) :]
            position += len(text)
            if fresh:
                self._written = position
                self._write(fresh)

        return receive


def _attempt(job: dict[str, Any]) -> Attempt | None:
    """The attempt that a job's JSON record describes; None for a job that does not run a study."""
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
        ledger=metadata.get("ledger", ""),
    )


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
