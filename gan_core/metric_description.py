"""Description of a metric in words: the part that metrics of samples and metrics of the training have in common."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher", "neither"]
"""The better values of a metric; `neither` if the metric does not measure quality."""
Section = Literal["samples", "training"]
"""Section of MLflow's charts that holds a metric."""


@dataclass(frozen=True, kw_only=True)
class MetricDescription:
    """Description of one metric.

    name         name in the table `curves`, in `Evaluator.evaluate` and in MLflow
    unit         unit of the value; "data" is the unit of the samples' coordinates
    direction    "lower" if a lower value is better, "higher" if a higher value is; "neither" if the metric
                 does not measure quality
    applies_to   data or objective for which the metric is computed
    description  definition, and how to read the value
    section      section of MLflow's charts that holds the metric
    """

    name: str
    unit: str
    direction: Direction
    applies_to: str
    description: str
    section: Section = "training"
