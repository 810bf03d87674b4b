"""Imports at start-up: heavy packages are loaded by the commands and functions that use them, and by no others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    *("torch", "torch._dynamo", "ray", "mlflow", "pandas", "matplotlib", "aiohttp", "optuna", "scipy", "sklearn"),
    "jinja2",
)
COMMAND = """if True:
    import sys
    sys.argv = ["gan-study", *{arguments!r}]
    from services.cli.app import main
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
"""
REPORT = """
import json, sys
print("\\n" + json.dumps(sorted(set({heavy!r}) & set(sys.modules))))
"""


def loaded(program: str, folder: Path) -> set[str]:
    """The heavy packages that a process has loaded after it ran the program."""
    done = subprocess.run(
        [sys.executable, "-c", program + REPORT.format(heavy=HEAVY)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments: str) -> str:
    return COMMAND.format(arguments=list(arguments))


@pytest.mark.parametrize("program", ["import gan_core", "import studies", "import gan_core, studies, services"])
def test_an_import_loads_no_heavy_package(program: str, tmp_path: Path) -> None:
    assert loaded(program, tmp_path) == set()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_no_heavy_package(argument: str, tmp_path: Path) -> None:
    assert loaded(command(argument), tmp_path) == set()


def test_the_list_of_objectives_loads_neither_torch_nor_ray_nor_mlflow_nor_pandas(tmp_path: Path) -> None:
    assert loaded(command("objectives"), tmp_path).isdisjoint({"torch", "ray", "mlflow", "pandas"})


def test_the_description_of_a_preset_loads_neither_ray_nor_mlflow_nor_pandas(tmp_path: Path) -> None:
    assert loaded(command("objectives", "wgan-gp"), tmp_path).isdisjoint({"ray", "mlflow", "pandas"})


NETWORKS = """
from gan_core.networks import ConvCritic, ConvGenerator, MLPCritic, MLPGenerator, parameter_count
from gan_core.shapes import SampleShape
for network in (MLPGenerator(), MLPCritic(), ConvGenerator(), ConvCritic(initialisation="dcgan")):
    assert parameter_count(network, SampleShape(shape=(1, 28, 28), bounded=True)) > 1000
"""


def test_counting_parameters_loads_no_compiler(tmp_path: Path) -> None:
    assert "torch._dynamo" not in loaded(NETWORKS, tmp_path)


def test_digits_are_read_without_scikit_learn(tmp_path: Path) -> None:
    assert "sklearn" not in loaded("from gan_core.data import Digits; Digits().load()", tmp_path)
    assert loaded(command("validate", "first-study"), tmp_path).isdisjoint({"sklearn", "scipy", "ray", "pandas"})


def test_importing_studies_alone_makes_its_functions_and_classes_available(tmp_path: Path) -> None:
    program = """if True:
        import studies
        assert callable(studies.results)
        assert callable(studies.compare)
        assert isinstance(studies.Comparison, type)
        assert studies.Study.load("first-study", smoke=True).name == "first-study-smoke"
    """
    assert loaded(program, tmp_path).isdisjoint({"ray", "mlflow", "optuna", "matplotlib"})


def test_templates_are_loaded_with_the_first_sentence(tmp_path: Path) -> None:
    program = """if True:
        from studies.reporting.text.headline import NoResultsYet
        from studies.reporting.text.sentences import sentence
        import studies.reporting.terminal.verdict_text
        finding = NoResultsYet()
    """
    assert "jinja2" not in loaded(program, tmp_path)
    assert "jinja2" in loaded(f"{program}    sentence(finding)", tmp_path)


def test_a_name_of_a_package_is_imported_on_first_use(tmp_path: Path) -> None:
    assert loaded("import studies; studies.InputError", tmp_path) == set()
    assert "pandas" not in loaded("import studies; studies.Study", tmp_path)
    assert "pandas" in loaded("import studies; studies.Results", tmp_path)


@pytest.mark.parametrize("package", ["gan_core", "studies"])
def test_every_exported_name_can_be_imported(package: str, tmp_path: Path) -> None:
    program = f"import {package} as package; [getattr(package, name) for name in package.__all__]"
    assert loaded(program, tmp_path).isdisjoint({"ray", "mlflow"})
