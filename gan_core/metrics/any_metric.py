"""Abstract base class of the metrics that compare fakes with real samples, and the data that metrics apply to."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Real
from torch import Tensor

from gan_core.data import Dataset
from gan_core.features import has_classes
from gan_core.fields import check_fields
from gan_core.metric_description import Direction, MetricDescription, Section
from gan_core.metrics.samples import Fakes, RealSamples


@dataclass(frozen=True)
class Applicability:
    """The data that a metric applies to.

    text   the data in words
    holds  True for a data set of this sort
    """

    text: str
    holds: Callable[[Dataset], bool]


WITH_SPREAD = Applicability("data with spread", lambda data: data.varies)
PLANAR = Applicability("points of the plane", lambda data: data.varies and data.planar)
KNOWN_MODES = Applicability("known modes", lambda data: data.varies and data.modes is not None)
IMAGES = Applicability("images", lambda data: data.varies and data.of_images)
CLASSES = Applicability("images with classes", lambda data: IMAGES.holds(data) and has_classes(data))
WITH_CLASSES = Applicability("conditional GANs", lambda data: data.varies and data.condition_classes is not None)
WITH_MODES = Applicability("conditional GANs on known modes", lambda data: KNOWN_MODES.holds(data) and not data.labels)


class AnyMetric(ABC):
    """Abstract base class of metrics of samples, also of those that users write; its fields are its settings.

    name         name in the table `curves`, in `Evaluator.evaluate` and in MLflow
    unit         unit of the value; "data" is the unit of the samples' coordinates
    direction    "lower" if a lower value is better, "higher" if a higher value is; "neither" if the metric does not
                 measure quality
    description  definition, and how to read the value
    applies_to   data that the metric is computed for
    section      section of MLflow's charts that holds the metric
    costly       True for a metric that is measured at the last evaluation alone, unless `exact = "every"`
    paired       True for a metric of the fakes of the data's pairs; `RealSamples.targets` are the real samples of the
                 pairs, in the order of the fakes
    of_classes   True for a metric of the probabilities of classes, which `features = {kind = "classifier"}` gives
    conditional  True for a metric of the labels of conditional generators' fakes, `Fakes.known_labels`; it is measured
                 for these alone
    of_training  True for a metric that compares fakes with the training samples; the value of real samples is then that
                 of the other held-out split in place of fakes
    copies       True if the value depends on the number of copies of a sample; else the constant is measured as one
                 sample, which rounds less
    best         best attainable value, the reference `real` in place of the value of real samples; None: that value.
                 The distance of a deciding metric with the direction "higher" is `best` minus its value
    trivial      value of a generator that learned nothing, the reference `constant` in place of the value of the
                 constant; None: that value
    """

    kind: str
    name: ClassVar[str]
    unit: ClassVar[str]
    direction: ClassVar[Direction]
    description: ClassVar[str]
    applies_to: ClassVar[Applicability] = WITH_SPREAD
    section: ClassVar[Section] = "samples"
    costly: ClassVar[bool] = False
    paired: ClassVar[bool] = False
    of_classes: ClassVar[bool] = False
    conditional: ClassVar[bool] = False
    of_training: ClassVar[bool] = False
    copies: ClassVar[bool] = True
    best: ClassVar[float | None] = None
    trivial: ClassVar[float | None] = None

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def measure(self, real: RealSamples, fake: Fakes) -> Real[Tensor, "members"]:
        """The value of each member.

        A value depends on the member's own fakes alone. No value of a fake raises an exception: a NaN or infinite fake
        gives a NaN or infinite value.
        """

    @classmethod
    def applies(cls, data: Dataset) -> bool:
        """True if the metric can be computed for these data."""
        return cls.applies_to.holds(data) and (not cls.paired or bool(data.pairs))

    @classmethod
    def described(cls) -> MetricDescription:
        """The metric in words."""
        return MetricDescription(
            name=cls.name,
            unit=cls.unit,
            direction=cls.direction,
            applies_to=cls.applies_to.text,
            description=cls.description,
            section=cls.section,
        )
