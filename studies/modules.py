"""A user's own kinds: `kind = "my_module:MyObjective"` is a class of a module beside the study file.

The folder is appended to Python's path and never put before it, and a module that bears the name of another one that
Python finds is refused, so that driver and workers mean the same by a name. What a module computes is known by the
hash of its source, which stands in the address of every trial that uses it.
"""

import ast
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from inspect import isabstract
from pathlib import Path
from types import ModuleType
from typing import Any

from studies.errors import InputError
from studies.refusal import Parts, Refusal
from studies.sentences import nearest, shown

OURS = ("gan_core", "studies", "services")
_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True)
class _Imported:
    """A module as this process imported it.

    names  it and the modules beside it that it imports, since they are a part of what it computes
    """

    folder: Path
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class _Beside:
    """Where modules are looked up while a study file is read; a study of the catalog has no folder."""

    folder: Path | None


_imported: dict[str, _Imported] = {}
_beside: ContextVar[_Beside | None] = ContextVar("_beside", default=None)


def is_reference(kind: Any) -> bool:
    """Whether a kind names a class of the user's rather than one of ours."""
    return isinstance(kind, str) and ":" in kind


def kind_class(reference: str, contract: type, parts: Parts) -> type:
    """The class that a study file names, a frozen dataclass that fulfils a contract of the library.

    Errors: `Refusal` at `parts`, in one sentence, for whatever stands in the way of that.
    """
    if not _REFERENCE.fullmatch(reference):
        raise Refusal(parts, "must be MODULE:CLASS, as in my_module:MyObjective", f"is {shown(reference)}")
    name, _, wanted = reference.partition(":")
    module = _module(name, parts)
    if not hasattr(module, wanted):
        near = nearest(wanted, vars(module))
        hint = f"; did you mean {near}?" if near else ""
        raise Refusal(parts, f"must name a class of {name}", f"it has no {wanted}{hint}")
    found = getattr(module, wanted)
    _refuse_misfit(found, wanted, contract, parts)
    return found


@contextmanager
def beside(folder: Path | None) -> Iterator[None]:
    """Look modules up in this folder, that of the study file, and read those again whose source has changed."""
    resolved = None if folder is None else folder.resolve()
    for name, module in list(_imported.items()):
        if module.folder == resolved and _source(resolved, name)[1] != module.source:
            _forget(name)
    token = _beside.set(_Beside(resolved))
    try:
        yield
    finally:
        _beside.reset(token)


def look_in(folder: str | Path) -> None:
    """Append a folder to the path on which modules are found."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def names_in(tree: Any) -> set[str]:
    """The user's modules that the kinds in a table name."""
    if isinstance(tree, Mapping):
        own = {tree["kind"].partition(":")[0].partition(".")[0]} if is_reference(tree.get("kind")) else set()
        return own.union(*(names_in(value) for value in tree.values()))
    return set[str]().union(*(names_in(value) for value in tree)) if isinstance(tree, list | tuple) else set()


def sources(tree: Any) -> dict[str, str]:
    """The hash of the source of each user's module that a table uses, as it was imported; by the module's name."""
    return {name: _known(name).source for name in sorted(names_in(tree))}


def folder_of(tree: Any) -> str | None:
    """The folder of the modules that a table uses, None if it uses none."""
    return next((str(_known(name).folder) for name in sorted(names_in(tree))), None)


def require(known: Mapping[str, str]) -> None:
    """Import modules by their names, and see that each has the source that it had when a study was planned.

    Errors: `InputError` for the first that is not found, cannot be imported or has another source.
    """
    for name, source in known.items():
        if name in _imported and _imported[name].source != source:
            _forget(name)  # it may have been changed back
        found = _known(name)
        if found.source != source:
            _forget(name)
            raise InputError(
                f"{name}: must have the source that the study was started with ({source}), but what stands in "
                f"{found.folder} has another one ({found.source}); run the study again, which repeats what it changes"
            )


