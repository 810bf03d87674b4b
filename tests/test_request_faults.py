"""Sentences about requests that fail, against real sockets and servers of the wrong kind."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

import pytest
from servers import black_hole, free_port

from studies.errors import TrackingError, TrackingRefused
from studies.tracking.connection import mlflow_module, requests_to
from studies.tracking.request_faults import request_fault
from studies.tracking.server_kind import ServerKind, server_kind


@contextmanager
def web_server(answers, *, otherwise=(404, "<html>no</html>"), headers=MappingProxyType({})):
    """A server with these answers by path: status and content."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answers.get(self.path.partition("?")[0], otherwise)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write((content if isinstance(content, str) else json.dumps(content)).encode())

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


RAY = {"/api/authentication_mode": (200, {"authentication_mode": "token"})}
RAY_BEFORE_MODES = {"/api/version": (200, {"ray_version": "2.9.3"})}
MLFLOW = {"/api/3.0/mlflow/server-info": (200, {"store_type": "SqlStore"})}
REALM = {"WWW-Authenticate": 'Basic realm="mlflow"'}


@pytest.mark.parametrize(
    ("answers", "headers", "kind"),
    [
        (RAY, {}, ServerKind.RAY),
        (RAY_BEFORE_MODES, {}, ServerKind.RAY),
        (MLFLOW, {}, ServerKind.MLFLOW),
        ({"/version": (401, "no")}, REALM, ServerKind.MLFLOW),
        ({"/version": (401, "no")}, {}, None),
        ({"/api/authentication_mode": (200, ["x"]), "/api/version": (200, "<html>")}, {}, None),
    ],
)
def test_the_kind_of_a_server_is_known_by_its_public_pages(answers, headers, kind):
    with web_server(answers, headers=headers) as url:
        assert server_kind(url) is kind


def test_no_server_has_no_kind():
    assert server_kind(f"http://127.0.0.1:{free_port()}") is None


def sentence(uri, monkeypatch, error=TrackingError):
    """The sentence of a command that reads from MLflow, with short pauses and times."""
    mlflow = mlflow_module()
    for name, value in (("REQUEST_BACKOFF_FACTOR", "0"), ("REQUEST_TIMEOUT", "1"), ("REQUEST_MAX_RETRIES", "1")):
        monkeypatch.setenv(f"MLFLOW_HTTP_{name}", value)
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrackingError) as failed, requests_to(uri):
        mlflow.MlflowClient(uri).get_experiment_by_name("x")
    assert type(failed.value) is error
    text = str(failed.value)
    assert text.isprintable()
    return text.removeprefix(f"MLflow at {uri} ")


def test_an_error_of_mlflow_itself_is_not_called_unreachable(monkeypatch):
    for status in (500, 502, 503):
        with web_server({}, otherwise=(status, "<html>broken</html>")) as url:
            expected = f"answers, but with an error of its own (HTTP {status}); its log says why"
            assert sentence(url, monkeypatch) == expected


@pytest.mark.parametrize("otherwise", [(401, "no"), (403, "no"), (404, "404: Not Found"), (405, "no"), (200, "<html>")])
def test_rays_dashboard_in_the_place_of_mlflow_is_named(monkeypatch, otherwise):
    refused = TrackingRefused if otherwise[0] in (401, 403) else TrackingError
    with web_server(RAY, otherwise=otherwise) as url:
        assert sentence(url, monkeypatch, refused).startswith("is Ray's dashboard; MLFLOW_TRACKING_URI and --tracking")


@pytest.mark.parametrize(
    ("otherwise", "answer"),
    [
        ((404, "<html>"), "HTTP 404"),
        ((200, "<html>login</html>"), "something else"),
        ((404, {"detail": "Not Found"}), "something else"),
    ],
)
def test_another_server_in_the_place_of_mlflow_is_one_sentence(monkeypatch, otherwise, answer):
    with web_server({}, otherwise=otherwise) as url:
        expected = (
            f"is another server, or a proxy or login page in front of it: it answers with {answer}, not as MLflow"
        )
        assert sentence(url, monkeypatch).startswith(expected)


def test_an_unreachable_server_is_one_sentence_with_its_reason(monkeypatch):
    start = "; start it, or set MLFLOW_TRACKING_URI to its address"
    nothing = f"http://127.0.0.1:{free_port()}"
    assert sentence(nothing, monkeypatch) == f"cannot be reached (nothing answers there){start}"
    nowhere = "http://no-such-machine.invalid:5000"
    assert sentence(nowhere, monkeypatch) == f"cannot be reached (no machine has this name){start}"
    with black_hole() as silent:
        longer = "; if it is only slow, set MLFLOW_HTTP_REQUEST_TIMEOUT to more seconds"
        assert sentence(silent, monkeypatch) == f"cannot be reached (no answer in time){longer}"
    with web_server({}) as url:
        https = url.replace("http:", "https:")
        assert "use http in place of https" in sentence(https, monkeypatch)


def test_a_mistake_in_a_program_is_no_fault_of_a_request():
    assert request_fault(ValueError("Connection refused, Max retries exceeded, timed out")) is None
