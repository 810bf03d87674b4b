"""The code on the page docs/your-own.md: its files are written to a folder and run unchanged."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from tiny import run_without_ray

import gan_core
from gan_core import contracts
from gan_core.contracts import ConstraintContract, CriticContract, DataContract, GeneratorContract
from studies.file import modules
from studies.file.search import Exploit
from studies.file.source import question
from studies.file.study import Study

PAGE = (Path(__file__).parent.parent / "docs" / "your-own.md").read_text()
STUDY = "squared-hinge.toml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the page, on Python's path for one test."""
    for source in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        name = source.splitlines()[0].removeprefix("# ")
        assert re.fullmatch(r"\w+\.py", name)
        (tmp_path / name).write_text(source)
    (study,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / STUDY).write_text(study)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(modules, "_imported", {})
    yield tmp_path
    for module in {"squared_hinge", "test_squared_hinge", "norm_clipping", "residual", "spiral"} & (
        set(sys.modules) - before
    ):
        del sys.modules[module]


def assert_passes(contract):
    names = [name for name in dir(contract) if name.startswith("test_")]
    assert len(names) > 5
    for name in names:
        getattr(contract(), name)()


def test_objective_of_the_page_passes_its_contract_tests(folder):
    assert_passes(import_module("test_squared_hinge").TestSquaredHinge)


def test_constraint_of_the_page_passes_its_contract_tests(folder):
    norm_clipping = import_module("norm_clipping").NormClipping
    assert_passes(type("TestNormClipping", (ConstraintContract,), {"subject": norm_clipping(max_norm=2.0)}))


def test_data_of_the_page_pass_their_contract_tests(folder):
    spiral = import_module("spiral").Spiral
    assert_passes(type("TestSpiral", (DataContract,), {"subject": spiral(turns=2.0)}))


def test_torch_modules_of_the_page_pass_their_contract_tests_and_are_trained(folder):
    residual = import_module("residual")
    assert_passes(type("TestResidual", (CriticContract,), {"subject": residual.Residual(width=4)}))
    assert_passes(type("TestGenerator", (GeneratorContract,), {"subject": residual.ResidualGenerator(width=4)}))
    (critic,) = re.findall(r"`networks\.critic = (\{.*?\}\})`", PAGE)
    (generator,) = re.findall(r"`networks\.generator = (\{.*?\})`", PAGE)
    networks = [f"networks.critic={critic}", f"networks.generator={generator}"]
    overrides = [f"ledger.root={folder / 'ledger'}", *networks, "search.explore=1"]
    study = Study.load(
        folder / STUDY, overrides=[*overrides, "search.exploit.trials=0", "search.confirm.best=0"], smoke=True
    )
    assert run_without_ray(study).without_result == []


def test_study_of_the_page_runs(folder):
    study = Study.load(folder / STUDY, overrides=[f"ledger.root={folder / 'ledger'}"], smoke=True)
    assert question(folder / STUDY) == "Does squaring the hinge help?"
    smallest = replace(study, search=replace(study.search, explore=1, exploit=Exploit(trials=0)))
    ending = run_without_ray(smallest)
    assert (ending.without_result, ending.interrupted) == ([], False)


def test_study_on_the_data_of_the_page_runs(folder):
    overrides = [f"ledger.root={folder / 'ledger'}", "data={kind='spiral:Spiral',turns=2.0}", "search.explore=1"]
    study = Study.load(
        folder / STUDY, overrides=[*overrides, "search.exploit.trials=0", "search.confirm.best=0"], smoke=True
    )
    assert run_without_ray(study).without_result == []


def test_classes_in_the_table_of_the_page_exist():
    (table,) = re.findall(r"\| --- \| --- \| --- \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert len(table.splitlines()) == 6
    for row in table.splitlines():
        _, _, inherited, tested, _ = row.split("|")
        assert all(hasattr(gan_core, name) for name in re.findall(r"`(\w+)`", inherited))
        assert tested.strip(" `") in contracts.__all__


@pytest.mark.slow
def test_commands_of_the_page_run(folder):
    lines = re.findall(r"^ {4}((?:gan-study|pytest) .*)$", PAGE, flags=re.MULTILINE)
    assert len(lines) == 4
    tiny = "--set budget.steps=100 --set search.explore=1 --set search.exploit.trials=0 --set search.confirm.seeds=2"
    for line in lines:
        words = shlex.split(f"{line} {tiny}" if " run " in line else line)
        done = subprocess.run(
            [Path(sys.executable).parent / words[0], *words[1:]],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GAN_STUDY_NO_TRACKING": "1"},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
