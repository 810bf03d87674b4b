"""User-defined kinds: `kind = "my_module:MyObjective"` names a class of a module in the study file's folder.

The folder is appended to Python's path, never put in front of it. A module whose name Python also finds elsewhere is
refused, so that driver and workers import the same module. The hash of a module's source is part of the address of
every trial that uses it.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from inspect import isabstract, isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from gan_core.training import OwnLoop, StepLoop, WholeLoop, loop_of_function
from studies.errors import InputError
from studies.file.code_errors import error_in_words
from studies.file.messages import format_value, nearest
from studies.file.refusal import Refusal
from studies.file.trees import Parts, tables

OURS = ("gan_core", "studies", "services")
"""Packages of this distribution, whose names a user's module must not have."""
REFERENCE = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"
"""Regular expression of a kind that names a user's class, as in `my_module:MyObjective`."""
LONGEST_REFERENCE = 200
"""Largest number of characters of such a kind; file systems have no longer names."""


@dataclass(frozen=True)
class _Imported:
    """A user's module as this process imported it.

    folder  folder that it was imported from
    names   names of the module and of the modules in the same folder that it imports, directly or indirectly
    source  hash of the source files of all these modules
    """

    folder: Path
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class _SearchFolder:
    """Folder in which modules are looked up while a study file is read; None for a study of the catalog."""

    folder: Path | None


_imported: dict[str, _Imported] = {}
_search_folder: ContextVar[_SearchFolder | None] = ContextVar("_search_folder", default=None)


def is_reference(kind: Any) -> bool:
    """True if a kind is written as MODULE:CLASS, so that it names a user's class."""
    return isinstance(kind, str) and ":" in kind


def kind_class(reference: str, contract: type, parts: Parts) -> type:
    """The user's class that a study file names: a frozen dataclass that is a subclass of `contract`.

    A training loop may be a function, of which the class is made, and its class need not be frozen.

    Errors: `Refusal` at `parts` if the module cannot be imported or the class is missing or not of that form.
    """
    if len(reference) > LONGEST_REFERENCE or not re.fullmatch(REFERENCE, reference):
        raise Refusal(parts, "must be MODULE:CLASS, as in my_module:MyObjective", f"is {format_value(reference)}")
    module_name, _, class_name = reference.partition(":")
    module = _module(module_name, parts)
    if not hasattr(module, class_name):
        near = nearest(class_name, vars(module))
        hint = f"; did you mean {near}?" if near else ""
        raise Refusal(parts, f"must name a class of {module_name}", f"it has no {class_name}{hint}")
    named = getattr(module, class_name)
    if contract is OwnLoop and isfunction(named):
        return _loop_class(named, reference, parts)
    _check_class(named, class_name, contract, parts)
    return named


@contextmanager
def modules_in(folder: Path | None) -> Iterator[None]:
    """Context in which user's modules are looked up in `folder`, the study file's, and imported again if changed."""
    resolved = None if folder is None else folder.resolve()
    for name, module in list(_imported.items()):
        if module.folder == resolved and _source(resolved, name)[1] != module.source:
            _forget(name)
    token = _search_folder.set(_SearchFolder(resolved))
    try:
        yield
    finally:
        _search_folder.reset(token)


def add_module_folder(folder: str | Path) -> None:
    """Append a folder to Python's path, if it is not there yet."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def module_names(tree: Any) -> set[str]:
    """Names of the user's modules (of a package, its top level) that define the kinds in a tree."""
    kinds = (table.get("kind") for table in tables(tree))
    return {str(kind).partition(":")[0].partition(".")[0] for kind in kinds if is_reference(kind)}


def sources(tree: Any) -> dict[str, str]:
    """Hash of the source of each user's module that a tree uses, taken at its import, by module name."""
    return {name: _imported_module(name).source for name in sorted(module_names(tree))}


def folder_of(tree: Any) -> str | None:
    """Folder of the user's modules that a tree uses, None if it uses none."""
    return next((str(_imported_module(name).folder) for name in sorted(module_names(tree))), None)


def source_paths(name: str) -> list[Path]:
    """Files and package folders of a user's module and of the modules in its folder that it imports."""
    imported = _imported_module(name)
    files = (_files(imported.folder, module)[0] for module in imported.names)
    return [file if file.parent == imported.folder else file.parent for file in files]