def is_hidden(path: Path) -> bool:
    """Whether a file of a package is none of its own: a cache, an editor's copy."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def replaced_by(path: Path) -> str | None:
    """What a module of this name would replace on the workers: a package of ours, or a part of Python."""
    name = path.stem
    if name in OURS:
        return f"the package {name} of gan-studies"
    return f"Python's own {name}" if name in sys.stdlib_module_names else None


# -- importing --------------------------------------------------------------------------------------------------------


def _module(dotted: str, parts: Parts) -> ModuleType:
    name = dotted.partition(".")[0]
    place = _beside.get()
    if name not in _imported:
        if place is not None:
            _refuse_elsewhere(name, place.folder, parts)
        _import(name, parts)
    elif place is not None and place.folder != _imported[name].folder:
        _refuse_elsewhere(name, place.folder, parts)
        where = _imported[name].folder
        raise Refusal(parts, f"must be the {name} that this process has imported, from {where}", "is another one")
    return _imported_or_refused(dotted, parts)


def _known(name: str) -> _Imported:
    _module(name, ("the study",))
    return _imported[name]


def _import(name: str, parts: Parts) -> None:
    place = _beside.get()
    look_in(Path.cwd() if place is None or place.folder is None else place.folder)
    invalidate_caches()
    module = _imported_or_refused(name, parts)
    file = getattr(module, "__file__", None)
    if file is None:
        raise Refusal(parts, f"needs the module {name}, which must be {name}.py or {name}/__init__.py")
    folder = Path(file).resolve().parent
    folder = folder.parent if hasattr(module, "__path__") else folder
    if place is not None and folder != place.folder:
        raise Refusal(parts, f"must name a module of {place.folder}", f"{name} is imported from {folder} already")
    _imported[name] = _Imported(folder, *_source(folder, name))


def _imported_or_refused(dotted: str, parts: Parts) -> ModuleType:
    # Python tells an outdated bytecode file by whole seconds and its size alone, so none is left beside the study.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return import_module(dotted)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{dotted}.".startswith(f"{error.name}."):
            raise Refusal(parts, f"needs the module {dotted}, which Python does not find") from None
        raise Refusal(parts, f"needs the module {dotted}, which {raises(error)} when it is imported") from None
    finally:
        sys.dont_write_bytecode = writes


def raises(error: BaseException) -> str:
    """What a user's code did, in words: the exception and the line."""
    said = " ".join(str(error).split())[:200]
    frames = [] if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)
    line = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"raises {type(error).__name__}: {said}{line}"


def _forget(name: str) -> None:
    """Let the next import read a module, and those beside it that it imports, again."""
    for one in _imported.pop(name).names:
        for module in [known for known in sys.modules if known == one or known.startswith(f"{one}.")]:
            del sys.modules[module]


# -- sources ----------------------------------------------------------------------------------------------------------


def _source(folder: Path, name: str) -> tuple[tuple[str, ...], str]:
    """A module with those beside it that it imports, and the hash of all their files."""
    found: dict[str, list[Path]] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found and (files := _files(folder, one)):
            found[one] = files
            waiting += [other for file in files for other in _named_imports(file)]
    digest = sha256()
    for one in sorted(found):
        for file in found[one]:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return tuple(sorted(found)), digest.hexdigest()[:16]


def _files(folder: Path, name: str) -> list[Path]:
    """A module's source: of a package every file in it; none if no such module stands in the folder."""
    package = folder / name
    if (package / "__init__.py").is_file():
        return [file for file in sorted(package.rglob("*.py")) if not is_hidden(file.relative_to(folder))]
    return [folder / f"{name}.py"] if (folder / f"{name}.py").is_file() else []


def _named_imports(file: Path) -> Iterator[str]:
    """The first words of the absolute imports anywhere in a file."""
    with suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.partition(".")[0]


# -- what is refused --------------------------------------------------------------------------------------------------


def _refuse_elsewhere(name: str, folder: Path | None, parts: Parts) -> None:
    """A module must stand beside the study file, and it and what it imports from there must be found nowhere else."""
    if folder is None:
        raise Refusal(parts, "must be a kind of ours in a study of the catalog, beside which no module of yours stands")
    if not _files(folder, name):
        near = nearest(name, [path.stem for path in folder.iterdir() if _files(folder, path.stem)])
        hint = f"; did you mean {near}?" if near else ""
        but = f"{folder} has neither {name}.py nor {name}/__init__.py{hint}"
        raise Refusal(parts, "must name a module beside the study file", but)
    for one in _source(folder, name)[0]:
        file = _files(folder, one)[0]
        path = file if file.parent == folder else file.parent
        if (other := replaced_by(path)) is not None:
            raise Refusal(parts, f"{path} must have another name, since it would replace {other} on the workers")
        if (origin := _origin_elsewhere(one, folder)) is not None:
            raise Refusal(parts, f"{path} must have another name, since Python finds {origin} before it")


def _origin_elsewhere(name: str, folder: Path) -> str | None:
    """Where else a module of this name is found."""
    others, own = [entry for entry in sys.path if Path(entry or ".").resolve() != folder], _files(folder, name)
    for finder in sys.meta_path:
        spec = finder.find_spec(name, others if finder is PathFinder else None)
        if spec is not None and spec.origin is not None and Path(spec.origin).resolve() not in own:
            return spec.origin
    return None


def _refuse_misfit(found: Any, name: str, contract: type, parts: Parts) -> None:
    must = f"must name a subclass of gan_core.{contract.__name__}"
    if not isinstance(found, type):
        raise Refusal(parts, must, f"{name} is {shown(found) if isinstance(found, str | int | float) else 'no class'}")
    if not issubclass(found, contract):
        raise Refusal(parts, must, f"{name} is none")
    if isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise Refusal(parts, "must name a class that is complete", f"{name} does not define {missing}")
    parameters = vars(found).get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        but = "is not frozen" if parameters is not None else "is none"
        raise Refusal(parts, "must name a @dataclass(frozen=True)", f"{name} {but}")
