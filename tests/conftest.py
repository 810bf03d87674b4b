"""Studies that several files look at; nobody may change them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from studies.study import Study


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
def finished_root(finished_study: Study) -> Path:
    return Path(finished_study.ledger.root)
