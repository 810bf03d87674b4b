"""Check of what the Python of a cluster's head has installed, by a job of a few seconds, and the way to install it.

The job needs only Python: it imports gan-studies if it is there, and prints versions as JSON. Its record is deleted by
the next check. The nodes of the workers are checked when the study's driver starts (`preflight`).
"""

import json
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

from services.jobs import JobsServer
from services.preflight import DISTRIBUTIONS, MUST_EQUAL
from studies.errors import InputError
from studies.file.messages import escape_control
from studies.file.modules import OURS

PREFIX = "gan-study-versions-"
MAX_SECONDS = 120.0
"""Time that the job may take: a node's first process imports Ray, and importing torch from a slow disk takes longer."""
KEPT_SECONDS = 60.0
"""Age at which the record of such a job is deleted: Ray looks at its jobs every second, on a busy head less often, and
takes one without a record for a job that died (`_monitor_job_internal` in ray/dashboard/modules/job/job_manager.py)."""
MARK = "versions of this node: "
_PROGRAM = f"""
import json, platform, sys
from importlib import metadata, util
sys.path = [folder for folder in sys.path if folder]  # the folder in which Ray was started is not that of a study's job
def version(name):
    try:
        return metadata.version(name).split("+")[0]
    except Exception:
        return None
found = {{name: version(name) for name in {DISTRIBUTIONS!r}}}
found.update(executable=sys.executable, python=".".join(platform.python_version_tuple()[:2]))
found["missing"] = [name for name in {OURS!r} if util.find_spec(name) is None]
if not found["missing"]:
    try:
        from services.preflight import versions
        found.update(versions())
    except Exception as error:
        found["error"] = f"{{type(error).__name__}}: {{error}}"
print({MARK!r} + json.dumps(found))
"""


def check_installation(server: JobsServer, local: Mapping[str, str]) -> None:
    """Check that the head of a cluster can import the gan-studies that is installed here.

    local  `preflight.versions` of this machine

    Errors: `InputError`, with the versions here and there and the command that installs this one, if it cannot.
    """
    found = _versions_of_head(server)
    here, there = _listed(local), _listed(found)
    remedy = f"; install gan-studies {local['gan-studies']} on every node, with the Python of Ray there: "
    remedy += install_command(found.get("executable") or "python", local["gan-studies"])
    if found.get("missing"):
        found = {**found, "gan-studies": "none"}
        raise InputError(
            f"--cluster: {server.url} has no gan-studies in {found['executable']} ({_listed(found)}){remedy}"
        )
    if "error" in found:
        error = escape_control(str(found["error"])[:300])
        raise InputError(f"--cluster: {server.url} cannot import its gan-studies ({error}); it has {there}{remedy}")
    if any(found.get(name) != local[name] for name in MUST_EQUAL):
        raise InputError(
            f"--cluster: {server.url} has another gan-studies than this machine: {there} there, {here} here{remedy}"
        )


def install_command(python: str, version: str) -> str:
    """Command that installs the gan-studies of this machine elsewhere, from where it was installed here (PEP 610).

    python  interpreter of the other machine
    """
    origin = _origin()
    url, inside = (
        str(origin.get("url", "")),
        f"#subdirectory={folder}" if (folder := origin.get("subdirectory")) else "",
    )
    command = f"{shlex.quote(python)} -m pip install "
    if (repository := origin.get("vcs_info")) is not None:
        return command + shlex.quote(
            f"gan-studies[cluster] @ {repository['vcs']}+{url}@{repository['commit_id']}{inside}"
        )
    if "dir_info" in origin:
        return f"{command}'.[cluster]' in a copy of {url.removeprefix('file://')}"
    if url:
        return command + shlex.quote(f"gan-studies[cluster] @ {url}")
    return command + shlex.quote(f"gan-studies[cluster]=={version}")


def _origin() -> dict[str, Any]:
    """Record of where gan-studies was installed from; empty if it comes from a package index."""
    try:
        return json.loads(distribution("gan-studies").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return {}


def _listed(versions: Mapping[str, Any]) -> str:
    """The versions of the packages, of Python and, where they are known, of the numerics and the metrics."""
    names = (*DISTRIBUTIONS, "python", "numerics", "metrics")
    return ", ".join(f"{name} {versions.get(name) or 'none'}" for name in names if name in versions)


def _versions_of_head(server: JobsServer) -> dict[str, Any]:
    """The versions that a job on the head prints.

    Errors: `InputError` if the job cannot run.
    """
    _remove_earlier(server)
    job_id = f"{PREFIX}{uuid4().hex[:12]}"
    command = f"exec python -c {shlex.quote(_PROGRAM)}"
    environment = {"env_vars": {"RAY_USAGE_STATS_ENABLED": "0"}}
    server.submit({"entrypoint": command, "submission_id": job_id, "runtime_env": environment})
    job, end = server.job(job_id), monotonic() + MAX_SECONDS
    while job["status"] in ("PENDING", "RUNNING"):
        if monotonic() > end:
            server.stop(job_id)
            raise InputError(
                f"--cluster: {server.url} did not end a job of one command within {MAX_SECONDS:.0f} s (it is "
                f"{job['status'].lower()}); see whether its head is overloaded"
            )
        sleep(0.2)
        job = server.job(job_id)
    log = server.log(job_id)
    for line in log.splitlines():
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    raise InputError(f"--cluster: {server.url} cannot run a job with its command python: {_last_words(job, log)}")


def _remove_earlier(server: JobsServer) -> None:
    """Delete the records of earlier checks."""
    for job in server.jobs():
        job_id, ended = job.get("submission_id") or "", job.get("end_time")
        if job_id.startswith(PREFIX) and ended is not None and time() - ended / 1000 > KEPT_SECONDS:
            server.remove(job_id)


def _last_words(job: Mapping[str, Any], log: str) -> str:
    """The last line of a job that failed, else Ray's reason."""
    lines = [line for line in log.splitlines() if line.strip()]
    if job.get("driver_exit_code") == 127:
        return "the PATH of its head has none; start Ray there with the folder of its Python in PATH"
    reason = lines[-1] if lines else " ".join(str(job.get("message") or "no reason given").split())
    return escape_control(reason.strip()[:300])