def required_packages(name: str) -> list[str]:
    """Sorted names of the distributions whose packages a user's module imports, itself or through `source_paths`."""
    imported, known = _imported_module(name), packages_distributions()
    files = (file for module in imported.names for file in _files(imported.folder, module))
    packages = {package for file in files for package in _named_imports(file)} - {*imported.names, *OURS}
    return sorted({distribution for package in packages for distribution in known.get(package, ())})


def require_sources(sources: Mapping[str, str]) -> None:
    """Import the user's modules named in `sources` and check that each has the source hash given there.

    Errors: `InputError` for the first module that is not found, cannot be imported or has another source.
    """
    for name, source in sources.items():
        if name in _imported and _imported[name].source != source:
            _forget(name)  # the file may have been changed back to the required source
        module = _imported_module(name)
        if module.source != source:
            _forget(name)
            raise InputError(
                f"{name}: must have the source that the study was started with ({source}), but the module in "
                f"{module.folder} has another one ({module.source}); run the study again to repeat the trials that "
                "use it"
            )


def is_hidden(path: Path) -> bool:
    """True for a file that is not part of a package's source: one in a cache or hidden folder, or a hidden file."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def replaced_by(path: Path) -> str | None:
    """Description of the package or standard module that a module at `path` would replace on workers, or None."""
    name = path.stem
    if name in OURS:
        return f"the package {name} of gan-studies"
    return f"Python's own {name}" if name in sys.stdlib_module_names else None


# -- importing --------------------------------------------------------------------------------------------------------


def _module(dotted: str, parts: Parts) -> ModuleType:
    name = dotted.partition(".")[0]
    search = _search_folder.get()
    if name not in _imported:
        if search is not None:
            _check_location(name, search.folder, parts)
        _import(name, parts)
    elif search is not None and search.folder != _imported[name].folder:
        _check_location(name, search.folder, parts)
        first = _imported[name].folder
        raise Refusal(parts, f"must be the module {name} of {first}, which this process has imported", "is another one")
    return _imported_or_refused(dotted, parts)


def _imported_module(name: str) -> _Imported:
    """The record of a user's module, which is imported first if this process has not imported it yet."""
    _module(name, ("the study",))
    return _imported[name]


def _import(name: str, parts: Parts) -> None:
    search = _search_folder.get()
    add_module_folder(Path.cwd() if search is None or search.folder is None else search.folder)
    invalidate_caches()
    module = _imported_or_refused(name, parts)
    file = getattr(module, "__file__", None)
    if file is None:
        raise Refusal(parts, f"needs the module {name}, which must be {name}.py or {name}/__init__.py")
    folder = Path(file).resolve().parent
    folder = folder.parent if hasattr(module, "__path__") else folder
    if search is not None and folder != search.folder:
        raise Refusal(parts, f"must name a module in {search.folder}", f"{name} was already imported from {folder}")
    _imported[name] = _Imported(folder, *_source(folder, name))


def _imported_or_refused(dotted: str, parts: Parts) -> ModuleType:
    # write no bytecode: Python would use it for a changed source of equal size and equal time in whole seconds
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return import_module(dotted)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{dotted}.".startswith(f"{error.name}."):
            raise Refusal(parts, f"needs the module {dotted}, which Python does not find") from None
        raise Refusal(parts, f"needs the module {dotted}, which {describe_error(error)} when it is imported") from None
    finally:
        sys.dont_write_bytecode = dont_write


def describe_error(error: BaseException) -> str:
    """An exception of a user's code as the end of a sentence: "raises TYPE: MESSAGE (FILE, line N)"."""
    return f"raises {error_in_words(error)}"


def _forget(name: str) -> None:
    """Remove a module, and the modules of its folder that it imports, so that the next import reads them again."""
    for top_level in _imported.pop(name).names:
        for module in [loaded for loaded in sys.modules if loaded == top_level or loaded.startswith(f"{top_level}.")]:
            del sys.modules[module]


# -- sources ----------------------------------------------------------------------------------------------------------


