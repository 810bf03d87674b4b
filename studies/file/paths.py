"""Paths in a study file: relative ones begin at the folder of the file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_core.features import FileFeatures
from studies.file.data_table import names_files
from studies.file.trees import Tree


def located(tree: Tree, folder: Path) -> Tree:
    """The tree of a study file with absolute paths of its samples and of its file of features."""
    data, evaluation = tree.get("data"), tree.get("evaluation")
    if isinstance(data, Mapping) and names_files(data):
        tree = {**tree, "data": _located(data, folder)}
    features = evaluation.get("features") if isinstance(evaluation, Mapping) else None
    if isinstance(features, Mapping) and features.get("kind") == FileFeatures.kind:
        tree = {**tree, "evaluation": {**tree["evaluation"], "features": _located(features, folder)}}
    return tree


def _located(table: Mapping[str, Any], folder: Path) -> Tree:
    path = table.get("path")
    if not isinstance(path, str) or not path:
        return dict(table)
    return {**table, "path": os.path.abspath(folder / Path(path).expanduser())}
