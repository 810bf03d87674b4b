"""The process that a job runs on the cluster for a submitted study.

Its working folder holds the files of the archive that `gan-study submit` sent. It has the credentials of the cluster's
tracking server, so it imports no module of the study: a driver (`submitted_study`) does, with an allow-list of the
environment.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from services import preflight
from services.package import log_name
from services.submitted_study import submission
from studies.execution.driver_connection import Driver
from studies.execution.driver_process import driver
from studies.file.study import Study
from studies.ledger.ledger import Ledger


def drive(run: Callable[[Driver, Study], int]) -> int:
    """Run the submitted study on the cluster, after checks of its nodes, and return its exit code.

    run  follows the run of the study in its driver, and returns the exit code

    Errors: `InputError` outside a submitted job, and if the cluster cannot run the study.
    """
    submitted = submission()
    # a module of the study that is named like a package must not replace it in this process
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path.cwd()]
    preflight.refuse_other_versions(submitted["versions"])
    with driver("services.submitted_study:prepare", {}, cluster=True) as process:
        study = process.study()
        folder = Ledger(study.ledger.root).study_folder(study.name)
        log = folder / log_name(submitted["attempt"])
        with _copied_to(log, heading=f"attempt {submitted['attempt']}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"):
            os.chdir(folder)  # Ray may delete a job's working folder before the job ends
            return run(process, study)


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
