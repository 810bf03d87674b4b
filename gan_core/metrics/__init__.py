"""Metrics of generated samples; `METRICS` describes them and the metrics of the training."""

from gan_core.metrics.histogram import Box, jensen_shannon
from gan_core.metrics.modes import mode_metrics
from gan_core.metrics.neighbours import Balls, neighbour_metrics
from gan_core.metrics.occupancy import occupied_cells, spread
from gan_core.metrics.registry import AVERAGE, METRICS, Metric
from gan_core.metrics.sliced import quantile_steps, sliced_wasserstein, sorted_projections, unit_directions
from gan_core.metrics.transport import TransportPlan, transport_plan, wasserstein_1

__all__ = [
    "AVERAGE",
    "METRICS",
    "Balls",
    "Box",
    "Metric",
    "TransportPlan",
    "jensen_shannon",
    "mode_metrics",
    "neighbour_metrics",
    "occupied_cells",
    "quantile_steps",
    "sliced_wasserstein",
    "sorted_projections",
    "spread",
    "transport_plan",
    "unit_directions",
    "wasserstein_1",
]
