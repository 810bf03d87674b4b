"""Studies that several files look at; nobody may change them."""

from pathlib import Path

import pytest

from studies.study import Study


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
