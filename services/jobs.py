"""Client of Ray's Jobs server over HTTP; every error message is one sentence.

This uses the documented REST interface instead of Ray's own client: that client prefers an address in the environment
to its argument, has no time limit, and distinguishes HTTP 401 from 403 only by the text.

Source: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
"""

from collections.abc import Callable
from importlib.metadata import version
from time import monotonic
from typing import Any

import aiohttp
import requests

from services.credentials import OWN_TOKEN, Token
from studies.errors import InputError, StudyFailed

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
        self._session = requests.Session()
        self._session.auth = self._sign  # otherwise a ~/.netrc would replace the header

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers())
        return request

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token.value}"}

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
        timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
        try:
            answer = self._session.request(method, self.url + path, timeout=timeout, **content)
        except requests.Timeout:
            raise Unreachable(
                f"--cluster: {self.url} does not answer in time; check the address, and that the cluster is running"
            ) from None
        except requests.exceptions.SSLError:
            raise Unreachable(f"--cluster: {self.url} has no TLS certificate that can be trusted; use http?") from None
        except requests.RequestException:
            raise Unreachable(
                f"--cluster: nothing answers at {self.url}; check the address, and that the cluster is running"
            ) from None
        if answer.status_code in (401, 403):
            raise self._denied(answer)
        if answer.status_code not in accepted:
            raise self._failed(answer)
        return answer

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
        return StudyFailed(f"{self.url} answered HTTP {answer.status_code}: {lines[-1].strip()[:300]}")

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise self._no_ray() from None

    def _no_ray(self) -> InputError:
        return InputError(f"--cluster: {self.url} is not the dashboard of a Ray cluster, which usually has port 8265")
