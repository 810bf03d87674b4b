"""Studies that several files look at; nobody may change them."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from studies.results import Results, results
from studies.study import Study


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and so would whatever the tests start and stop."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _numbers_as_python_has_them() -> Iterator[None]:
    """A trial that is played in this process lets the processor take the smallest numbers for 0: until it is over."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A finished study of ten trials."""
    from tiny import SMALLER, run_without_ray, study_in  # here, since it imports Ray

    study = study_in(tmp_path_factory.mktemp("finished"), *SMALLER)
    run_without_ray(study)
    return study


@pytest.fixture(scope="session")
def on_ring(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Those of a finished study on points of the plane: a trial of each phase but exploit for each condition."""
    from tiny import run_without_ray, study_in

    overrides = ("data={kind='ring',train=300,reference=80}", "search.explore=1", "search.exploit=0")
    study = study_in(tmp_path_factory.mktemp("ring"), *overrides, "measures.resolution=9")
    run_without_ray(study)
    return results(study.name, root=study.ledger.root)


@pytest.fixture(scope="session")
def finished_root(finished_study: Study) -> Path:
    return Path(finished_study.ledger.root)
