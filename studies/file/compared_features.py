"""The features in the table `[evaluation]`: their part of addresses, and the path of a file of features."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_core.evaluation import EvaluationSettings
from gan_core.features import AutoFeatures, FileFeatures


def addressed_evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """A table `[evaluation]` as addresses hold it.

    Without the path of the features' file, which may differ between machines: the file's hash determines the metrics.
    Also without features of kind "auto", which mean pixels in a resolved study.
    """
    features = {name: value for name, value in evaluation.get("features", {}).items() if name != "path"}
    others = {name: value for name, value in evaluation.items() if name != "features"}
    return others if features in ({}, {"kind": AutoFeatures.kind}) else {**others, "features": features}


def path_of(settings: EvaluationSettings) -> str:
    """Path of the features' file, empty for features that need none."""
    return settings.features.path if isinstance(settings.features, FileFeatures) else ""


def with_path(settings: EvaluationSettings, path: str | Path) -> EvaluationSettings:
    """The settings with another path of the features' file, if they need one."""
    if not isinstance(settings.features, FileFeatures):
        return settings
    return replace(settings, features=replace(settings.features, path=str(path)))


def absolute(settings: EvaluationSettings) -> EvaluationSettings:
    """The settings with the absolute path of the features' file: workers have another working folder."""
    return with_path(settings, Path(path_of(settings)).absolute()) if path_of(settings) else settings
