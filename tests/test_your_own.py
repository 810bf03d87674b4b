"""What docs/your-own.md says is true: its files are written down and run as they stand there."""

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
from gan_core.contracts import CriticContract, DataContract
from studies import modules
from studies.source import question
from studies.study import load_study

PAGE = (Path(__file__).parent.parent / "docs" / "your-own.md").read_text()
STUDY = "squared-hinge.toml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The page's files, in a folder on the path that the next test does not have."""
    for source in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", source)
        (tmp_path / name[1]).write_text(source)
    (study,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / STUDY).write_text(study)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(modules, "_imported", {})
    yield tmp_path
    for name in {"squared_hinge", "test_squared_hinge", "residual", "spiral"} & (set(sys.modules) - before):
        del sys.modules[name]


def assert_holds(contract):
    names = [name for name in dir(contract) if name.startswith("test_")]
    assert len(names) > 5
    for name in names:
        getattr(contract(), name)()


def test_its_objective_fulfils_the_contract_that_the_page_inherits(folder):
    assert_holds(import_module("test_squared_hinge").TestSquaredHinge)


def test_its_data_fulfil_their_contract(folder):
    spiral = import_module("spiral").Spiral
    assert_holds(type("TestSpiral", (DataContract,), {"subject": spiral(turns=2.0)}))


def test_its_torch_module_fulfils_the_contract_of_critics_and_plays(folder):
    residual = import_module("residual").Residual
    assert_holds(type("TestResidual", (CriticContract,), {"subject": residual(width=6)}))
    networks = re.search(r"`networks\.critic = (\{.*?\}\})`", PAGE)[1]
    overrides = [f"ledger.root={folder / 'ledger'}", f"networks.critic={networks}", "search.explore=1"]
    study = load_study(folder / STUDY, overrides=[*overrides, "search.exploit=0", "search.confirm.best=0"], smoke=True)
    assert run_without_ray(study).failed == []


def test_its_study_runs(folder):
    study = load_study(folder / STUDY, overrides=[f"ledger.root={folder / 'ledger'}"], smoke=True)
    assert question(folder / STUDY) == "Does squaring the hinge help?"
    smallest = replace(study, search=replace(study.search, explore=1, exploit=0))
    ending = run_without_ray(smallest)
    assert (ending.failed, ending.interrupted) == ([], False)


def test_its_data_are_learned(folder):
    overrides = [f"ledger.root={folder / 'ledger'}", "data={kind='spiral:Spiral',turns=2.0}", "search.explore=1"]
    study = load_study(folder / STUDY, overrides=[*overrides, "search.exploit=0", "search.confirm.best=0"], smoke=True)
    assert run_without_ray(study).failed == []


def test_the_classes_of_its_table_are_there():
    (table,) = re.findall(r"\| --- \| --- \| --- \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert len(table.splitlines()) == 5
    for row in table.splitlines():
        _, _, inherited, tested, _ = row.split("|")
        assert all(hasattr(gan_core, name) for name in re.findall(r"`(\w+)`", inherited))
        assert tested.strip(" `") in contracts.__all__


@pytest.mark.slow
def test_its_commands_run(folder):
    lines = re.findall(r"^ {4}((?:gan-study|pytest) .*)$", PAGE, flags=re.MULTILINE)
    assert len(lines) == 4
    tiny = "--set budget.steps=20 --set search.explore=1 --set search.exploit=0 --set search.confirm.seeds=2"
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
