"""An MLflow server in this process whose answers a test can falsify, filled with a recorded study."""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mlflow_contents import Recorded, client_of, runs_of

from studies.ledger.plan_parts import pack_plan, unpack_plan
from studies.ledger.sealed import checksum
from studies.ledger.segments import LightRow, Row, Segment, segment_name, to_segment
from studies.tracking.bundle import BUNDLE_TAG, PLAN, SEGMENT, Bundle

Answer = Any
"""A JSON value, or bytes that are sent as they are."""


@dataclass
class Store:
    """Content of a server, which tests falsify.

    experiment  of the study, as MLflow sends it
    runs        of the study and its trials, likewise, by identifier
    files       artifacts by path below the folder of all runs: RUN/artifacts/PATH
    answers     functions that replace the answer to requests for a path, given the true answer
    """

    experiment: dict[str, Any]
    runs: dict[str, dict[str, Any]]
    files: dict[str, bytes]
    answers: dict[str, Callable[[Answer], Answer]] = field(default_factory=dict)

    @classmethod
    def of(cls, recorded: Recorded) -> "Store":
        """The true content of a recorded study."""
        from mlflow.utils.proto_json_utils import message_to_json

        experiment = client_of(recorded.uri).get_experiment_by_name("tiny")
        runs: dict[str, dict[str, Any]] = {}
        files: dict[str, bytes] = {}
        for run in [run for group in runs_of(recorded.uri) for run in group]:
            folder = recorded.folder / "mlruns" / run.info.run_id
            files |= {
                str(path.relative_to(recorded.folder / "mlruns")): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
            runs[run.info.run_id] = json.loads(message_to_json(run.to_proto()))
            runs[run.info.run_id]["info"]["artifact_uri"] = f"mlflow-artifacts:/{run.info.run_id}/artifacts"
        return cls(json.loads(message_to_json(experiment.to_proto())), runs, files)

    @property
    def study_run(self) -> dict[str, Any]:
        """The study's own run."""
        return next(run for run in self.runs.values() if tags_of(run)["kind"] == "study")

    def trial_run(self, name: str) -> dict[str, Any]:
        """The run of a trial."""
        return next(run for run in self.runs.values() if run["info"]["run_name"] == name)

    def path(self, run: dict[str, Any], name: str) -> str:
        """Path of an artifact of a run."""
        return f"{run['info']['run_id']}/artifacts/{name}"

    def set_tag(self, run: dict[str, Any], key: str, value: str | None) -> None:
        """Replace a tag, or delete it if the value is None."""
        kept = [tag for tag in run["data"]["tags"] if tag["key"] != key]
        run["data"]["tags"] = kept + ([] if value is None else [{"key": key, "value": value}])

    # -- a bundle that fits its tag, whatever it holds ---------------------------------------------------------------

    @property
    def bundle(self) -> Bundle:
        return Bundle.from_tags(tags_of(self.study_run))

    def bundled(self, name: str) -> str:
        """Path of a file of the valid bundle."""
        return self.path(self.study_run, f"{self.bundle.folder}/{name}")

    def plan(self) -> list[dict[str, Any]]:
        return unpack_plan(self.files[self.bundled(PLAN)], PLAN)

    def rows(self) -> list[LightRow]:
        return _rows(self.files[self.bundled(SEGMENT)], self.bundle.segment)

    def replace_plan(self, content: bytes | list[Any]) -> None:
        """Replace the plan, and its checksum in the tag."""
        packed = content if isinstance(content, bytes) else pack_plan(content)
        path, bundle = self.bundled(PLAN), self.bundle
        self.files[path] = packed
        tag = str(Bundle(bundle.number, bundle.segment, checksum(packed)))
        self.set_tag(self.study_run, BUNDLE_TAG, tag)

    def replace_rows(self, rows: Sequence[Row]) -> None:
        """Replace the segment, and its name in the tag."""
        segment, path, bundle = to_segment(rows), self.bundled(SEGMENT), self.bundle
        self.files[path] = segment
        self.set_tag(self.study_run, BUNDLE_TAG, str(Bundle(bundle.number, segment_name(segment), bundle.plan)))

    # -- answers -----------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Answer | None:
        """Answer to a request; None if there is nothing there."""
        true = self._answer(path, query, body)
        replaced = next((falsify for name, falsify in self.answers.items() if path.endswith(name)), None)
        return true if replaced is None else replaced(true)

    def _answer(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Answer | None:
        artifacts = "/mlflow-artifacts/artifacts"
        if path.endswith("experiments/get-by-name"):
            return {"experiment": self.experiment}
        if path.endswith("runs/search"):
            return {"runs": [run for run in self.runs.values() if matches(run, body.get("filter", ""))]}
        if path.endswith("runs/get"):
            return {"run": self.runs[query["run_id"][0]]}
        if path.endswith(artifacts):
            return {"files": self.listing(query["path"][0])}
        return self.files.get(path.partition(f"{artifacts}/")[2])

    def listing(self, folder: str) -> list[dict[str, Any]]:
        """Names and sizes of the artifacts in a folder."""
        inside = [PurePosixPath(path).relative_to(folder) for path in self.files if path.startswith(f"{folder}/")]
        names = sorted({path.parts[0] for path in inside})
        return [
            {"path": name, "is_dir": False, "file_size": str(len(content))}
            if (content := self.files.get(f"{folder}/{name}")) is not None
            else {"path": name, "is_dir": True}
            for name in names
        ]


def light(row: LightRow, **changes: Any) -> Row:
    """A row of the bundle with other facts, whose checksums are right."""
    facts = {**json.loads(row.facts), **changes}
    return Row(row.key, json.dumps(facts), row.values, row.values[:0].astype("float32"), b"", "")


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


def matches(run: dict[str, Any], condition: str) -> bool:
    """True if a run has every tag that a filter string names."""
    wanted = re.findall(r"tags\.`?([\w.]+)`? = '([^']*)'", condition)
    return all(tags_of(run).get(key) == value for key, value in wanted)


def _rows(segment: bytes, name: str) -> list[LightRow]:
    from io import BytesIO

    return Segment(BytesIO(segment), name, SEGMENT).light_rows()


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """Context with a server of this content; its value is the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: dict[str, Any]) -> None:
            parts = urlsplit(self.path)
            answer = store.answer(self.command, parts.path, parse_qs(parts.query), body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:  # the client has seen enough
                self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_WRITTEN: list[str] | None = None
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    changing = event in ("os.mkdir", "os.rename", "os.link", "os.symlink")
    if _WRITTEN is not None and (changing or (event == "open" and arguments[2] & _WRITING)):
        _WRITTEN.append(str(arguments[0]))


@contextmanager
def files_written() -> Iterator[list[str]]:
    """Context whose value lists every file and folder that this process opens for writing or creates."""
    global _WRITTEN
    if not getattr(sys, "_gan_studies_watched", False):
        sys.addaudithook(_watch)  # there is no way to remove it
        sys._gan_studies_watched = True  # type: ignore[attr-defined]
    _WRITTEN = []
    try:
        yield _WRITTEN
        _WRITTEN[:] = [name for name in _WRITTEN if not Path(name).is_relative_to("/dev")]
    finally:
        _WRITTEN = None
