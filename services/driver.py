"""The driver of a submitted study: the process that a job runs on the cluster.

Its working folder holds the files of the archive that `gan-study submit` sent.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from services import preflight
from services.credentials import cluster_ledger
from services.package import SUBMISSION, log_name
from services.waiting import wait_for_processors
from studies.errors import InputError
from studies.execution.environment import SUBMITTED_GIT_STATE
from studies.execution.resources import Resources
from studies.file.modules import modules_in
from studies.file.real_samples import load_samples
from studies.file.refusal import Refusal
from studies.file.study import Study
from studies.ledger.ledger import Ledger


def drive(run: Callable[[Study, Resources, str], int]) -> int:
    """Connect to the cluster, check its nodes, run the submitted study, and return its exit code.

    run  runs the study, given the study, the cluster's resources and the study's question; returns the exit code

    Errors: `InputError` outside a submitted job, and if the cluster cannot run the study.
    """
    submission = _submission()
    preflight.refuse_other_versions(submission["versions"])
    table = submission["study"]
    root = _root(table["ledger"]["root"])
    if (sent := submission.get("sent_data")) is not None:
        table["data"]["path"] = str(_stored_data(Path(sent), root))
    study = _study(table, submission.get("data_fingerprint"))
    study = replace(study, ledger=replace(study.ledger, root=str(root)))
    # the study's record takes the git state from here: the repository is on the machine that submitted the study
    os.environ[SUBMITTED_GIT_STATE] = json.dumps(submission["git"])
    _connect()
    wait_for_processors(submission["processors"], lambda line: print(line, flush=True))
    preflight.check_nodes(root, study.data)
    folder = Ledger(study.ledger.root).study_folder(study.name)
    log = folder / log_name(submission["attempt"])
    with _copied_to(log, heading=f"attempt {submission['attempt']}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"):
        os.chdir(folder)  # Ray may delete a job's working folder before the job ends
        return run(study, preflight.cluster_resources(), submission["question"])


def _submission() -> dict[str, Any]:
    try:
        return json.loads(Path(SUBMISSION).read_text(encoding="utf-8"))
    except OSError:
        raise InputError("drive: must run inside a submitted job; gan-study submit starts one") from None


def _study(table: dict[str, Any], fingerprint: str | None) -> Study:
    """The study of a submission; its samples must have this hash, if one is given.

    Errors: `InputError` if they are missing or others on this node.
    """
    try:
        with modules_in(Path()):
            study = Study.from_table(table)
    except Refusal as error:
        if error.parts[:2] != ("data", "path"):
            raise
        raise InputError(f"{error} on the cluster's node of the driver; {_REMEDY}") from None
    if fingerprint is not None and (found := load_samples(study.data).fingerprint) != fingerprint:
        raise InputError(
            f"data.path: must hold the samples that the study was submitted with ({fingerprint}), but holds others "
            f"({found}) on the cluster; {_REMEDY}"
        )
    return study


_REMEDY = "put them there on every node, or send them with gan-study submit --send-data"


def _stored_data(sent: Path, root: Path) -> Path:
    """Path below the ledger, which all nodes share, to which the samples that were sent are copied."""
    content = sent.read_bytes()
    target = root / "data" / f"{sha256(content).hexdigest()[:16]}-{sent.name}"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        written = target.with_name(f".{uuid4().hex}.tmp")
        written.write_bytes(content)
        os.replace(written, target)
    return target


def _root(named: str) -> Path:
    """Path of the study's ledger on the cluster; a relative `ledger.root` is below the folder in GAN_STUDY_LEDGER."""
    root, shared = Path(named).expanduser(), cluster_ledger()
    if root.is_absolute():
        return root
    if shared is None:
        raise InputError(
            f"ledger.root: must be an absolute path on storage that all nodes share, but is {named!r}, "
            "and the cluster has no folder for ledgers (GAN_STUDY_LEDGER); use --set ledger.root=/..."
        )
    return shared / root


def _connect() -> None:
    import ray

    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise InputError("drive: must run inside a Ray job, where RAY_ADDRESS is set")
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)


@contextmanager
def _copied_to(path: Path, *, heading: str) -> Iterator[None]:
    """Context in which printed text is also appended to a file: Ray's own log of the job is lost with the head node."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out, err = sys.stdout, sys.stderr
    with path.open("a", encoding="utf-8") as file:
        file.write(f"-- {heading}\n")
        sys.stdout, sys.stderr = _Both(out, file), _Both(err, file)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err


class _Both:
    """A text stream that also writes to a file; errors of that file, as on a full disk, are ignored."""

    def __init__(self, stream: TextIO, file: TextIO):
        self._stream, self._file = stream, file

    def write(self, text: str) -> int:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError:
            pass
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
