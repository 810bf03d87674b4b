"""The wheel and the source archive: what they hold, and that pip installs them into an empty environment."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from tiny import TINY

ROOT = Path(__file__).parents[1]
PACKAGES = ("gan_core", "studies", "services")
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The source archive, and the wheel that was built from it, by their endings."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True)
    return {path.suffix: path for path in folder.iterdir()}


def tracked(*folders: str) -> set[str]:
    command = ["git", "ls-files", "-z", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(listed.split("\0")) - {""}


def test_the_wheel_has_every_file_of_the_packages_and_no_other(archives: Mapping[str, Path]) -> None:
    names = set(zipfile.ZipFile(archives[".whl"]).namelist())
    metadata = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert names - metadata == tracked(*PACKAGES)
    assert {"studies/catalog/first-study.toml", "gan_core/py.typed", "services/docker/Dockerfile"} <= names


def test_the_source_archive_has_every_file_of_the_repository(archives: Mapping[str, Path]) -> None:
    with tarfile.open(archives[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == tracked() | {"PKG-INFO"}


class Environment:
    """A virtual environment without any package of this one."""

    def __init__(self, folder: Path):
        self.folder = folder
        venv.create(folder, with_pip=True)

    def call(self, name: str, *arguments: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [str(self.folder / "bin" / name), *map(str, arguments)]
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            command, cwd=folder or self.folder, env=variables, capture_output=True, text=True, check=False
        )

    def install(self, archive: Path, extra: str = "") -> None:
        constraints = ROOT / "constraints.txt"
        done = self.call("python", "-m", "pip", "install", "--constraint", constraints, f"{archive}{extra}")
        assert done.returncode == 0, done.stderr

    def has(self, package: str) -> bool:
        return self.call("python", "-c", f"import {package}").returncode == 0


def test_the_library_and_then_studies_are_installed_and_work(archives: Mapping[str, Path], tmp_path: Path) -> None:
    environment, work = Environment(tmp_path / "environment"), tmp_path / "work"
    work.mkdir()

    environment.install(archives[".gz"])
    assert not any(environment.has(package) for package in ("ray", "mlflow", "pandas", "optuna", "matplotlib", "typer"))
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(encoding="utf-8"), re.DOTALL)
    done = environment.call("python", "-W", "error", "-c", program, folder=work)
    assert done.returncode == 0, done.stderr
    assert (work / "trained" / "generator.safetensors").exists()
    refused = environment.call("gan-study", "validate", "first-study", folder=work)
    assert refused.returncode == 2
    assert refused.stderr.startswith("gan-study: studies need the extra [studies]")
    assert refused.stderr.count("\n") == 1

    environment.install(archives[".whl"], "[studies]")
    valid = environment.call("gan-study", "validate", "first-study", folder=work)
    assert valid.returncode == 0, valid.stderr
    assert valid.stdout.startswith("first-study is valid")
    (work / "tiny.toml").write_text(TINY)
    ran = environment.call("gan-study", "run", "tiny.toml", folder=work)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    table = environment.call("gan-study", "results", "tiny", "--format", "csv", folder=work)
    assert table.stdout.startswith("study,rank,condition,"), table.stderr
    assert (work / "mlflow.db").exists()
