"""Ray's Jobs server over HTTP: one sentence for everything that can go wrong on the way.

The documented REST interface, without importing Ray: its own client takes the address from the environment where one
is set there, waits for ever on a silent server and tells 401 from 403 by the text alone.

Source: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
"""

from collections.abc import Callable
from importlib.metadata import version
from time import monotonic
from typing import Any

import aiohttp
import requests

from services.settings import Token
from studies.errors import InputError, StudyFailed

CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
AGENT_SECONDS = 60
"""How long the head's own agent may take to start; the server itself waits for 10 s of them each time."""
HEARTBEAT_SECONDS = 20.0
"""A log's stream that does not answer a ping within this long is dead, and is opened again."""


class Unreachable(InputError):
    """Nothing answers at the cluster's address."""


class AlreadyThere(InputError):
    """The cluster knows a job of this id."""


class JobsServer:
    """The Jobs server of one cluster."""

    def __init__(self, url: str, token: Token | None):
        self.url, self._token = url, token
        self._session = requests.Session()
        self._session.auth = self._sign  # a ~/.netrc would replace the header otherwise

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers())
        return request

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token.value}"}

    def check_version(self) -> None:
        """Errors: `InputError` if this is no Ray, or one of another minor version than ours."""
        answer = self._ask("GET", "/api/version")
        try:
            theirs = str(answer.json()["ray_version"])
        except (ValueError, KeyError, TypeError):
            raise self._no_ray() from None
        ours = version("ray")
        if theirs.split(".")[:2] != ours.split(".")[:2]:
            raise InputError(
                f"--cluster: {self.url} runs Ray {theirs}, but this gan-study works with Ray {ours}; "
                f"start a cluster of that version, or install the gan-studies that the cluster was made for"
            )

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that the cluster remembers, as it tells them."""
        return self._json(self._ask("GET", "/api/jobs/"))

    def job(self, job_id: str) -> dict[str, Any]:
        """Errors: `StudyFailed` if the cluster does not know it any more."""
        answer = self._ask("GET", f"/api/jobs/{job_id}", accepted=(200, 404))
        if answer.status_code == 404:
            raise StudyFailed(
                f"{self.url} does not know {job_id} any more: its head was started anew, and the study with it is "
                "dead; submit it again to go on from the ledger"
            )
        return self._json(answer)

    def log(self, job_id: str) -> str:
        return self._json(self._ask("GET", f"/api/jobs/{job_id}/logs"))["logs"]

    def stop(self, job_id: str) -> None:
        self._ask("POST", f"/api/jobs/{job_id}/stop")

    def upload(self, name: str, content: bytes) -> None:
        """Leave a package on the cluster, unless it is there already."""
        place = f"/api/packages/gcs/{name}"
        if self._ask("GET", place, accepted=(200, 404)).status_code == 404:
            self._ask("PUT", place, data=content)

    def submit(self, request: dict[str, Any]) -> None:
        """Errors: `AlreadyThere` if the cluster knows the submission's id."""
        end = monotonic() + AGENT_SECONDS
        while True:
            answer = self._ask("POST", "/api/jobs/", json=request, accepted=(200, 400, 500))
            if answer.status_code == 200:
                return
            if "No available agent" not in answer.text or monotonic() > end:
                break
        if "already exists" in answer.text:
            raise AlreadyThere(f"{request['submission_id']}: the cluster has this job already")
        raise self._failed(answer)

    async def follow(self, job_id: str, write: Callable[[str], None]) -> None:
        """Write the job's log from its beginning as it grows, until the stream ends, for whatever reason."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with (
            aiohttp.ClientSession(headers=self._headers(), timeout=timeout) as session,
            session.ws_connect(f"{self.url}/api/jobs/{job_id}/logs/tail", heartbeat=HEARTBEAT_SECONDS) as stream,
        ):
            async for message in stream:
                if message.type is aiohttp.WSMsgType.TEXT:
                    write(message.data)

    # -- one request -------------------------------------------------------------------------------------------------

    def _ask(self, method: str, place: str, *, accepted: tuple[int, ...] = (200,), **content: Any) -> requests.Response:
        timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
        try:
            answer = self._session.request(method, self.url + place, timeout=timeout, **content)
        except requests.Timeout:
            raise Unreachable(
                f"--cluster: {self.url} does not answer; is the address right, and the cluster up?"
            ) from None
        except requests.exceptions.SSLError:
            raise Unreachable(f"--cluster: {self.url} does not speak TLS that can be trusted; http instead?") from None
        except requests.RequestException:
            raise Unreachable(
                f"--cluster: nothing answers at {self.url}; is the address right, and the cluster up?"
            ) from None
        if answer.status_code in (401, 403):
            raise self._denied(answer)
        if answer.status_code not in accepted:
            raise self._failed(answer)
        return answer

    def _denied(self, answer: requests.Response) -> InputError:
        if self._token is None:
            return InputError(
                f"--cluster: {self.url} asks for a token (HTTP {answer.status_code}), and none was given; "
                "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to the file that holds it"
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
        return InputError(f"--cluster: {self.url} answers, but not as the dashboard of a Ray cluster (port 8265?)")
