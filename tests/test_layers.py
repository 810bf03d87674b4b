"""The house: imports point one way, the library stays light, and its exports are what the code says."""

import ast
import json
import re
import subprocess
import sys
from importlib import import_module
from inspect import getmodule, isabstract, isclass
from pathlib import Path
from pkgutil import iter_modules
from typing import get_args

import pytest

import gan_core
from gan_core.constraints import Constraint
from gan_core.data import Data
from gan_core.networks import Critic, Generator, Networks
from gan_core.objectives import Objective
from gan_core.optimizers import Optimizer

ROOT = Path(__file__).parent.parent
LAYERS = ["gan_core", "studies", "services"]  # each may import itself and those before it
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
MODULES = [module.name for module in iter_modules(gan_core.__path__)]

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
every_library_file = pytest.mark.parametrize(
    "path", [path for path in FILES if path.is_relative_to(ROOT / "gan_core")], ids=lambda path: path.name
)


def imported(nodes):
    """The packages that import statements name, by their first word."""
    packages = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that this test can read them"
            packages.add(node.module.split(".")[0])
    return packages


def everywhere(path):
    return imported(ast.walk(ast.parse(path.read_text())))


def when_imported(path):
    """What runs on import: all statements but the bodies of functions."""

    def outside_functions(node):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for child in ast.iter_child_nodes(node):
                yield from outside_functions(child)

    return imported(outside_functions(ast.parse(path.read_text())))


# --- imports


@every_file
def test_imports_point_one_way(path):
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    assert not everywhere(path) & set(LAYERS[layer + 1 :])


@every_file
def test_nothing_imports_the_tests_or_the_benchmarks(path):
    assert not everywhere(path) & {"tests", "benchmarks", "games", "conftest"}


STDLIB = set(sys.stdlib_module_names)
ALWAYS = {"gan_core", "torch", "numpy", "jaxtyping", "annotated_types"}
WITHIN_FUNCTIONS = {"scipy", "sklearn", "ot"}


@every_library_file
def test_library_imports_little_when_it_is_imported(path):
    assert when_imported(path) <= STDLIB | ALWAYS


@every_library_file
def test_library_imports_nothing_else_later_but_what_its_functions_need(path):
    assert everywhere(path) <= STDLIB | ALWAYS | WITHIN_FUNCTIONS


def test_both_readers_of_imports_can_see():
    """A test of the tests: what stands in a function is found by one and not by the other."""
    metrics = ROOT / "gan_core" / "metrics" / "ruler.py"
    assert "sklearn" in everywhere(metrics) - when_imported(metrics)
    assert "numpy" in when_imported(metrics)


HEAVY = ["ray", "mlflow", "optuna", "pandas", "pydantic", "sklearn", "ot", "matplotlib", "studies", "services"]

LOADS = """
import importlib, json, sys
loaded = {}
for name in ["gan_core", *sys.argv[1].split(",")]:
    importlib.import_module(name)
    loaded[name] = [package for package in sys.argv[2].split(",") if package in sys.modules]
print(json.dumps(loaded))
"""


def test_importing_the_library_and_all_of_it_loads_nothing_heavy():
    names = [f"gan_core.{module}" for module in MODULES]
    command = [sys.executable, "-c", LOADS, ",".join(names), ",".join([*HEAVY, "torch"])]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=True)
    assert json.loads(result.stdout) == {name: ["torch"] for name in ["gan_core", *names]}


# --- exports


def test_every_export_is_the_object_of_its_module():
    for name in gan_core.__all__:
        exported = getattr(gan_core, name)
        homes = [module for module in MODULES if getattr(import_module(f"gan_core.{module}"), name, None) is exported]
        assert homes, name
        if isclass(exported) and get_args(exported) == ():
            assert getmodule(exported).__name__.startswith("gan_core."), name


def test_exports_are_named_once():
    assert len(set(gan_core.__all__)) == len(gan_core.__all__)


def test_a_star_import_brings_what_is_promised_and_no_more():
    names = {}
    exec("from gan_core import *", names)
    assert set(names) - {"__builtins__"} == set(gan_core.__all__)


@pytest.mark.parametrize("union", [Objective, Constraint, Generator, Critic, Networks, Optimizer, Data], ids=str)
def test_every_member_of_every_union_is_exported(union):
    for member in get_args(union) or (union,):
        assert member.__name__ in gan_core.__all__


def test_unions_themselves_are_exported():
    for name, union in {
        "Objective": Objective,
        "Constraint": Constraint,
        "Generator": Generator,
        "Critic": Critic,
        "Networks": Networks,
        "Optimizer": Optimizer,
        "Data": Data,
    }.items():
        assert getattr(gan_core, name) is union
        assert name in gan_core.__all__


def test_every_contract_that_one_may_fulfil_oneself_is_exported():
    for module in MODULES:
        for name, found in vars(import_module(f"gan_core.{module}")).items():
            if isclass(found) and name.startswith("Any") and isabstract(found):
                assert name in gan_core.__all__, name


def test_every_exported_class_and_function_says_what_it_is():
    for name in gan_core.__all__:
        exported = getattr(gan_core, name)
        if getmodule(exported) is not None and callable(exported) and exported.__module__.startswith("gan_core"):
            assert exported.__doc__, name
            assert not exported.__doc__.startswith(f"{name}("), f"{name} has only the docstring that dataclass made"


def test_example_in_the_librarys_docstring_runs():
    lines = gan_core.__doc__.splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith("    "))
    short = re.sub(r"advance\(100\)", "advance(1)", code)
    assert short != code
    head, last = short.rstrip().rsplit("\n", 1)
    names = {}
    exec(head, names)
    assert eval(last.strip(), names).shape == (3,)
