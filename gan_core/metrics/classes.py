"""Metrics of the classes that the features' classifier sees in fakes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import CLASSES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

RECOGNISED = 0.9
"""Probability of one class above which a fake counts as recognised."""


@dataclass(frozen=True, kw_only=True)
class ClassesCovered(AnyMetric):
    """Number of classes that the classifier finds in at least n/(10 K) of n fakes, K being the number of classes.

    A fake has the class of the largest probability, even if that is small: read it together with `recognised`. NaN
    with a nonfinite fake.
    """

    name: ClassVar[str] = "classes_covered"
    unit: ClassVar[str] = "count"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "number of the K classes that the features' classifier finds in at least n / (10 K) of the n fakes"
    )
    applies_to: ClassVar[Applicability] = CLASSES
    of_classes: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        shares = fake.once(_fake_shares, real)
        return fake.finite_or_nan((shares >= 1 / (10 * shares.shape[-1])).double().sum(-1))


@dataclass(frozen=True, kw_only=True)
class ClassDistance(AnyMetric):
    """Total variation between the classes' shares in the fakes and in the real samples of the split, from 0 to 1.

    Half the sum over the classes of |p_fake - p_real|: the share of the fakes that would have to change their class.
    Both are shares of the classes that the classifier finds, so its errors cancel in part. One of K equally frequent
    classes that is missing gives 1/K. NaN with a nonfinite fake.
    """

    name: ClassVar[str] = "class_distance"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "total variation between the histograms of the classes that the features' classifier finds in the fakes and in "
        "the split's real samples; compare with its value for real samples, which is not 0"
    )
    applies_to: ClassVar[Applicability] = CLASSES
    of_classes: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.finite_or_nan((fake.once(_fake_shares, real) - real.once(_real_shares)).abs().sum(-1) / 2)


@dataclass(frozen=True, kw_only=True)
class Recognised(AnyMetric):
    """Share of the fakes to which the classifier gives one class with a probability above .9.

    A classifier can be sure of images unlike any real one: read it together with `precision`. NaN with a
    nonfinite fake.
    """

    name: ClassVar[str] = "recognised"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the fakes to which the features' classifier gives one class with a probability above .9"
    )
    applies_to: ClassVar[Applicability] = CLASSES
    of_classes: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        largest = fake.once(probabilities, real).amax(-1)
        return fake.finite_or_nan((largest > RECOGNISED).double().mean(-1))


def probabilities(real: RealSamples, fake: Fakes) -> Float[Tensor, "members n classes"]:
    """Probability of each class by the features' classifier, for each fake."""
    return torch.stack([_of_classes(real, member) for member in fake.features(real)])


def _of_classes(real: RealSamples, features: Float[Tensor, "n features"]) -> Float[Tensor, "n classes"]:
    assert real.feature_map.probabilities is not None
    return real.feature_map.probabilities(features)


def _fake_shares(real: RealSamples, fake: Fakes) -> Float[Tensor, "members classes"]:
    return class_shares(fake.once(probabilities, real))


def _real_shares(real: RealSamples) -> Float[Tensor, "classes"]:
    return class_shares(_of_classes(real, real.features))


def class_shares(found: Float[Tensor, "*members n classes"]) -> Float[Tensor, "*members classes"]:
    """Share of the samples whose most probable class is each class, from the probabilities of the classes."""
    return torch.nn.functional.one_hot(found.argmax(-1), found.shape[-1]).double().mean(-2)
