"""A submitted study in its driver on the cluster, a process with an allow-list of the environment.

The working folder holds the files of the archive that `gan-study submit` sent, the study's modules among them.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from services import preflight
from services.credentials import cluster_ledger
from services.package import SUBMISSION
from services.waiting import wait_for_processors, waiting_reported
from studies.driver_entry import Prepared
from studies.errors import InputError
from studies.execution.environment import SUBMITTED_GIT_STATE
from studies.file.modules import modules_in
from studies.file.real_samples import load_samples
from studies.file.refusal import Refusal
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.written_files import whole_file


@contextmanager
def prepare(request: Mapping[str, Any]) -> Iterator[Prepared]:
    """Connect to the cluster and check its nodes; a `driver_entry.Prepare`.

    Errors: `InputError` if the cluster cannot run the study.
    """
    submitted = submission()
    table = submitted["study"]
    root = _root(table["ledger"]["root"])
    if (sent := submitted.get("sent_data")) is not None:
        table["data"]["path"] = str(_stored_data(Path(sent), root))
    study = _study(table, submitted.get("data_fingerprint"))
    study = replace(study, ledger=replace(study.ledger, root=str(root)))
    # the study's record takes the git state from here: the repository is on the machine that submitted the study
    os.environ[SUBMITTED_GIT_STATE] = json.dumps(submitted["git"])
    with _connected():
        wait_for_processors(submitted["processors"], _say)
        preflight.check_nodes(root, study.data)
        folder = Ledger(study.ledger.root).study_folder(study.name)
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)  # Ray may delete a job's working folder before the job ends
        resources = preflight.cluster_resources()
        with waiting_reported(resources.allocation(study.resources), _say):
            yield Prepared(study, submitted["question"], resources)


def _say(line: str) -> None:
    """Write a line to the log of the job."""
    print(line, flush=True)


def submission() -> dict[str, Any]:
    """The description of the submitted study in the working folder.

    Errors: `InputError` outside a submitted job.
    """
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
        with whole_file(target) as file:
            file.write_bytes(content)
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


@contextmanager
def _connected() -> Iterator[None]:
    import ray

    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise InputError("drive: must run inside a Ray job, where RAY_ADDRESS is set")
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()
