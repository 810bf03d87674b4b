"""Declarations of pyproject.toml: the packages that each part of gan-studies imports, and their lowest versions."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from studies.requirements import PACKAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: Mapping[str, list[str]] = PROJECT["optional-dependencies"]
DISTRIBUTIONS = packages_distributions()
OURS = {"gan_core", "studies", "services"}
OF_A_NOTEBOOK = {"IPython"}
"""Imported only inside a notebook, which has it."""
OF_ANOTHER = {"pydantic_core": "pydantic"}
"""Packages that a declared one pins to one version."""
NOT_IMPORTED = {"psycopg2-binary"}
"""SQLAlchemy imports it, for an address postgresql://."""


def requirements(lines: list[str]) -> list[Requirement]:
    """Requirements of a list and of the extras of gan-studies that it names."""
    listed = [Requirement(line) for line in lines]
    own = [extra for requirement in listed if requirement.name == PROJECT["name"] for extra in requirement.extras]
    others = [requirement for requirement in listed if requirement.name != PROJECT["name"]]
    return others + [nested for extra in own for nested in requirements(EXTRAS[extra])]


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements(lines)}


LIBRARY = names(PROJECT["dependencies"])


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """Third-party packages that the modules of a folder import anywhere, each with the file."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for package in {module.partition(".")[0] for module in modules} - OURS - set(sys.stdlib_module_names):
                yield package, str(path.relative_to(ROOT))


def declared_as(package: str) -> set[str]:
    """Names of the distributions that hold a package."""
    return {canonicalize_name(name) for name in DISTRIBUTIONS[OF_ANOTHER.get(package, package)]}


def modules_in(folder: Path) -> set[str]:
    """Modules and packages of a folder that its programs import by their own names."""
    return {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize(
    ("folder", "lines"),
    [
        ("gan_core", [*PROJECT["dependencies"], "gan-studies[examples]"]),
        ("studies", [*PROJECT["dependencies"], "gan-studies[studies]"]),
        ("services/cli", [*PROJECT["dependencies"], "gan-studies[studies]"]),
        ("services", [*PROJECT["dependencies"], "gan-studies[cluster]"]),
        ("tests", [*PROJECT["dependencies"], "gan-studies[dev]"]),
        ("benchmarks", [*PROJECT["dependencies"], "gan-studies[dev]"]),
        ("docs", [*PROJECT["dependencies"], "gan-studies[dev]"]),
    ],
)
def test_what_a_part_imports_is_declared(folder: str, lines: list[str]) -> None:
    modules = {name for part in ("tests", "benchmarks", "docs") for name in modules_in(ROOT / part)}
    for package, file in imported(folder):
        if package not in modules | OF_A_NOTEBOOK:
            assert declared_as(package) & names(lines), f"{file} imports {package}, which is not declared"


def test_an_import_that_is_not_declared_is_found() -> None:
    packages = {package for package, _ in imported("services")}
    assert "aiohttp" in packages
    assert not declared_as("aiohttp") & LIBRARY


def test_what_is_declared_is_imported() -> None:
    used = {name for folder in OURS for package, _ in imported(folder) for name in DISTRIBUTIONS.get(package, [])}
    declared = LIBRARY | names(["gan-studies[cluster,examples]"])
    assert declared - {canonicalize_name(name) for name in used} == NOT_IMPORTED


def test_the_packages_of_the_extra_are_those_that_studies_check() -> None:
    of_the_extra = {canonicalize_name(Requirement(line).name) for line in EXTRAS["studies"]}
    assert {name for package in PACKAGES for name in declared_as(package) & of_the_extra} == of_the_extra
    assert len(PACKAGES) == len(of_the_extra)


# -- the library alone --------------------------------------------------------------------------------------------


@pytest.fixture
def library_alone(tmp_path: Path) -> list[str]:
    """The start of a command with a Python that finds gan-studies and lazy-loader, but no other package."""
    (spec,) = find_spec("lazy_loader").submodule_search_locations  # type: ignore[union-attr, misc]
    (tmp_path / "lazy_loader").symlink_to(spec)
    return ["env", f"PYTHONPATH={ROOT}:{tmp_path}", sys.executable, "-S"]


MISSING = (
    "studies need the extra [studies] of gan-studies, which is not installed (it lacks aiohttp and 17 others): "
    "pip install 'gan-studies[studies]', or '.[studies]' in a copy of its repository"
)


def test_the_command_names_the_missing_extra(library_alone: list[str]) -> None:
    command = [*library_alone, "-m", "services", "validate", "first-study"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gan-study: {MISSING}\n")


@pytest.mark.parametrize("program", ["import studies", "import services; services.submit"])
def test_an_import_names_the_missing_extra(program: str, library_alone: list[str]) -> None:
    done = subprocess.run([*library_alone, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {MISSING}"


# -- lowest versions ----------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, Version]:
    lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pairs = [line.partition("==") for line in lines]
    return {canonicalize_name(package): Version(version) for package, _, version in pairs}


@pytest.mark.parametrize("extra", ["", "studies", "cluster", "examples"])
def test_every_lower_bound_is_the_version_that_the_tests_of_the_lowest_versions_install(extra: str) -> None:
    lowest = pins("constraints-lowest.txt")
    for line in EXTRAS[extra] if extra else PROJECT["dependencies"]:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            (bound,) = requirement.specifier
            assert bound.operator == ">="
            assert lowest[canonicalize_name(requirement.name)] == Version(bound.version), line


def test_the_tested_versions_are_not_below_the_lowest() -> None:
    tested = pins("constraints.txt")
    for requirement in requirements([*PROJECT["dependencies"], "gan-studies[dev]"]):
        assert tested[canonicalize_name(requirement.name)] in requirement.specifier, requirement
