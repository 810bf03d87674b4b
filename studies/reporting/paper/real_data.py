"""The real data of a study for the text of a paper: sizes of the splits and shape of a sample, where they are there."""

from dataclasses import dataclass
from typing import Any

from gan_core.data import Dataset
from studies.errors import GanStudyError
from studies.reporting.paper.latex_text import Tex
from studies.tables.results import Results


@dataclass(frozen=True)
class RealData:
    """The data of a study and its samples.

    results  of the study
    dataset  the samples; None if this machine does not have the files or the user's class
    """

    results: Results
    dataset: Dataset | None

    @classmethod
    def of(cls, results: Results) -> "RealData":
        """The data of a study, without samples where they cannot be loaded."""
        try:
            return cls(results, results.data)
        except (GanStudyError, ValueError, OSError, ImportError):
            return cls(results, None)

    @property
    def bounded(self) -> bool:
        """True if every coordinate is known to lie in [-1, 1]."""
        return self.dataset.bounded if self.dataset else self.results.study.data.kind in ("images", "mnist")

    @property
    def of_images(self) -> bool:
        """True for images."""
        return self.dataset.of_images if self.dataset else self.results.study.data.kind in ("images", "mnist")

    @property
    def facts(self) -> dict[str, Any]:
        """Values for the template: data, sizes of the splits, shape of an image, known modes, cells of the outcomes."""
        study, dataset = self.results.study, self.dataset
        known = dataset is not None and dataset.modes is not None
        return {
            "data": study.data,
            "sizes": dataset and {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
            "planar": dataset is not None and dataset.planar and study.data.kind not in ("table",),
            **self._pixels(),
            "varies": dataset is None or dataset.varies,
            "known_modes": known,
            "cells": "one for each mode" if known else f"{study.evaluation.cells} k-means cells of the training data",
        }

    def _pixels(self) -> dict[str, str]:
        """Height and width of an image, and if it has colours, where that is known."""
        size = getattr(self.results.study.data, "size", None)
        shape = self.dataset.shape if self.dataset and self.dataset.of_images else (0, size, size)
        channels = {1: "grey ", 3: "colour "}.get(shape[0], "")
        return {"channels": channels, "shape": Tex(rf"${shape[-2]} \times {shape[-1]}$")}
