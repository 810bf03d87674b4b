"""Metrics of conditional generators: distances within each class, and agreement of fakes with their labels."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import CLASSES, WITH_CLASSES, WITH_MODES, AnyMetric, Applicability
from gan_core.metrics.classes import probabilities
from gan_core.metrics.modes import nearest_modes
from gan_core.metrics.samples import Fakes, RealSamples
from gan_core.metrics.sliced import directions_of, sliced_wasserstein, sorted_projections

_BY_CLASS = (
    "sliced Wasserstein distance between the fakes with the label of a class and the split's real samples of that class"
)


@dataclass(frozen=True, kw_only=True)
class ClassSlicedWasserstein(AnyMetric):
    """Mean over the classes of the sliced Wasserstein distance between fakes and real samples of one class.

    mean over k of SW(real samples of class k, fakes with label k), each class with the same weight

    A generator that ignores its labels has a small `sliced_wasserstein`, and here about the distance of the whole data
    from a single class. Classes without a real sample in the split, or without a fake, are left out. Small classes have
    large values even for real samples: compare with the value of real samples.
    """

    name: ClassVar[str] = "class_sliced_wasserstein"
    unit: ClassVar[str] = "data"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        f"mean over the classes, each with the same weight, of the {_BY_CLASS}. Compare with its value for real "
        "samples, which is not 0"
    )
    applies_to: ClassVar[Applicability] = WITH_CLASSES
    conditional: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_class_distances, real).mean(-1)


@dataclass(frozen=True, kw_only=True)
class WorstClassDistance(AnyMetric):
    """Largest sliced Wasserstein distance between fakes and real samples of one class, over the classes.

    The classes are those of `class_sliced_wasserstein`.
    """

    name: ClassVar[str] = "worst_class_distance"
    unit: ClassVar[str] = "data"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = f"largest over the classes of the {_BY_CLASS}"
    applies_to: ClassVar[Applicability] = WITH_CLASSES
    conditional: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_class_distances, real).amax(-1)


@dataclass(frozen=True, kw_only=True)
class LabelAgreement(AnyMetric):
    """Share of the fakes in which the features' classifier finds the class of their label; NaN with a nonfinite fake.

    Real samples have the classifier's accuracy. It does not see variety: one good fake for each class has the value 1.
    """

    name: ClassVar[str] = "label_agreement"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the fakes in which the features' classifier finds the class of their label; for real samples its "
        "accuracy"
    )
    applies_to: ClassVar[Applicability] = CLASSES
    of_classes: ClassVar[bool] = True
    conditional: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        found = fake.once(probabilities, real).argmax(-1)
        return fake.finite_or_nan((found == fake.known_labels).double().mean(-1))


@dataclass(frozen=True, kw_only=True)
class ModeAgreement(AnyMetric):
    """Share of the fakes whose nearest mode is that of their label; NaN with a nonfinite fake.

    For data whose classes are the known modes. Read it together with `high_quality`, since a fake may be far from its
    nearest mode.
    """

    name: ClassVar[str] = "mode_agreement"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = "share of the fakes whose nearest mode is that of their label"
    applies_to: ClassVar[Applicability] = WITH_MODES
    conditional: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        assert real.data.modes is not None
        found = nearest_modes(fake.samples, real.data.modes)
        return fake.finite_or_nan((found == fake.known_labels).double().mean(-1))


def _class_distances(real: RealSamples, fake: Fakes) -> Float[Tensor, "members classes"]:
    """Distance of each class that has both real samples and fakes; NaN if there is none."""
    directions, projections = directions_of(real), real.once(_class_projections)
    distances = [
        sliced_wasserstein(projections[label], sorted_projections(fake.samples[:, rows], directions))
        for label, rows in rows_by_class(fake.known_labels).items()
        if label in projections
    ]
    missing = fake.samples.new_full((len(fake.samples),), torch.nan)
    return torch.stack(distances or [missing], dim=-1)


def _class_projections(real: RealSamples) -> dict[int, Float[Tensor, "directions m"]]:
    directions = directions_of(real)
    return {
        label: sorted_projections(real.samples[rows], directions)
        for label, rows in rows_by_class(real.known_labels).items()
    }


def rows_by_class(labels: Int[Tensor, "n"]) -> dict[int, Int[Tensor, "rows"]]:
    """Rows of the samples of each class that occurs, by its label."""
    return {int(label): torch.nonzero(labels == label)[:, 0] for label in labels.unique()}
