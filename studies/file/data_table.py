"""The table `[data]` of a study: where its files lie, and what of it is part of a trial's address."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from gan_core.data import AnyData, Data
from studies.file.trees import Tree

_KINDS: Mapping[str, type[AnyData]] = {kind.kind: kind for kind in get_args(Data)}


def located(tree: Tree, folder: Path) -> Tree:
    """The tree of a study file in which `data.path`, if it is relative, begins at the folder of the file."""
    data = tree.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("path"), str) or not _has_path(data):
        return tree
    path = os.path.abspath(folder / Path(data["path"]).expanduser()) if data["path"] else ""
    return {**tree, "data": {**data, "path": path}}


def addressed_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved table `[data]` that is part of a trial's address, besides the hash of the samples.

    The same images at another path are the same data.
    """
    kind = _KINDS.get(data["kind"])
    unaddressed = () if kind is None else kind.unaddressed
    return {key: value for key, value in data.items() if key not in unaddressed}


def is_of_files(data: AnyData) -> bool:
    """True if the samples are read from files at `data.path`."""
    return "path" in data.unaddressed


def _has_path(data: Mapping[str, Any]) -> bool:
    kind = _KINDS.get(str(data.get("kind")))
    return kind is not None and "path" in kind.unaddressed
