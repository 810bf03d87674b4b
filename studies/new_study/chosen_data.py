"""The data of a new study, from a short text such as `folder:photos`, `table:x.csv` or `ring`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from gan_core.data import AnyData, Data, Dataset, Dirac, Images, Sizes, Table
from gan_core.evaluation import EvaluationSettings
from studies.errors import InputError
from studies.file.messages import escape_control, format_value, nearest
from studies.file.modules import is_reference, modules_in
from studies.file.real_samples import load_samples, sizes_of
from studies.file.refusal import Refusal
from studies.file.source import catalog
from studies.file.trees import Tree
from studies.file.validation import build

LARGEST_SIDE = 32
"""Height and width to which larger images are resized: more take too long on a processor."""
SMALLEST_SIDE = 4
"""Height and width to which smaller images are resized."""
FEWEST_FAKES, LEAST_SAMPLES = 50, 63
"""Smallest number of fakes in an evaluation, and of samples, of which as many are left beside one held-out fifth."""
MOST_BROKEN = 0.1
"""Files that cannot be read are left out of a new study if there is at most one for ten images."""
MOST_COMPARED = 0.9
"""Largest share of the samples beside the held-out ones that is compared, where they are few: an image may be removed
from the folder later."""
TABLES = (".csv", ".tsv", ".parquet")
"""Endings of the names of files that hold tables."""
_KINDS = [kind.kind for kind in get_args(Data) if kind not in (Images, Table, Dirac)]
"""Kinds of the data sets that need no path, but for `dirac`, which has networks of its own."""
_PATHS = ("folder", "array", "table")
"""Words before the path of one's own data."""


@dataclass(frozen=True, kw_only=True)
class ChosenData:
    """Data that a new study is written for, as they were found.

    table    table `[data]` of the study file; `path` is absolute
    name     name of the study, if the user gives none
    words    noun phrase for the data, as in "the images in photos"
    samples  the loaded samples
    notes    sentences about what of them is left out
    """

    table: Tree
    name: str
    words: str
    samples: Dataset
    notes: tuple[str, ...]

    @property
    def evaluation(self) -> Tree:
        """Fields of `[evaluation]` whose defaults these data are too few for; some samples may be removed later."""
        settings, samples = EvaluationSettings(), self.samples
        most = samples.count - len(samples.test)
        enough = most if most >= settings.samples else max(FEWEST_FAKES, int(MOST_COMPARED * most) // 10 * 10)
        needed = {"samples": min(settings.samples, enough), "cells": min(settings.cells, len(samples.train))}
        return {name: number for name, number in needed.items() if number != getattr(settings, name)}


def chosen_data(text: str, folder: Path, label: str = "") -> ChosenData:
    """The data that a text names, which are loaded.

    text    kind of a data set (`ring`), `folder:PATH`, `array:PATH`, `table:PATH`, a path alone, or `MODULE:CLASS`
    folder  folder of the study file, in which a user's module is looked up
    label   column of a table that holds the class of each row; empty for none

    Errors: `InputError` for a text that names no data, and for data that no study can be made of.
    """
    word, colon, rest = text.partition(":")
    of_path = word if colon and word in _PATHS else ""
    is_table = of_path == "table" or (not of_path and text.lower().endswith(TABLES))
    if label and not is_table:
        raise InputError(
            f"--label: must name a column of a table, but --data is {escape_control(text)}; --conditional takes the "
            "classes that other data have"
        )
    try:
        with modules_in(folder):
            if of_path:
                return _of_path(rest, word, label)
            if text in _KINDS:
                return _loaded({"kind": text}, name=f"{text}-study", words=f"the data set {text.replace('_', ' ')}")
            if os.path.exists(Path(text).expanduser()):
                return _of_path(text, "table" if is_table else "", label)
            if is_reference(text) and not re.search(r"[/\\]", text):
                name = text.partition(":")[2]
                return _loaded({"kind": text}, name=_named(name), words=f"the data {name}")
    except Refusal as refusal:
        options = {"path": "--data", "label": "--label"}
        field = str(refusal.parts[-1])
        at = (options[field],) if field in options else ("--data", *refusal.parts[1:])
        raise Refusal(at, refusal.must, refusal.but) from None
    raise _unknown(text)


def _unknown(text: str) -> InputError:
    if text == Dirac.kind:
        return InputError("--data: must be data for networks of any kind; gan-study run dirac-map runs the Dirac pair")
    near = nearest(text, _KINDS)
    return InputError(
        f"--data: must be {', '.join(f'{word}:PATH' for word in _PATHS)}, the path of a folder or file, MODULE:CLASS, "
        f"or one of {', '.join(_KINDS)}, but is {format_value(text)}" + (f"; did you mean {near}?" if near else "")
    )


def _of_path(given: str, word: str, label: str) -> ChosenData:
    path = Path(given).expanduser().absolute()
    _check_path(path, given, word)
    shown = escape_control(path.name)
    name = _named(path.name if path.is_dir() else path.name.partition(".")[0])
    if word == "table":
        with _refusals():
            columns, others = Table(path=str(path), label=label).columns_by_use()
        table: Tree = {"kind": Table.kind, "path": str(path), **({"columns": columns} if others else {})}
        table |= {"label": label} if label else {}
        listed = ", ".join(map(escape_control, others))
        left_out = (f"left out, since they hold no finite numbers that differ: {listed}",) if others else ()
        return _loaded(table, name=name, words=f"the rows of {shown}", notes=left_out)
    with _refusals():
        side = min(LARGEST_SIDE, max(SMALLEST_SIDE, Images(path=str(path)).own_side()))
        images = Images(path=str(path), size=side)
        broken, readable = images.unreadable()
    table = {"kind": Images.kind, "path": str(path), "size": side}
    if broken and broken <= MOST_BROKEN * readable:
        table["broken"] = broken
    return _loaded(table, name=name, words=f"the images {'in' if path.is_dir() else 'of'} {shown}")


def _check_path(path: Path, given: str, word: str) -> None:
    """Check that a path leads to what the word before it says; what else it must hold is checked when it is read."""
    if not given:
        raise Refusal(("data",), f"must name a path after {word}:", "names none")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise Refusal(("data",), "must be a path in UTF-8", f"is {escape_control(given)}") from None
    if word == "folder" and path.is_file():
        raise Refusal(("data",), "must be a folder after folder:", f"{given} is a file")
    if word in ("array", "table") and path.is_dir():
        raise Refusal(("data",), f"must be a file after {word}:", f"{given} is a folder")


def _loaded(table: Tree, *, name: str, words: str, notes: tuple[str, ...] = ()) -> ChosenData:
    data: Any = build(Data | AnyData, table, ("data",))
    sizes: Sizes = sizes_of(data)
    samples = load_samples(data)
    if sizes.every - sizes.held_out < FEWEST_FAKES:
        raise Refusal(("data",), f"must hold at least {LEAST_SAMPLES} samples", f"there are {sizes.every} ({words})")
    return ChosenData(table=table, name=name, words=words, samples=samples, notes=notes)


@contextmanager
def _refusals() -> Iterator[None]:
    """Context in which a `ValueError` of a data set becomes a `Refusal` at the path of its field."""
    try:
        yield
    except ValueError as error:
        key, _, sentence = str(error).partition(": ")
        raise Refusal(("data", key), sentence) from None


def _named(text: str) -> str:
    """A name for a study from that of a file; one that differs from those of the catalog."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:50] or "data"
    return f"{name}-study" if name in catalog() else name
