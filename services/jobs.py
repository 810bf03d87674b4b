"""Client of Ray's Jobs server over HTTP; every error message is one sentence.

The first request has no token, and asks for the mode of authentication: a token permits running any code on its
cluster, so it is sent to no server but Ray's dashboard, and only if that wants one.

This uses the documented REST interface instead of Ray's own client: that client prefers an address in the environment
to its argument, has no time limit, and distinguishes HTTP 401 from 403 only by the text.

Source: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
"""

from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from time import monotonic
from typing import Any

import aiohttp
import requests

from services.credentials import OWN_TOKEN, Token
from studies.errors import InputError, StudyFailed
from studies.file.messages import escape_control
from studies.tracking.request_faults import NO_ANSWER, request_fault
from studies.tracking.server_kind import ServerKind, server_kind

CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
AGENT_SECONDS = 60
"""Time that Ray's job agent may take to start; until then a submission, which fails after 10 s, is repeated."""
HEARTBEAT_SECONDS = 20.0
"""Time between pings on a log's stream; if one is not answered, `Cluster.follow` opens a new stream."""


class Unreachable(InputError):
    """No server answers at the cluster's address."""


class AlreadyThere(InputError):
    """The cluster already has a job with this id."""


class JobsServer:
    """The Jobs server of one cluster."""

    def __init__(self, url: str, token: Token | None):
        self.url, self._token = url, token
        self._is_ray = False
        self._session = requests.Session()
        self._session.auth = self._sign  # otherwise a ~/.netrc would replace the header

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers())
        return request

    def _headers(self) -> dict[str, str]:
        if self._token is None or not self._is_ray:
            return {}
        return {"Authorization": f"Bearer {self._token.value}"}

    def check_version(self) -> None:
        """Check that the server runs the same major and minor version of Ray as is installed here.

        Errors: `InputError` if it is not.
        """
        answer = self._request("GET", "/api/version")
        try:
            remote = str(answer.json()["ray_version"])
        except (ValueError, KeyError, TypeError):
            raise self._no_ray() from None
        local = version("ray")
        if remote.split(".")[:2] != local.split(".")[:2]:
            raise InputError(
                f"--cluster: {self.url} runs Ray {remote}, but this gan-study works with Ray {local}; "
                f"start a cluster with Ray {local}, or install the version of gan-studies that the cluster has"
            )

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs that the cluster has a record of, as JSON."""
        return self._json(self._request("GET", "/api/jobs/"))

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as JSON.

        Errors: `StudyFailed` if the cluster has no record of it any more.
        """
        answer = self._request("GET", f"/api/jobs/{job_id}", accepted=(200, 404))
        if answer.status_code == 404:
            raise StudyFailed(
                f"{self.url} has no record of {job_id} any more, since its head was restarted, which ended the study; "
                "submit the study again to resume it from the ledger"
            )
        return self._json(answer)

    def log(self, job_id: str) -> str:
        """The output of a job so far."""
        return self._json(self._request("GET", f"/api/jobs/{job_id}/logs"))["logs"]

    def remove(self, job_id: str) -> None:
        """Delete the record of a job that has ended; nothing happens if the cluster does not answer."""
        with suppress(InputError, StudyFailed):
            self._request("DELETE", f"/api/jobs/{job_id}")

    def stop(self, job_id: str) -> None:
        """Send SIGTERM to a job, without waiting for its end."""
        self._request("POST", f"/api/jobs/{job_id}/stop")

    def upload(self, name: str, content: bytes) -> None:
        """Store an archive on the cluster, unless the cluster already has an archive of this name."""
        path = f"/api/packages/gcs/{name}"
        if self._request("GET", path, accepted=(200, 404)).status_code == 404:
            self._request("PUT", path, data=content)

    def submit(self, request: dict[str, Any]) -> None:
        """Start a job; `request` is the JSON body of POST /api/jobs/.

        Errors: `AlreadyThere` if the cluster already has a job with the `submission_id` of the request.
        """
        end = monotonic() + AGENT_SECONDS
        while True:
            answer = self._request("POST", "/api/jobs/", json=request, accepted=(200, 400, 500))
            if answer.status_code == 200:
                return
            if "No available agent" not in answer.text or monotonic() > end:
                break
        if "already exists" in answer.text:
            raise AlreadyThere(f"{request['submission_id']}: the cluster has this job already")
        raise self._failed(answer)

    async def follow(self, job_id: str, write: Callable[[str], None]) -> None:
        """Pass a job's log to `write` from its beginning as it grows, until the stream ends, perhaps before the job."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with (
            aiohttp.ClientSession(headers=self._headers(), timeout=timeout) as session,
            session.ws_connect(f"{self.url}/api/jobs/{job_id}/logs/tail", heartbeat=HEARTBEAT_SECONDS) as stream,
        ):
            async for message in stream:
                if message.type is aiohttp.WSMsgType.TEXT:
                    write(message.data)

    # -- one request -------------------------------------------------------------------------------------------------

    def _request(
        self, method: str, path: str, *, accepted: tuple[int, ...] = (200,), **content: Any
    ) -> requests.Response:
        if not self._is_ray:
            self._recognise()
        answer = self._send(method, path, **content)
        if answer.status_code in (401, 403):
            raise self._denied(answer)
        if answer.status_code not in accepted:
            raise self._failed(answer)
        return answer

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        """The server's answer, whatever its status; redirects are not followed."""
        timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
        try:
            return self._session.request(method, self.url + path, timeout=timeout, allow_redirects=False, **content)
        except requests.RequestException as error:
            fault = request_fault(error)
            words = NO_ANSWER if fault is None else fault.words
            raise Unreachable(
                f"--cluster: {self.url} cannot be reached ({words}); check the address, and that the cluster is running"
            ) from None

    def _recognise(self) -> None:
        """Check, without the token, that the server is Ray's dashboard.

        Errors: `InputError` if it is another one; `StudyFailed` if it answers with an error of its own.
        """
        answer = self._send("GET", "/api/authentication_mode")
        try:
            self._is_ray = answer.status_code == 200 and "authentication_mode" in answer.json()
        except (ValueError, TypeError):
            self._is_ray = False
        if not self._is_ray:
            self._refuse_other_server(answer)
        self._is_ray = True

    def _refuse_other_server(self, answer: requests.Response) -> None:
        """Raise an error unless this is the dashboard of an older Ray, which `check_version` refuses."""
        kind = server_kind(self.url)
        if kind is ServerKind.RAY:
            return
        if kind is ServerKind.MLFLOW:
            raise InputError(
                f"--cluster: {self.url} is an MLflow server, not a Ray cluster; its address belongs into "
                "MLFLOW_TRACKING_URI, and --cluster needs that of Ray's dashboard, which usually has port 8265"
            )
        status = answer.status_code
        if status in (401, 403):
            raise InputError(
                f"--cluster: {self.url} is another server than Ray's dashboard, or a proxy in front of it: it demands "
                f"credentials at once (HTTP {status}), so the token was not sent; use a tunnel (ssh -L 8265:HOST:8265)"
            )
        if 300 <= status < 400:
            target = escape_control(answer.headers.get("Location", "")[:200])
            raise InputError(
                f"--cluster: {self.url} redirects to {target or 'another address'} (HTTP {status}), as a login page "
                "does; give the address of Ray's dashboard itself, or use a tunnel (ssh -L 8265:HOST:8265)"
            )
        if status >= 500:
            raise self._failed(answer)
        raise self._no_ray()

    def _denied(self, answer: requests.Response) -> InputError:
        if self._token is None:
            return InputError(
                f"--cluster: {self.url} requires a token (HTTP {answer.status_code}), and none was given; "
                f"set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to the file that holds it ({OWN_TOKEN} is sent to this "
                "machine alone)"
            )
        return InputError(
            f"--cluster: {self.url} refuses the token in {self._token.origin} (HTTP {answer.status_code}); "
            "it must be the one that the cluster was started with"
        )

    def _failed(self, answer: requests.Response) -> InputError | StudyFailed:
        if answer.status_code in (404, 405):
            return self._no_ray()
        lines = [line for line in answer.text.strip().splitlines() if line.strip()] or ["no reason given"]
        reason = "it sends a web page" if lines[0].lstrip().startswith("<") else escape_control(lines[-1].strip()[:300])
        return StudyFailed(f"{self.url} answers, but with an error of its own (HTTP {answer.status_code}): {reason}")

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise self._no_ray() from None

    def _no_ray(self) -> InputError:
        return InputError(f"--cluster: {self.url} is not the dashboard of a Ray cluster, which usually has port 8265")
