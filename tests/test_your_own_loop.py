"""The code on the page docs/your-own-loop.md: its files are written to a folder and run unchanged."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from test_your_own import assert_passes
from tiny import run_without_ray

import gan_core
from studies.file import modules
from studies.file.real_samples import load_samples
from studies.file.source import question
from studies.file.study import Study
from studies.locate import results

PAGE = (Path(__file__).parent.parent / "docs" / "your-own-loop.md").read_text(encoding="utf-8")
MODULES = {"tutorial_dcgan", "test_tutorial_dcgan", "wine_ctgan", "enlarging"}
MOST_LINES = 40
"""Largest number of lines of a program that brings CTGAN into a study."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the page, on Python's path for one test."""
    for source in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        (tmp_path / source.splitlines()[0].removeprefix("# ")).write_text(source, encoding="utf-8")
    for study in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL):
        (name,) = re.findall(r'^name = "(.*)"$', study.partition("[[")[0], flags=re.MULTILINE)
        (tmp_path / f"{name}.toml").write_text(study, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(modules, "_imported", {})
    yield tmp_path
    for module in MODULES & set(sys.modules):
        del sys.modules[module]


def test_files_of_the_page_are_modules_and_studies_of_this_test(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.py")} == MODULES
    assert {path.name for path in folder.glob("*.toml")} == {"tutorial-dcgan.toml", "wine.toml", "enlarging.toml"}


def test_fields_of_a_run_are_those_of_the_page() -> None:
    (table,) = re.findall(r"\| field \| \|\n\| --- \| --- \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(gan_core.TrainingRun.__dataclass_fields__)


def test_the_tutorials_loop_passes_the_contract_tests(folder: Path) -> None:
    assert_passes(import_module("test_tutorial_dcgan").TestTutorialDCGAN)


def test_the_study_of_the_tutorial_runs_and_gives_its_generator_back(folder: Path) -> None:
    smallest = ["search.explore=1", "search.exploit.trials=0", "seeds=1", "conditions.tutorial.trainer.width=2"]
    root = folder / "ledger"
    study = Study.load(folder / "tutorial-dcgan.toml", overrides=[f"ledger.root={root}", *smallest], smoke=True)
    assert question(folder / "tutorial-dcgan.toml").startswith("Over which learning rates is the tutorial's DCGAN")
    assert run_without_ray(study).without_result == []
    fakes = results(study.name, root=root).best("tutorial").generator()(20)
    assert fakes.shape == (20, 1, 8, 8)
    assert abs(fakes).max() <= 1


def test_the_study_of_pairs_measures_the_fakes_of_the_inputs_against_their_targets(folder: Path) -> None:
    smallest = ["search.explore=1", "search.exploit.trials=0", "seeds=2", "search.confirm.seeds=2", "budget.steps=150"]
    root = folder / "ledger"
    overrides = [f"ledger.root={root}", *smallest, "evaluation.measurements=3", "evaluation.samples=50"]
    study = Study.load(folder / "enlarging.toml", overrides=overrides)
    assert run_without_ray(study).without_result == []
    found = results(study.name, root=root)
    curves = found.curves.query("condition == 'pix2pix' and phase == 'confirm' and metric == 'pixel_error'")
    errors = curves.pivot(index="seed", columns="step", values="value")
    pairs = load_samples(study.data).pairs["test"]
    of_mean = np.abs(pairs.target - load_samples(study.data).train.mean(0)).mean()
    assert (errors[0] > of_mean).all()  # an untrained generator
    assert (errors[150] < of_mean).all()
    assert found.reference_distances["constant"] == pytest.approx(of_mean, rel=0.01)  # the mean of all splits


def test_ctgan_needs_few_lines(folder: Path) -> None:
    assert len((folder / "wine_ctgan.py").read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.soak
def test_the_study_of_wines_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r'^ {4}python -c "(.*)"$', PAGE, flags=re.MULTILINE)
    monkeypatch.chdir(folder)
    exec(command)
    smallest = ["search.explore=1", "seeds=1", "search.confirm.seeds=2"]
    root = folder / "ledger"
    study = Study.load(folder / "wine.toml", overrides=[f"ledger.root={root}", *smallest], smoke=True)
    assert run_without_ray(study).without_result == []
    samples = results(study.name, root=root).samples("ctgan")
    assert samples.shape[0] == 2
    assert samples.shape[2] == 14
