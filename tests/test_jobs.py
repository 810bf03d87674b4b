import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

import pytest
from clusters import TOKEN, free_port
from servers import black_hole

import services.jobs
from services.credentials import Token
from services.jobs import JobsServer, Unreachable
from studies.errors import InputError, StudyFailed


@contextmanager
def dashboard(answer, *, mode="token", headers=MappingProxyType({})):
    """A server that answers with `answer(method, path, headers, body) -> (status, content)`.

    mode     answer of Ray's dashboard about its mode of authentication; None: there is none
    headers  further headers of every answer
    """

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given: tuple[int, Any]
            if self.path == "/api/authentication_mode" and mode is not None:
                given = (200, {"authentication_mode": mode})
            else:
                given = answer(self.command, self.path, self.headers, body)
            status, content = given
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusal(answer, token=None, **changes):
    with dashboard(answer, **changes) as url, pytest.raises(InputError) as refused:
        JobsServer(url, token).check_version()
    sentence = str(refused.value)
    assert sentence.startswith(f"--cluster: {url} ")
    assert "\n" not in sentence
    return sentence


def test_http_401_without_a_token_is_refused():
    assert "none was given; set RAY_AUTH_TOKEN" in refusal(lambda *_: (401, "Unauthorized"))


def test_http_403_is_refused_with_the_origin_of_the_token_but_without_the_token():
    sentence = refusal(lambda *_: (403, "Forbidden"), Token(value=TOKEN, origin="RAY_AUTH_TOKEN"))
    assert "refuses the token in RAY_AUTH_TOKEN (HTTP 403)" in sentence
    assert TOKEN not in sentence


def test_another_version_of_ray_is_refused_with_both_versions():
    assert "runs Ray 2.9.3, but this gan-study works with Ray" in refusal(lambda *_: (200, {"ray_version": "2.9.3"}))


@pytest.mark.parametrize("answer", [(404, "no"), (200, "<html>"), (200, ["x"]), (200, {"version": "4"})])
@pytest.mark.parametrize("mode", ["token", None])
def test_a_server_other_than_ray_is_refused(answer, mode):
    assert "is not the dashboard of a Ray cluster" in refusal(lambda *_: answer, mode=mode)


MLFLOW_REALM = {"WWW-Authenticate": 'Basic realm="mlflow"'}


@pytest.mark.parametrize(
    ("answer", "headers", "words"),
    [
        (lambda _, path, *__: (200, {"store_type": "SqlStore"} if "server-info" in path else {}), {}, "is an MLflow"),
        (lambda *_: (401, "no"), MLFLOW_REALM, "is an MLflow server, not a Ray cluster"),
        (lambda *_: (401, "no"), {}, "demands credentials at once (HTTP 401), so the token was not sent"),
        (lambda *_: (403, "no"), {}, "demands credentials at once (HTTP 403), so the token was not sent"),
        (
            lambda *_: (302, ""),
            {"Location": "https://login.example/x"},
            "redirects to https://login.example/x (HTTP 302)",
        ),
    ],
)
def test_another_server_gets_no_token_and_is_named(answer, headers, words):
    seen = []

    def recorded(method, path, received, body):
        seen.append(received["Authorization"])
        return answer(method, path, received, body)

    token = Token(value=TOKEN, origin="RAY_AUTH_TOKEN")
    assert words in refusal(recorded, token, mode=None, headers=headers)
    assert set(seen) == {None}


def test_a_server_with_an_error_of_its_own_is_not_called_unreachable():
    for answer, reason in (((500, "Traceback\nKeyError: 1"), "KeyError: 1"), ((502, "<html>"), "it sends a web page")):
        with dashboard(lambda *_, given=answer: given) as url, pytest.raises(StudyFailed) as failed:
            JobsServer(url, None).jobs()
        assert str(failed.value) == f"{url} answers, but with an error of its own (HTTP {answer[0]}): {reason}"


def test_an_address_without_a_server_is_one_sentence():
    with pytest.raises(Unreachable, match=r"^--cluster: http://127\.0\.0\.1:\d+ cannot be reached \(nothing answers "):
        JobsServer(f"http://127.0.0.1:{free_port()}", None).check_version()


def test_a_name_that_no_machine_has_and_a_server_without_tls_are_named():
    with pytest.raises(Unreachable, match=r"cannot be reached \(no machine has this name\)"):
        JobsServer("http://no-such-machine.invalid:8265", None).jobs()
    with dashboard(lambda *_: (200, [])) as url, pytest.raises(Unreachable, match="use http in place of https"):
        JobsServer(url.replace("http:", "https:"), None).jobs()


def test_a_server_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(services.jobs, "ANSWER_SECONDS", 0.2)
    with black_hole() as url, pytest.raises(Unreachable, match=r"cannot be reached \(no answer in time\)"):
        JobsServer(url, None).jobs()


def test_the_token_is_in_the_header_although_netrc_has_another(tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    os.chmod(tmp_path / ".netrc", 0o600)
    seen = []

    def answer(method, path, headers, body):
        seen.append(headers["Authorization"])
        return 200, []

    with dashboard(answer) as url:
        JobsServer(url, Token(value=TOKEN, origin="x")).jobs()
    assert seen == [f"Bearer {TOKEN}"]
