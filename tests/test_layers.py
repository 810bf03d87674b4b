"""The rooms import one way, the library stays light, and its exports are complete."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from inspect import getmodule, isabstract, isclass
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args

import pytest

import gan_core
from gan_core.constraints import Constraint
from gan_core.data import Data
from gan_core.networks import Critic, Generator, Networks
from gan_core.objectives import Objective
from gan_core.training import Optimizer

ROOT = Path(__file__).parent.parent
PACKAGES = ["gan_core", "studies", "services"]
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
LIBRARY = [path for path in FILES if path.is_relative_to(ROOT / "gan_core")]
EXPORTS: list[str] = vars(gan_core)["__all__"]
MODULES = [module.name for module in iter_modules(gan_core.__path__)]

every_library_file = pytest.mark.parametrize(
    "path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)) if isinstance(path, Path) else None
)


def packages(nodes):
    """The packages that import statements name, by their first word."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that this test can read them"
            names.add((node.module or "").split(".")[0])
    return names


def imported_anywhere(path):
    return packages(ast.walk(ast.parse(path.read_text())))


def imported_at_once(path):
    """Packages imported when the module is: by all statements except those in functions and for type checkers."""

    def for_type_checkers(node):
        return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"

    def outside_functions(node):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not for_type_checkers(node):
            for child in ast.iter_child_nodes(node):
                yield from outside_functions(child)

    return packages(outside_functions(ast.parse(path.read_text())))


# --- imports


def run_linter(folder, config):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", "--config", str(config)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


def test_rooms_import_one_way_without_a_circle():
    """The contracts of import-linter in pyproject.toml, which count imports in functions and for type checkers."""
    result = run_linter(ROOT, ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gan_core/shapes.py", "def later():\n    from gan_core.data import Dataset\n"),
        ("studies/statistics/power.py", "from studies.tables.results import Results\n"),
        (
            "studies/tables/results.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import studies.tracking.tracker\n",
        ),
        ("studies/file/study.py", "from services.cli.app import main\n"),
    ],
)
def test_a_forbidden_import_is_found(file, line, tmp_path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}")
    assert run_linter(tmp_path, ROOT / "pyproject.toml").returncode == 1


def test_nothing_imports_the_tests_or_the_benchmarks():
    tests = {path.stem for path in (ROOT / "tests").glob("*.py")}
    for path in FILES:
        assert not imported_anywhere(path) & {"tests", "benchmarks", *tests}, path


def test_no_two_files_have_the_same_name():
    names = Counter(path.name for path in FILES if path.name not in ("__init__.py", "__main__.py"))
    assert [name for name, count in names.items() if count > 1] == []


STDLIB = set(sys.stdlib_module_names)
ALWAYS = {"gan_core", "torch", "numpy", "jaxtyping", "annotated_types", "lazy_loader"}
WITHIN_FUNCTIONS = {"scipy", "sklearn", "ot", "platformdirs", "PIL", "pyarrow", "mlxtend", "safetensors"}


@every_library_file
def test_library_imports_little_when_it_is_imported(path):
    assert imported_at_once(path) <= STDLIB | ALWAYS


@every_library_file
def test_library_imports_nothing_else_later_but_what_its_functions_need(path):
    assert imported_anywhere(path) <= STDLIB | ALWAYS | WITHIN_FUNCTIONS


def test_imports_in_functions_are_told_from_those_of_the_module():
    """A test of the two functions above."""
    metrics = ROOT / "gan_core" / "metrics" / "occupancy.py"
    assert "sklearn" in imported_anywhere(metrics) - imported_at_once(metrics)
    assert "numpy" in imported_at_once(metrics)


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
    loaded = json.loads(result.stdout)
    assert loaded["gan_core"] == [], "names are imported on first use"
    assert all(packages in ([], ["torch"]) for packages in loaded.values()), loaded


# --- exports


def test_every_export_is_the_object_of_its_module():
    for name in EXPORTS:
        exported = getattr(gan_core, name)
        homes = [module for module in MODULES if getattr(import_module(f"gan_core.{module}"), name, None) is exported]
        assert homes, name
        if isclass(exported) and get_args(exported) == ():
            assert exported.__module__.startswith("gan_core."), name


def test_exports_are_named_once():
    assert len(set(EXPORTS)) == len(EXPORTS)


def test_a_star_import_brings_what_is_promised_and_no_more():
    names: dict[str, Any] = {}
    exec("from gan_core import *", names)
    assert set(names) - {"__builtins__"} == set(EXPORTS)


@pytest.mark.parametrize("union", [Objective, Constraint, Generator, Critic, Networks, Optimizer, Data], ids=str)
def test_every_member_of_every_union_is_exported(union):
    for member in get_args(union) or (union,):
        assert member.__name__ in EXPORTS, f"gan_core/__init__.pyi must have the name {member.__name__}"


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
        assert name in EXPORTS


def test_every_contract_for_a_users_own_kind_is_exported():
    for module in MODULES:
        for name, found in vars(import_module(f"gan_core.{module}")).items():
            if isclass(found) and name.startswith("Any") and isabstract(found):
                assert name in EXPORTS, name


def test_every_exported_class_and_function_has_a_docstring():
    for name in EXPORTS:
        exported = getattr(gan_core, name)
        if getmodule(exported) is not None and callable(exported) and exported.__module__.startswith("gan_core"):
            assert exported.__doc__, name
            assert not exported.__doc__.startswith(f"{name}("), f"{name} has only the docstring that dataclass made"


def test_example_in_the_docstring_of_the_library_runs():
    lines = gan_core.__doc__.splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith("    "))
    short = re.sub(r"advance\(100\)", "advance(1)", code)
    assert short != code
    head, last = short.rstrip().rsplit("\n", 1)
    names: dict[str, Any] = {}
    exec(head, names)
    assert eval(last.strip(), names).shape == (3,)
