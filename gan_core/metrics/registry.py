"""Every metric of this library: those of samples, found in the modules of this package, and those of the training."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from typing import get_args

from gan_core.metric_description import MetricDescription
from gan_core.metrics.any_metric import AnyMetric
from gan_core.objectives import Objective
from gan_core.training.health import HEALTH_METRICS

AVERAGE = "_of_average"
"""Suffix of a metric of the averaged generator (`training.generator_average`)."""


def _found() -> Iterator[AnyMetric]:
    """An instance of every metric class in the modules of this package, by module, then in the order of definition."""
    for found in iter_modules([str(Path(__file__).parent)]):
        module = import_module(f"{__package__}.{found.name}")
        for value in vars(module).values():
            is_metric = isinstance(value, type) and issubclass(value, AnyMetric) and not isabstract(value)
            if is_metric and value.__module__ == module.__name__:
                yield value()


SAMPLE_METRICS: tuple[AnyMetric, ...] = tuple(_found())
"""Every metric of samples, as an evaluation computes it."""
METRICS: Mapping[str, MetricDescription] = {
    description.name: description
    for description in (
        *(metric.described() for metric in SAMPLE_METRICS),
        *HEALTH_METRICS,
        *(description for objective in get_args(Objective) for description in objective.described_metrics),
    )
}
"""Description of every metric, by name: those of samples, those of the training, those of single objectives."""
