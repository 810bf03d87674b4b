"""Evaluation: the metrics of a trainer's members, and reference values computed from the data alone."""

from gan_core.evaluation.evaluation_settings import EvaluationSettings
from gan_core.evaluation.evaluator import Evaluator
from gan_core.evaluation.references import ReferenceDistances, References, compute_references
from gan_core.evaluation.sample_metrics import SampleMetrics

EVALUATION_VERSION = 1
"""Increased by hand with every change of the code that changes a metric's values."""

__all__ = ["EVALUATION_VERSION", "EvaluationSettings", "Evaluator", "ReferenceDistances", "References", "SampleMetrics", "compute_references"]