def _source(folder: Path, name: str) -> tuple[tuple[str, ...], str]:
    """Sorted names of a module and of the modules in `folder` that it imports, even indirectly; hash of their files."""
    files_of: dict[str, list[Path]] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in files_of and (files := _files(folder, module)):
            files_of[module] = files
            waiting += [imported for file in files for imported in _named_imports(file)]
    digest = sha256()
    for module in sorted(files_of):
        for file in files_of[module]:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return tuple(sorted(files_of)), digest.hexdigest()[:16]


def _files(folder: Path, name: str) -> list[Path]:
    """The source file of a module, or all source files of a package; empty if the folder has neither."""
    package = folder / name
    if (package / "__init__.py").is_file():
        files = (file for file in sorted(package.rglob("*.py")) if not is_hidden(file.relative_to(folder)))
        return [file for file in files if file.is_file()]  # reading a pipe would wait for ever
    return [folder / f"{name}.py"] if (folder / f"{name}.py").is_file() else []


def _named_imports(file: Path) -> Iterator[str]:
    """First part of the name of every module that a file imports by an absolute import."""
    with suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.partition(".")[0]


# -- checks -----------------------------------------------------------------------------------------------------------


def _check_location(name: str, folder: Path | None, parts: Parts) -> None:
    """Check that a module is in the study file's folder, and that Python finds neither it nor its imports elsewhere."""
    if folder is None:
        raise Refusal(parts, "must be a kind of this library in a study of the catalog, whose folder holds no modules")
    if not _files(folder, name):
        near = nearest(name, [path.stem for path in folder.iterdir() if _files(folder, path.stem)])
        hint = f"; did you mean {near}?" if near else ""
        but = f"{folder} has neither {name}.py nor {name}/__init__.py{hint}"
        raise Refusal(parts, "must name a module in the folder of the study file", but)
    for module in _source(folder, name)[0]:
        file = _files(folder, module)[0]
        path = file if file.parent == folder else file.parent
        if (replaced := replaced_by(path)) is not None:
            raise Refusal(parts, f"{path} must have another name, since it would replace {replaced} on the workers")
        if (origin := _other_origin(module, folder)) is not None:
            raise Refusal(parts, f"{path} must have another name, since Python finds {origin} before it")


def _other_origin(name: str, folder: Path) -> str | None:
    """Path of a module of this name outside `folder`, None if Python finds none."""
    other_folders = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    user_files = _files(folder, name)
    for finder in sys.meta_path:
        spec = finder.find_spec(name, other_folders if finder is PathFinder else None)
        if spec is not None and spec.origin is not None and Path(spec.origin).resolve() not in user_files:
            return spec.origin
    return None


def _loop_class(function: Any, reference: str, parts: Parts) -> type:
    try:
        return loop_of_function(function)
    except Exception as error:
        own = isinstance(error, ValueError)  # its message opens with what the function must be
        sentence = str(error) if own else f"must have annotations that can be read, but it {describe_error(error)}"
        raise Refusal(parts, f"{reference} {sentence}") from None


def _check_class(named: Any, name: str, contract: type, parts: Parts) -> None:
    loop = contract is OwnLoop
    must = f"must name a subclass of gan_core.{contract.__name__}"
    must = "must name a function, or a subclass of gan_core.StepLoop or gan_core.WholeLoop" if loop else must
    if not isinstance(named, type):
        value = format_value(named) if isinstance(named, str | int | float) else "not a class"
        raise Refusal(parts, must, f"{name} is {value}")
    if not issubclass(named, (StepLoop, WholeLoop) if loop else contract):
        raise Refusal(parts, must, f"{name} is not one")
    if isabstract(named):
        missing = ", ".join(sorted(getattr(named, "__abstractmethods__", ())))
        raise Refusal(parts, "must name a class without abstract methods", f"{name} does not define {missing}")
    parameters = vars(named).get("__dataclass_params__")
    if loop and parameters is None:
        raise Refusal(parts, "must name a @dataclass, whose fields are its hyperparameters", f"{name} is none")
    if not loop and (parameters is None or not parameters.frozen):
        but = "is not frozen" if parameters is not None else "is not a dataclass"
        raise Refusal(parts, "must name a @dataclass(frozen=True)", f"{name} {but}")
