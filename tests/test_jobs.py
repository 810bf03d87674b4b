import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from clusters import TOKEN, free_port

from services.credentials import Token
from services.jobs import JobsServer, Unreachable
from studies.errors import InputError


@contextmanager
def dashboard(answer):
    """A server that answers with `answer(method, path, headers, body) -> (status, content)`."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answer(self.command, self.path, self.headers, body)
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
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


def refusal(answer, token=None):
    with dashboard(answer) as url, pytest.raises(InputError) as refused:
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
def test_a_server_other_than_ray_is_refused(answer):
    assert "is not the dashboard of a Ray cluster" in refusal(lambda *_: answer)


def test_an_address_without_a_server_is_one_sentence():
    with pytest.raises(Unreachable, match=r"^--cluster: nothing answers at http://127\.0\.0\.1:\d+; "):
        JobsServer(f"http://127.0.0.1:{free_port()}", None).check_version()


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
