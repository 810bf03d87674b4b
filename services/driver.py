"""The driver of a submitted study: what the job of a submit runs on the cluster.

Its working folder is the package that the submit sent.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from services import preflight
from services.package import SUBMISSION
from services.settings import cluster_ledger
from studies.environment import SUBMITTED_GIT_STATE
from studies.errors import InputError
from studies.ledger import Ledger
from studies.modules import beside
from studies.place import Place
from studies.study import Study


def drive(run: Callable[[Study, Place, str], int]) -> int:
    """Join the cluster, see that it can run the study of this folder, and run it.

    `run` is given the study, the place and the study's question, and gives the exit code.
    """
    submission = _submission()
    preflight.refuse_other_versions(submission["versions"])
    with beside(Path()):
        study = Study.from_table(submission["study"])
    study = replace(study, ledger=replace(study.ledger, root=str(_root(study))))
    _tell_git_state(submission["git"])
    _join()
    preflight.check_nodes(Path(study.ledger.root))
    folder = Ledger(study.ledger.root).study_folder(study.name)
    log = folder / f"log-{submission['attempt']}.txt"
    with _copied_to(log, heading=f"attempt {submission['attempt']}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"):
        os.chdir(folder)  # Ray may remove a job's working folder before the job is over
        return run(study, preflight.place(), submission["question"])


def _submission() -> dict[str, Any]:
    try:
        return json.loads(Path(SUBMISSION).read_text())
    except OSError:
        raise InputError("drive: is what a submitted job runs on its cluster; gan-study submit starts one") from None


def _root(study: Study) -> Path:
    """Where the ledger lies on the cluster: a relative root is below the folder that the cluster names for it."""
    root, shared = Path(study.ledger.root).expanduser(), cluster_ledger()
    if root.is_absolute():
        return root
    if shared is None:
        raise InputError(
            f"ledger.root: must be an absolute path on storage that all nodes share, but is {study.ledger.root!r}, "
            "and the cluster names no folder for ledgers (GAN_STUDY_LEDGER); --set ledger.root=/..."
        )
    return shared / root


def _tell_git_state(git: dict[str, Any] | None) -> None:
    """For whatever records the study: the repository is on the machine that submitted it."""
    os.environ[SUBMITTED_GIT_STATE] = json.dumps(git)


def _join() -> None:
    import ray

    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise InputError("drive: must run inside a Ray job, where RAY_ADDRESS names the cluster")
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)


@contextmanager
def _copied_to(path: Path, *, heading: str) -> Iterator[None]:
    """What is printed also goes into a file: a job's own log dies with the cluster's head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out, err = sys.stdout, sys.stderr
    with path.open("a") as file:
        file.write(f"-- {heading}\n")
        sys.stdout, sys.stderr = _Both(out, file), _Both(err, file)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err


class _Both:
    """A stream whose text goes into a file as well; a full disk there does not end the study."""

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
