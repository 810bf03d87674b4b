"""A trained generator as a model of MLflow: a folder with its files, the code that samples it, and its requirements."""

import shutil
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from warnings import catch_warnings, simplefilter

import gan_core
from gan_core.generator_files import save_generator
from studies.exporting.exported_generator import ExportedGenerator
from studies.file.modules import modules_in, required_packages, source_paths
from studies.reporting.text.template_environment import template_environment
from studies.tracking.connection import mlflow_module

LOADER = "sampled_generator"
"""Beginning of the name of the module in the model that MLflow imports to load it.

A hash of the module follows: a process that loads several models imports each module under its own name.
"""
REQUIREMENTS = ("annotated-types", "jaxtyping", "lazy-loader", "numpy", "safetensors", "torch")
"""Packages that gan_core imports when it samples a generator; MLflow adds itself, which requires pandas."""


def save_model(path: Path, exported: ExportedGenerator, metadata: Any, folder: Path | None) -> None:
    """Write exported generators as a model of MLflow, which `mlflow.pyfunc.load_model` reads without gan-studies.

    The model carries the source of gan_core, and that of the module of a network of the user's.

    path      folder of the model, which must not exist
    metadata  the `mlflow.models.Model` whose description is written with it
    folder    where a user's module is looked up besides `sys.path`
    """
    mlflow_module()
    with catch_warnings():
        simplefilter("ignore")  # MLflow's advice on type hints and examples
        import mlflow.pyfunc
    with TemporaryDirectory() as temporary:
        files, code = Path(temporary) / "generator", Path(temporary) / "code"
        save_generator(files, exported.generator)
        packages = _copy_code(code, exported, folder)
        loader = _write_loader(code, exported)
        with catch_warnings():
            simplefilter("ignore")
            mlflow.pyfunc.save_model(
                path,
                loader_module=loader,
                data_path=str(files),
                code_paths=[str(entry) for entry in sorted(code.iterdir())],
                mlflow_model=metadata,
                signature=_signature(exported),
                pip_requirements=[f"{name}=={_public_version(name)}" for name in packages],
                uv_project_path=temporary,  # has no project: the one of the working folder is not the model's
            )


def _copy_code(code: Path, exported: ExportedGenerator, folder: Path | None) -> list[str]:
    """Write the code that loads and samples a generator, and return the packages that it imports."""
    package = Path(gan_core.__file__).parent
    shutil.copytree(package, code / package.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    packages = set(REQUIREMENTS)
    if exported.own is not None:
        module = exported.own.module.partition(".")[0]
        with modules_in(folder):
            packages |= set(required_packages(module))
            for source in source_paths(module):
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                copy(source, code / source.name)
    return sorted(packages)


def _write_loader(code: Path, exported: ExportedGenerator) -> str:
    """Write the module that MLflow imports to load the model, and return its name."""
    about = exported.generator.about
    template = template_environment("studies.tracking", keep_trailing_newline=True).get_template(f"{LOADER}.py.jinja")
    script = template.render(
        study=about["study"],
        condition=about["condition"],
        own=exported.own,
        classes=exported.generator.classes is not None,
    )
    name = f"{LOADER}_{sha256(script.encode()).hexdigest()[:8]}"
    (code / f"{name}.py").write_text(script, encoding="utf-8")
    return name


def _signature(exported: ExportedGenerator) -> Any:
    """Names, types and defaults of what `predict` takes, and the shape of what it returns."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    sample = exported.generator.sample(1)
    labels = [] if exported.generator.classes is None else [ParamSpec("labels", "string", "")]
    return ModelSignature(
        inputs=Schema([ColSpec("long", "count")]),
        outputs=Schema([TensorSpec(sample.dtype, (-1, *sample.shape[1:]))]),
        params=ParamSchema(
            [
                ParamSpec("seed", "long", 0),
                ParamSpec("member", "long", 0),
                ParamSpec("in_units", "boolean", False),
                *labels,
            ]
        ),
    )


def _public_version(package: str) -> str:
    """Version of an installed package without the label of its build, as in 2.13.0 of 2.13.0+cpu."""
    return version(package).partition("+")[0]
