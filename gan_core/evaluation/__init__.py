"""Evaluation: the metrics of generators, and reference values computed from the data alone."""

from gan_core.evaluation.evaluation_settings import EvaluationSettings, check_metrics
from gan_core.evaluation.evaluator import Evaluator, applicable_metrics, resolved_settings
from gan_core.evaluation.references import (
    ReferenceDistances,
    ReferenceValues,
    equilibrium_distances,
    reference_values,
)
from gan_core.reference_cache import EVALUATION_VERSION

__all__ = [
    "EVALUATION_VERSION",
    "EvaluationSettings",
    "Evaluator",
    "ReferenceDistances",
    "ReferenceValues",
    "applicable_metrics",
    "check_metrics",
    "equilibrium_distances",
    "reference_values",
    "resolved_settings",
]
