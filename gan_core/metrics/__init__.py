"""Metrics of generated samples; `METRICS` describes them and the metrics of the training."""

from gan_core.metrics.any_metric import (
    CLASSES,
    IMAGES,
    KNOWN_MODES,
    PLANAR,
    WITH_CLASSES,
    WITH_MODES,
    WITH_SPREAD,
    AnyMetric,
    Applicability,
)
from gan_core.metrics.frechet import FrechetDistance, frechet_distance, moments
from gan_core.metrics.histogram import Box, jensen_shannon
from gan_core.metrics.kernel import KernelDistance, KernelReference, kernel_distance
from gan_core.metrics.memorisation import Memorisation
from gan_core.metrics.modes import mode_metrics
from gan_core.metrics.neighbours import Balls, neighbour_metrics
from gan_core.metrics.occupancy import cell_centers, occupied_cells, real_cells, spread
from gan_core.metrics.registry import AVERAGE, METRICS, SAMPLE_METRICS
from gan_core.metrics.sample_settings import SampleSettings
from gan_core.metrics.samples import Fakes, RealSamples
from gan_core.metrics.sliced import (
    SlicedWasserstein,
    choose_directions,
    quantile_steps,
    sliced_wasserstein,
    sorted_projections,
    unit_directions,
)
from gan_core.metrics.transport import TransportPlan, transport_plan, wasserstein_1

__all__ = [
    "AVERAGE",
    "CLASSES",
    "IMAGES",
    "KNOWN_MODES",
    "METRICS",
    "PLANAR",
    "SAMPLE_METRICS",
    "WITH_CLASSES",
    "WITH_MODES",
    "WITH_SPREAD",
    "AnyMetric",
    "Applicability",
    "Balls",
    "Box",
    "Fakes",
    "FrechetDistance",
    "KernelDistance",
    "KernelReference",
    "Memorisation",
    "RealSamples",
    "SampleSettings",
    "SlicedWasserstein",
    "TransportPlan",
    "cell_centers",
    "choose_directions",
    "frechet_distance",
    "jensen_shannon",
    "kernel_distance",
    "mode_metrics",
    "moments",
    "neighbour_metrics",
    "occupied_cells",
    "quantile_steps",
    "real_cells",
    "sliced_wasserstein",
    "sorted_projections",
    "spread",
    "transport_plan",
    "unit_directions",
    "wasserstein_1",
]
