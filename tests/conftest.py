"""Finished studies that several test files read; no test may change them."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from image_folders import pictures, write_folder

from gan_core.cache_folder import FOLDER_VARIABLE
from studies.file import modules
from studies.file.study import Study
from studies.locate import results
from studies.tables.results import Results


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Restore Python's handler of SIGINT: a background process of a shell ignores it, and so would its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_reference_values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Reference values are cached in a temporary folder, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _denormal_numbers() -> Iterator[None]:
    """Restore denormal numbers: a trial that trains in this process flushes them to 0."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def fresh_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No user's module is imported; the imports of those named my_..., and changes of the path, are undone."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(modules, "_imported", {})
    yield
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def shipped_images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """From the name of a shipped study, the assignments that it needs: images where it would find those of the user."""
    folder = write_folder(tmp_path_factory.mktemp("images"), pictures(1250, side=32))
    return lambda name: [f"data.path={folder}"] if name == "images-emoji" else []


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A finished study of ten trials."""
    from tiny import SMALLER, run_without_ray, study_in  # here, since it imports Ray

    study = study_in(tmp_path_factory.mktemp("finished"), *SMALLER)
    run_without_ray(study)
    return study


@pytest.fixture(scope="session")
def on_ring(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of a finished study on 2-D data: one explore and one confirm trial of each condition."""
    from tiny import run_without_ray, study_in

    overrides = ("data={kind='ring',train=300,held_out=80}", "search.explore=1", "search.exploit.trials=0")
    study = study_in(tmp_path_factory.mktemp("ring"), *overrides, "evaluation.resolution=9")
    run_without_ray(study)
    return results(study.name, root=study.ledger.root)


@pytest.fixture(scope="session")
def on_images(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of a finished study on 60 colour images of 28 x 28 pixels, of which 5 are held out for each split."""
    from image_folders import pictures, write_folder
    from tiny import CONV, run_without_ray, study_in

    folder = tmp_path_factory.mktemp("images")
    write_folder(folder / "photos", pictures(60, side=28))
    study = study_in(folder, text=CONV)
    run_without_ray(study)
    return results(study.name, root=study.ledger.root)


@pytest.fixture(scope="session")
def finished_root(finished_study: Study) -> Path:
    """The ledger of `finished_study`."""
    return Path(finished_study.ledger.root)
